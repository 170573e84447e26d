-- no-transaction
-- items_category_id_id_idx is for everything that this was for.
drop index concurrently if exists items_category_id_idx;
