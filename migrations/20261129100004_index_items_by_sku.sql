-- no-transaction
-- All items by SKU, archived or not.
create index concurrently items_sku_id_idx on items (sku, id);
