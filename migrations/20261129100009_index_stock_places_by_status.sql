-- no-transaction
-- What is at a location by status.
create index concurrently stock_places_status_idx on stock_places (location_id, archived, status, item_id);
