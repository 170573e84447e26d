-- Which items changed beside their stock (renamed, moved to another category, archived …), for screens that
-- follow: read forward like movements. Triggers write it, so that nobody forgets to, not even the release
-- before this one. Rows are forgotten after a day.

create table item_changes (
    id bigint generated always as identity constraint item_changes_pkey primary key,
    -- Null for what many items show: the name of a category or of a location.
    item_id bigint,
    changed_at timestamptz not null default now(),
    -- With id, the order in which readers follow.
    xid xid8 not null default pg_current_xact_id()
);
create index item_changes_xid_id_idx on item_changes (xid, id);

-- Up to which transaction changes have been forgotten: whoever has not seen these may have missed one.
create table item_changes_forgotten (
    is_only boolean not null default true
        constraint item_changes_forgotten_pkey primary key
        constraint item_changes_forgotten_is_only_check check (is_only),
    xid xid8 not null default '0'
);
insert into item_changes_forgotten default values;

create function note_item_change() returns trigger
    security definer set search_path = pg_catalog, public, pg_temp language plpgsql as $$
begin
    insert into item_changes (item_id) values (new.id);
    return null;
end $$;

create function note_change_of_many() returns trigger
    security definer set search_path = pg_catalog, public, pg_temp language plpgsql as $$
begin
    insert into item_changes (item_id) values (null);
    return null;
end $$;

-- Postings change neither of these columns, and pay nothing for it.
create trigger items_update_note after update of version, archived_at on items
    for each row when (old.version is distinct from new.version or old.archived_at is distinct from new.archived_at)
    execute function note_item_change();
create trigger categories_update_note after update on categories
    for each row when (old.* is distinct from new.*) execute function note_change_of_many();
create trigger locations_update_note after update on locations
    for each row when (old.* is distinct from new.*) execute function note_change_of_many();

grant select, delete on item_changes to ticker_app;
grant select, update on item_changes_forgotten to ticker_app;
