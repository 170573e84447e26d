-- no-transaction
-- levels_location_id_on_hand_idx is for everything that this was for.
drop index concurrently if exists levels_location_id_idx;
