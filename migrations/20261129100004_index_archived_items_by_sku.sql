-- no-transaction
-- Archived items by SKU; items_sku_idx has those in use.
create index concurrently items_archived_sku_idx on items (sku, id) where archived_at is not null;
