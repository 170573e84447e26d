-- no-transaction
-- items_home_location_id_id_idx is for everything that this was for.
drop index concurrently items_home_location_id_idx;
