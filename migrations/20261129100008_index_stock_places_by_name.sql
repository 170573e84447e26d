-- no-transaction
-- What is at a location by name.
create index concurrently stock_places_name_idx on stock_places (location_id, archived, name, item_id) include (status);
