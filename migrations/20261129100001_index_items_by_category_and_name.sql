-- no-transaction
-- A category's items by name.
create index concurrently items_category_id_name_idx on items (category_id, name, id) where archived_at is null;
