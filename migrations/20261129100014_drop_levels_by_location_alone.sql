-- no-transaction
-- levels_location_id_on_hand_idx is for everything that this was for.
drop index concurrently levels_location_id_idx;
