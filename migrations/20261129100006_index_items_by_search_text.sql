-- no-transaction
-- Searches. Searches read what is pending as it stands, so it is entered soon.
create index concurrently items_search_text_idx on items using gin (search_text gin_trgm_ops) with (gin_pending_list_limit = 512);
