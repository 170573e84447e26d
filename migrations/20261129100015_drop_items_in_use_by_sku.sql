-- no-transaction
-- items_sku_id_idx is for everything that this was for.
drop index concurrently items_sku_idx;
