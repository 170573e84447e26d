-- no-transaction
-- A category's items by name: how a category is looked at, and too often too few of all names to be met on the way.
create index concurrently items_category_id_name_idx on items (category_id, name, id) where archived_at is null;
