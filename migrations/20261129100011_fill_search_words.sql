-- no-transaction
-- The words of the items that are there already; new ones are kept since the table is there. Some items at a time:
-- whoever adds an item with one of these words waits until they are committed. Whose words are being added just
-- now is waited for shortly and tried again, as they may be waiting for what was entered here.
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
            insert into search_words
            select distinct word from items, search_words_of(search_text) word
            where id > entered and id <= last
            order by word
            on conflict do nothing;
            entered = last;
        exception when lock_not_available then
            null;
        end;
        commit;
    end loop;
    analyze search_words;
end $$;
