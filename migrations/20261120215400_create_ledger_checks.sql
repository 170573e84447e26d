-- What the check that goes along with the ledger remembers: up to where it has read, what it proved, and
-- what it found broken. The whole check reads none of this.

create table ledger_checks (
    id integer constraint ledger_checks_pkey primary key constraint ledger_checks_id_check check (id = 1),
    -- The last movement that was read, in the order of movements_xid_id_idx.
    xid xid8 not null,
    movement_id bigint not null,
    -- When the check last reached the end of the ledger; null until it has for the first time.
    checked_at timestamptz
);
insert into ledger_checks values (1, '0', 0, null);

-- The last movement of each level up to which everything was sound.
create table proven_levels (
    item_id bigint not null constraint proven_levels_item_id_fkey references items (id),
    location_id bigint not null constraint proven_levels_location_id_fkey references locations (id),
    number bigint not null,
    after bigint not null,
    hash bytea not null,
    constraint proven_levels_pkey primary key (item_id, location_id)
);

-- What is broken now; what is named here is checked again each time.
create table ledger_violations (
    id bigint generated always as identity constraint ledger_violations_pkey primary key,
    invariant text not null,
    -- What to check again: nothing for what is checked each time anyway. Not foreign keys, since they tell
    -- of what is broken.
    item_id bigint,
    posting_id bigint,
    place text not null
);

grant select, update on ledger_checks to ticker_app;
grant select, insert, update on proven_levels to ticker_app;
grant select, insert, delete on ledger_violations to ticker_app;
