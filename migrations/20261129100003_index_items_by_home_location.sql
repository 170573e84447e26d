-- no-transaction
-- Homes one after the other, each by id; archived items are passed over without being read.
create index concurrently items_home_location_id_id_idx on items (home_location_id, id) include (archived_at);
