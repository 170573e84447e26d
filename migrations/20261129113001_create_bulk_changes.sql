-- One change for many items goes on in several transactions. What it has done is kept here in the same
-- transaction that did it, so that it counts once and can be continued; and told afterwards.

create table bulk_changes (
    id bigint generated always as identity constraint bulk_changes_pkey primary key,
    -- Of the form that asked for it. The keys of its postings follow from it and from their items.
    key uuid not null constraint bulk_changes_key_key unique,
    actor_id bigint not null constraint bulk_changes_actor_id_fkey references users (id),
    -- The one whose postings it takes back, if that is what it does.
    undoes_id bigint constraint bulk_changes_undoes_id_fkey references bulk_changes (id),
    -- The form as it was sent: the same key with another one is an error, and whoever continues sends it again. It is
    -- emptied, and so is `skips`, a month after the end.
    form text not null constraint bulk_changes_form_check check (char_length(form) <= 65536),
    begun_at timestamptz not null,
    stepped_at timestamptz not null,
    ended_at timestamptz,
    -- Why nobody is at it any more, for whoever asked for it; null if somebody is, or if they never could say.
    rests_because text,
    -- How many items were changed and left out; and of these the first, each with its reason.
    changed bigint not null default 0,
    skipped bigint not null default 0,
    skips jsonb not null default '[]',
    after_item_id bigint not null default 0
);

create index bulk_changes_undoes_id_idx on bulk_changes (undoes_id) where undoes_id is not null;

-- What it posted, a posting for each item: so each is taken back, or not, on its own
-- (docs/decisions/0019-an-undo-is-a-posting.md).
create table bulk_postings (
    bulk_change_id bigint not null constraint bulk_postings_bulk_change_id_fkey references bulk_changes (id),
    item_id bigint not null,
    posting_id bigint not null constraint bulk_postings_posting_id_key unique,
    constraint bulk_postings_pkey primary key (bulk_change_id, item_id)
);

grant select, insert, update on bulk_changes to ticker_app;
grant select, insert on bulk_postings to ticker_app;
