-- Reads all postings beside whoever posts.
alter table postings validate constraint postings_kind_check;
