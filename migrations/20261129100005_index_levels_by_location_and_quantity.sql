-- no-transaction
-- What is at a location by its quantity there.
create index concurrently levels_location_id_on_hand_idx on levels (location_id, on_hand, item_id);
