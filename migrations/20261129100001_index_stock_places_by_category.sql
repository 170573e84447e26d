-- no-transaction
-- What is at a location by category, and there by status.
create index concurrently stock_places_category_idx on stock_places (location_id, archived, category_id, status, item_id);
