-- Which posting takes back which, and what a posting is beside its reason
-- (docs/decisions/0019-an-undo-is-a-posting.md). The release before neither reads nor writes any of it.

-- Null for an ordinary change or count. The reasons stay those that every release knows.
alter table postings add column kind text;
-- Not valid yet, as the rows that are there need not be read while the table is locked.
alter table postings add constraint postings_kind_check check (char_length(kind) between 1 and 40) not valid;

-- A table of its own: a unique index on postings would have to read all of them while nobody can post.
create table undos (
    -- Each posting is taken back once at most, whoever tries at the same moment.
    undoes_id bigint constraint undos_pkey primary key,
    posting_id bigint not null constraint undos_posting_id_key unique
);

grant select, insert on undos to ticker_app;
