-- no-transaction
-- Archived items home by home, each by id: among those in use they are too rare to be passed by.
create index concurrently items_archived_home_location_id_idx on items (home_location_id, id) where archived_at is not null;
