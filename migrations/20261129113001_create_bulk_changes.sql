-- One change for many items goes on in several transactions. What it has done is kept here in the same
-- transaction that did it, so that it counts once and can be continued; and told afterwards.

create table bulk_changes (
    id bigint generated always as identity constraint bulk_changes_pkey primary key,
    -- Of the form that asked for it. The keys of its postings follow from it and from `chunks`.
    key uuid not null constraint bulk_changes_key_key unique,
    actor_id bigint not null constraint bulk_changes_actor_id_fkey references users (id),
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
    chunks bigint not null default 0,
    after_item_id bigint not null default 0
);

grant select, insert, update on bulk_changes to ticker_app;
