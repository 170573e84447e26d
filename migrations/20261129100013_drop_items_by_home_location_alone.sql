-- no-transaction
-- items_home_location_id_id_idx is for everything that this was for.
drop index concurrently if exists items_home_location_id_idx;
