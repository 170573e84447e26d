-- no-transaction
-- Items by name, with what a search looks into: what many are called is looked for along the list.
create index concurrently items_name_search_text_idx on items (name, id) include (search_text) where archived_at is null;
