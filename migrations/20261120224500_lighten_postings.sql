-- What each press paid for and nobody used (docs/decisions/0007-what-a-posting-does-not-check.md).

-- In the order in which batches come to them, so that neither waits for the other.
lock table users, items, locations, postings, movements, levels, posting_keys in access exclusive mode;

-- A batch holds the rows that these would check: its actors and items are locked, its postings are its
-- own. Nobody but the schema's owner can delete any of them. `ticker verify` asks the same (I1, I5).
alter table postings drop constraint postings_actor_id_fkey;
alter table movements drop constraint movements_posting_id_fkey;
alter table movements drop constraint movements_item_id_fkey;
alter table movements drop constraint movements_location_id_fkey;
alter table posting_keys drop constraint posting_keys_posting_id_fkey;

-- No query asks for it.
drop index postings_actor_id_idx;

-- An item's total changes with every press. While a changing column is indexed, each change is entered
-- into all eleven indexes of items; without, it stays within the row's page.
drop index items_total_idx;
drop index items_changed_at_idx;
alter table items set (fillfactor = 80);
alter table levels set (fillfactor = 80);
