-- no-transaction
-- Categories one after the other, each by id.
create index concurrently items_category_id_id_idx on items (category_id, id);
