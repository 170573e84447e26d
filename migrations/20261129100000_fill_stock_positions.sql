-- no-transaction
-- Enters the items that were there before 20261129095900, some at a time, so that whoever changes one of them waits
-- for these only. What somebody holds is waited for shorter than a press waits, and tried again. An item is entered
-- everywhere or nowhere: at location 0 stands each that is, be it by a trigger or by a try before.
do $$
declare
    slice constant bigint = 1000;
    entered bigint = 0;
    last bigint;
begin
    loop
        select max(id) into last from (select id from items where id > entered order by id limit slice) next;
        exit when last is null;
        perform set_config('lock_timeout', '100ms', true);
        begin
            perform from items where id > entered and id <= last order by id for no key update;
            with missing as materialized (
                select id, category_id, home_location_id, archived_at is not null as archived, status, name, search_text, total, changed_at
                from items
                where id > entered and id <= last
                  and not exists (select from stock_places where item_id = id and location_id = 0)
            ), counted as (
                insert into stock_counts
                select category_id, archived, status, count(*) from missing
                group by grouping sets ((category_id, archived, status), (archived, status))
            ), worded as (
                insert into search_word_uses
                select word, count(*), min(name), max(name), false
                from missing, search_words_of(search_text) word
                where not archived
                group by word
            ), positioned as (
                insert into stock_positions select id, archived, status, total, changed_at from missing
            )
            insert into stock_places
            select id, 0, false, archived, category_id, status, name from missing
            union all
            select id, location_id, bool_or(has_level), archived, category_id, status, name
            from missing join (
                select item_id, location_id, true as has_level from levels where item_id > entered and item_id <= last
                union all
                select id, home_location_id, false from missing
            ) places on item_id = id
            group by id, location_id, archived, category_id, status, name
            on conflict (item_id, location_id) do update
            set has_level = excluded.has_level, archived = excluded.archived, category_id = excluded.category_id,
                status = excluded.status, name = excluded.name;
            entered = last;
        exception when lock_not_available then
            null;
        end;
        commit;
    end loop;
    with counted as (delete from stock_counts returning *)
    insert into stock_counts
    select category_id, archived, status, sum(items) from counted
    group by category_id, archived, status having sum(items) <> 0;
    with counted as (delete from search_word_uses returning *)
    insert into search_word_uses
    select word, sum(items), min(first_name), max(last_name), true from counted group by word;
    commit;
    analyze search_word_uses, stock_positions, stock_places, stock_counts, items, categories, locations;
end $$;
