-- The words of the items that are there already; new ones are kept since the table is there.
insert into search_words
select distinct word from items, regexp_split_to_table(search_text, '[^[:alpha:]]+') word where char_length(word) >= 4
on conflict do nothing;
analyze search_words;
