-- no-transaction
-- What has nothing on hand at a location because nothing ever was.
create index concurrently stock_places_home_only_idx on stock_places (location_id, archived, item_id) where not has_level and location_id > 0;
