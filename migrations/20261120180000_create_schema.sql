-- The first schema: people and their sessions, what is kept and where, and the ledger.
--
-- Runs as ticker_owner. The application's role, ticker_app, gets exactly the privileges granted at the
-- end; what it is not granted (changing or deleting a movement or a posting) it cannot do.
-- Constraints are named <table>_<columns>_<kind>; ticker-postgres maps these names to the domain's errors.

-- Names sort as people read them: accents and case last, "M4" before "M10".
create collation natural_order (provider = icu, locale = 'und-u-kn-true');

-- People ----------------------------------------------------------------------------------------

create table users (
    id bigint generated always as identity constraint users_pkey primary key,
    username text collate natural_order not null constraint users_username_check check (char_length(username) between 1 and 64),
    username_key text not null constraint users_username_key_key unique,
    username_skeleton text not null constraint users_username_skeleton_key unique,
    display_name text not null constraint users_display_name_check check (char_length(display_name) between 1 and 100),
    role text not null constraint users_role_check check (role in ('staff', 'manager', 'admin')),
    password_hash text not null,
    must_change_password boolean not null,
    -- Bumped by whatever takes or changes rights: writes admitted under an older epoch are refused.
    auth_epoch bigint not null default 1,
    -- Of the form that enrolled them: sent twice, it enrolls once. Null when enrolled from the command line.
    enrollment_key uuid constraint users_enrollment_key_key unique,
    disabled_at timestamptz,
    created_at timestamptz not null default now()
);

create table sessions (
    -- SHA-256 of the cookie's id: a copy of this table signs nobody in.
    id_hash bytea constraint sessions_pkey primary key constraint sessions_id_hash_check check (octet_length(id_hash) = 32),
    user_id bigint not null constraint sessions_user_id_fkey references users (id),
    auth_epoch bigint not null,
    -- What pages keep between two requests, such as a message for the next one.
    data jsonb not null,
    created_at timestamptz not null default now(),
    last_seen_at timestamptz not null default now()
);
create index sessions_user_id_idx on sessions (user_id);
create index sessions_last_seen_at_idx on sessions (last_seen_at);

-- What is kept, and where -----------------------------------------------------------------------

create table categories (
    id bigint generated always as identity constraint categories_pkey primary key,
    name text collate natural_order not null constraint categories_name_check check (char_length(name) between 1 and 100),
    name_key text not null constraint categories_name_key_key unique,
    created_at timestamptz not null default now()
);

create table locations (
    id bigint generated always as identity constraint locations_pkey primary key,
    name text collate natural_order not null constraint locations_name_check check (char_length(name) between 1 and 100),
    name_key text not null constraint locations_name_key_key unique,
    archived_at timestamptz,
    created_at timestamptz not null default now()
);

create table items (
    id bigint generated always as identity constraint items_pkey primary key,
    name text collate natural_order not null constraint items_name_check check (char_length(name) between 1 and 200),
    name_key text not null constraint items_name_key_key unique,
    sku text collate natural_order not null constraint items_sku_check check (char_length(sku) between 1 and 64),
    sku_key text not null constraint items_sku_key_key unique,
    barcode text constraint items_barcode_check check (char_length(barcode) between 1 and 64),
    barcode_key text constraint items_barcode_key_key unique,
    unit text not null constraint items_unit_check check (char_length(unit) between 1 and 20),
    category_id bigint not null constraint items_category_id_fkey references categories (id),
    home_location_id bigint not null constraint items_home_location_id_fkey references locations (id),
    minimum bigint constraint items_minimum_check check (minimum between 0 and 1000000000000),
    target bigint constraint items_target_check check (target between 0 and 1000000000000),
    reorder_multiple bigint constraint items_reorder_multiple_check check (reorder_multiple between 1 and 1000000000000),
    constraint items_target_minimum_check check (target >= minimum),
    -- Name, SKU and barcode, folded: what a search looks into.
    search_text text not null,
    -- The sum of the item's levels, kept in the transaction that changes them (invariant I9).
    total bigint not null default 0 constraint items_total_check check (total >= 0),
    status text not null generated always as (
        case
            when total = 0 then 'out'
            when total <= minimum then 'low'
            when total > target + coalesce(reorder_multiple, 0) then 'over'
            else 'ok'
        end
    ) stored,
    -- Counts edits of the columns above the total, so that an edit can tell whether it saw the latest.
    version bigint not null default 1,
    changed_at timestamptz not null,
    archived_at timestamptz,
    -- Of the form that added it: sent twice, it adds one item.
    creation_key uuid not null constraint items_creation_key_key unique,
    created_at timestamptz not null
);
create index items_category_id_idx on items (category_id);
create index items_home_location_id_idx on items (home_location_id);
create index items_name_idx on items (name, id) where archived_at is null;
create index items_sku_idx on items (sku, id) where archived_at is null;
create index items_total_idx on items (total, id) where archived_at is null;
create index items_changed_at_idx on items (changed_at, id) where archived_at is null;

-- The ledger ------------------------------------------------------------------------------------

create table levels (
    item_id bigint not null constraint levels_item_id_fkey references items (id),
    location_id bigint not null constraint levels_location_id_fkey references locations (id),
    on_hand bigint not null constraint levels_on_hand_check check (on_hand between 0 and 1000000000000),
    -- How many movements led here: the last one's number, and its hash.
    version bigint not null constraint levels_version_check check (version >= 1),
    hash bytea not null constraint levels_hash_check check (octet_length(hash) = 32),
    constraint levels_pkey primary key (item_id, location_id)
);
create index levels_location_id_idx on levels (location_id, item_id);

create table postings (
    id bigint generated always as identity constraint postings_pkey primary key,
    -- The client's idempotency key. Uniqueness is kept in posting_keys, which may forget; this does not.
    key uuid not null,
    actor_id bigint not null constraint postings_actor_id_fkey references users (id),
    reason text not null constraint postings_reason_check check (char_length(reason) between 1 and 40),
    source text not null constraint postings_source_check check (char_length(source) between 1 and 40),
    note text constraint postings_note_check check (char_length(note) between 1 and 500),
    line_count integer not null constraint postings_line_count_check check (line_count between 1 and 500),
    posted_at timestamptz not null
);
create index postings_actor_id_idx on postings (actor_id, id);

create table movements (
    id bigint generated always as identity constraint movements_pkey primary key,
    posting_id bigint not null constraint movements_posting_id_fkey references postings (id),
    line_no integer not null constraint movements_line_no_check check (line_no >= 1),
    item_id bigint not null constraint movements_item_id_fkey references items (id),
    location_id bigint not null constraint movements_location_id_fkey references locations (id),
    number bigint not null constraint movements_number_check check (number >= 1),
    delta bigint not null constraint movements_delta_check check (delta between -1000000000 and 1000000000),
    before bigint not null constraint movements_before_check check (before between 0 and 1000000000000),
    after bigint not null constraint movements_after_check check (after between 0 and 1000000000000),
    constraint movements_balance_check check (before + delta = after),
    hash bytea not null constraint movements_hash_check check (octet_length(hash) = 32),
    moved_at timestamptz not null,
    -- With id, the order in which readers follow the ledger without missing a late commit.
    xid xid8 not null default pg_current_xact_id(),
    constraint movements_posting_id_line_no_key unique (posting_id, line_no),
    constraint movements_item_id_location_id_number_key unique (item_id, location_id, number)
);
create index movements_item_id_idx on movements (item_id, id);
create index movements_xid_id_idx on movements (xid, id);

-- What was answered under a key. Rows are forgotten after a time; postings and movements never are.
create table posting_keys (
    key uuid constraint posting_keys_pkey primary key,
    fingerprint bytea not null constraint posting_keys_fingerprint_check check (octet_length(fingerprint) = 32),
    posting_id bigint constraint posting_keys_posting_id_fkey references postings (id),
    refusal jsonb,
    constraint posting_keys_answer_check check ((posting_id is null) <> (refusal is null)),
    answered_at timestamptz not null
);
create index posting_keys_answered_at_idx on posting_keys (answered_at);

-- What the application may do -------------------------------------------------------------------

grant usage on schema public to ticker_app;
-- Every table, the migrator's own among them: readiness compares its version.
grant select on all tables in schema public to ticker_app;
grant insert, update on users, categories, locations, items, levels to ticker_app;
grant insert, update, delete on sessions to ticker_app;
grant insert on postings, movements to ticker_app;
grant insert, delete on posting_keys to ticker_app;
