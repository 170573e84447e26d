-- no-transaction
-- What is at a location by name, with what else a list is filtered by.
create index concurrently stock_places_name_idx on stock_places (location_id, archived, name, item_id) include (category_id, status);
