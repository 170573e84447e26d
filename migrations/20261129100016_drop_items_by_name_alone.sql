-- no-transaction
-- items_name_search_text_idx is for everything that this was for.
drop index concurrently if exists items_name_idx;
