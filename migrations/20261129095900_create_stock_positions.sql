-- What lists need to know of a million items without reading them: where each stands by its quantity and its last
-- change, which are at a location, and how many there are (docs/decisions/0017-lists-of-a-million-items.md).
--
-- All of it follows from items and levels, and is kept by triggers in the transaction that changes these, so that the
-- release before keeps it, too. They run once a statement, however many rows it changes: a batch pays once. What was
-- there before them is entered by the next file.

-- Where each item stands by what changes with every press. On items themselves each press would enter all indexes.
create table stock_positions (
    item_id bigint not null,
    archived boolean not null,
    status text not null,
    total bigint not null,
    changed_at timestamptz not null
);

-- Which items are at a location: those that have a level there, and those that are at home there. At location 0 is
-- every item.
create table stock_places (
    item_id bigint not null,
    location_id bigint not null,
    -- Whether there is a level; without one there is nothing on hand.
    has_level boolean not null,
    archived boolean not null,
    category_id bigint not null,
    status text not null,
    name text collate natural_order not null
);

-- How many items there are by status, of each category and (where that is null) of all. Each change adds rows with
-- the difference, so that nobody waits for anybody; now and then a job folds them into one.
create table stock_counts (
    category_id bigint,
    archived boolean not null,
    status text not null,
    items bigint not null
);

-- Words of items' names and SKUs, folded: what somebody may have meant who misspelt one. They stay when the last
-- item goes that has them: whoever is led to one looks for it first.
create table search_words (
    word text collate "C" constraint search_words_pkey primary key
);

-- How many items in use have a word, and between which names of the list these stand: differences, as in
-- stock_counts, and names that may reach further than those that are left.
create table search_word_uses (
    word text collate "C" not null,
    items bigint not null,
    first_name text collate natural_order,
    last_name text collate natural_order,
    -- Whether a job has made it of others.
    folded boolean not null
);

-- Those that keeping and folding look things up by; what only lists need is made afterwards, beside running replicas.
-- A position is found by its place in one order and entered into both: an index by item_id would be a third to enter.
create unique index stock_positions_total_idx on stock_positions (archived, status, total, item_id);
alter table stock_places add constraint stock_places_pkey primary key (item_id, location_id);
create index stock_counts_category_id_idx on stock_counts (category_id);
create index search_words_end_idx on search_words (reverse(word) collate "C");
create index search_word_uses_word_idx on search_word_uses (word);
create index search_word_uses_fresh_idx on search_word_uses (word) where not folded;
create index categories_name_idx on categories (name, id);
create index locations_name_idx on locations (name, id);

-- The words of an item's text, each once: what ticker_domain::search keeps of a term is looked for among them. Numbers
-- are none.
create function search_words_of(search_text text) returns setof text language sql immutable parallel safe as $$
    select distinct word from regexp_split_to_table(search_text, '[^[:alpha:]]+') word where char_length(word) >= 3
$$;

create function keep_inserted_items() returns trigger
    security definer set search_path = pg_catalog, public, pg_temp
    set enable_seqscan = off set enable_mergejoin = off language plpgsql as $$
begin
    insert into stock_positions select id, archived_at is not null, status, total, changed_at from new_items;
    insert into stock_places
    select id, location_id, false, archived_at is not null, category_id, status, name
    from new_items, unnest(array[0, home_location_id]) location_id;
    insert into stock_counts
    select category_id, archived_at is not null, status, count(*) from new_items
    group by grouping sets ((category_id, archived_at is not null, status), (archived_at is not null, status));
    with worded as materialized (
        select word, count(*) as items, min(name) as first_name, max(name) as last_name
        from new_items, search_words_of(search_text) word
        group by word
    ), used as (
        insert into search_word_uses select word, items, first_name, last_name, false from worded
    )
    insert into search_words select word from worded order by word on conflict do nothing;
    return null;
end $$;

-- What is looked up is found through its index, whatever is thought of how many rows there are.
create function keep_updated_items() returns trigger
    security definer set search_path = pg_catalog, public, pg_temp
    set enable_seqscan = off set enable_mergejoin = off language plpgsql as $$
begin
    update stock_positions position
    set archived = after.archived_at is not null, status = after.status, total = after.total, changed_at = after.changed_at
    from new_items after join old_items before on before.id = after.id
    where position.archived = (before.archived_at is not null)
      and position.status = before.status
      and position.total = before.total
      and position.item_id = after.id
      and (before.archived_at is null, before.status, before.total, before.changed_at)
          is distinct from (after.archived_at is null, after.status, after.total, after.changed_at);

    -- The rest changes with an edit or at a threshold, not with every press.
    if not exists (
        select from new_items after join old_items before on before.id = after.id
        where (before.name, before.search_text, before.category_id, before.home_location_id, before.status, before.archived_at is null)
              is distinct from (after.name, after.search_text, after.category_id, after.home_location_id, after.status,
                                after.archived_at is null)
    ) then
        return null;
    end if;

    -- Who stands nowhere yet was there before, and is counted when it is entered.
    insert into stock_counts
    select category_id, archived, status, sum(items)
    from (
        select id, category_id, archived_at is not null as archived, status, 1 as items from new_items
        union all
        select id, category_id, archived_at is not null, status, -1 from old_items
    ) changes
    where exists (select from stock_places where item_id = id and location_id = 0)
    group by grouping sets ((category_id, archived, status), (archived, status))
    having sum(items) <> 0;

    delete from stock_places place using old_items before join new_items after on after.id = before.id
    where after.home_location_id <> before.home_location_id
      and place.item_id = before.id and place.location_id = before.home_location_id and not place.has_level;
    update stock_places place
    set name = after.name, archived = after.archived_at is not null, category_id = after.category_id, status = after.status
    from new_items after
    where place.item_id = after.id
      and (place.name, place.archived, place.category_id, place.status)
          is distinct from (after.name, after.archived_at is not null, after.category_id, after.status);
    insert into stock_places
    select id, home_location_id, false, archived_at is not null, category_id, status, name from new_items
    on conflict (item_id, location_id) do nothing;
    with reworded as (
        select after.id, after.name, before.search_text as old_text, after.search_text as new_text,
               before.archived_at is null as was_in_use, after.archived_at is null as is_in_use
        from new_items after join old_items before on before.id = after.id
        where (before.name, before.search_text, before.archived_at is null)
              is distinct from (after.name, after.search_text, after.archived_at is null)
    ), worded as materialized (
        select word, sum(items) as items, min(name) as first_name, max(name) as last_name
        from (
            select id, word, -1 as items, null as name from reworded, search_words_of(old_text) word where was_in_use
            union all
            select id, word, 1, name from reworded, search_words_of(new_text) word where is_in_use
        ) changes
        where exists (select from stock_places where item_id = id and location_id = 0)
        group by word
    ), used as (
        insert into search_word_uses select word, items, first_name, last_name, false from worded
    )
    insert into search_words
    select distinct word from reworded, search_words_of(new_text) word order by word
    on conflict do nothing;
    return null;
end $$;

create function keep_inserted_levels() returns trigger
    security definer set search_path = pg_catalog, public, pg_temp
    set enable_seqscan = off set enable_mergejoin = off language plpgsql as $$
begin
    insert into stock_places
    select item_id, location_id, true, archived_at is not null, category_id, status, name
    from new_levels join items on id = item_id
    on conflict (item_id, location_id) do update set has_level = true;
    return null;
end $$;

grant select on stock_positions, stock_places, stock_counts, search_words, search_word_uses to ticker_app;
-- For folding.
grant insert, delete on stock_counts, search_word_uses to ticker_app;

-- How often a text occurs is guessed from a sample; with a large one, what is rare is not taken for frequent.
create extension pg_trgm;
alter table items alter search_text set statistics 1000;
create index search_words_part_idx on search_words using gin (word gin_trgm_ops) with (fastupdate = off);

-- Last, as nobody changes items or levels from here to the end.
create trigger items_insert_keep after insert on items
    referencing new table as new_items for each statement execute function keep_inserted_items();
create trigger items_update_keep after update on items
    referencing old table as old_items new table as new_items
    for each statement execute function keep_updated_items();
create trigger levels_insert_keep after insert on levels
    referencing new table as new_levels for each statement execute function keep_inserted_levels();
