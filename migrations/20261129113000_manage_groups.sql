-- Locations and categories, the groups that items are sorted by, are managed: renamed, archived, merged.

alter table categories
    add column archived_at timestamptz,
    add column merged_into_id bigint constraint categories_merged_into_id_fkey references categories (id);
alter table locations
    add column merged_into_id bigint constraint locations_merged_into_id_fkey references locations (id);

-- A merge goes on in many small transactions. What it has done is kept here in the same transaction that
-- did it, so that whoever continues it neither skips nor repeats anything.
create table group_merges (
    id bigint generated always as identity constraint group_merges_pkey primary key,
    -- Of the form that began it. The keys of its postings follow from it and from `chunks`.
    key uuid not null constraint group_merges_key_key unique,
    -- Which table the two are rows of.
    kind text not null constraint group_merges_kind_check check (kind in ('location', 'category')),
    source_id bigint not null,
    target_id bigint not null,
    constraint group_merges_target_check check (target_id <> source_id),
    actor_id bigint not null constraint group_merges_actor_id_fkey references users (id),
    begun_at timestamptz not null,
    -- How many items it was about when it began, if they were not too many to count, and how many it has been through.
    items_total bigint,
    items_moved bigint not null default 0,
    chunks bigint not null default 0,
    -- Up to which item it has looked for stock.
    after_item_id bigint not null default 0,
    stepped_at timestamptz not null,
    ended_at timestamptz
);
create unique index group_merges_unended_key on group_merges (kind, source_id) where ended_at is null;

-- Who changed what about a group. It only grows.
create table group_events (
    id bigint generated always as identity constraint group_events_pkey primary key,
    at timestamptz not null,
    actor_id bigint not null constraint group_events_actor_id_fkey references users (id),
    action text not null constraint group_events_action_check check (char_length(action) between 1 and 40),
    kind text not null constraint group_events_kind_check check (kind in ('location', 'category')),
    group_id bigint not null,
    -- What it was called before, if that changed; and since.
    name_before text,
    name_after text not null,
    -- What it was merged into.
    merged_into_id bigint
);
create index group_events_group_idx on group_events (kind, group_id, id);

grant select, insert, update on group_merges to ticker_app;
grant select, insert on group_events to ticker_app;
