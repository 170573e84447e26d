-- Who changed what about a user's rights (invariant I7): one row for each user's beginning and one for each
-- auth_epoch since, written in the transaction of the change. It only grows: nobody may change or delete.

create table audit_events (
    id bigint generated always as identity constraint audit_events_pkey primary key,
    at timestamptz not null default now(),
    -- Who did it; null for an operator, and where nobody knows.
    actor_id bigint constraint audit_events_actor_id_fkey references users (id),
    action text not null constraint audit_events_action_check check (char_length(action) between 1 and 40),
    -- Whose rights, and the epoch that the change led to.
    user_id bigint not null constraint audit_events_user_id_fkey references users (id),
    auth_epoch bigint not null,
    constraint audit_events_user_id_auth_epoch_key unique (user_id, auth_epoch),
    -- From where, if it came through the network and that is known.
    client_address text constraint audit_events_client_address_check check (char_length(client_address) between 1 and 45),
    -- What audit_facts says before and after; no before: the user begins here.
    before jsonb,
    after jsonb not null
);
create index audit_events_at_idx on audit_events (at, id);

-- What an audit row tells of a user. No secret is among it.
create function audit_facts(of_user users) returns jsonb stable language sql as $$
    select jsonb_build_object(
        'username', of_user.username,
        'display_name', of_user.display_name,
        'role', of_user.role,
        'disabled', of_user.disabled_at is not null,
        'must_change_password', of_user.must_change_password)
$$;

-- Whatever changes rights without saying so (the release before this one, or somebody at the database)
-- leaves a row all the same. It runs at the commit, when whoever speaks for themselves has spoken.
create function audit_unattributed() returns trigger
    security definer set search_path = pg_catalog, public, pg_temp language plpgsql as $$
begin
    insert into audit_events (action, user_id, auth_epoch, before, after)
    values ('unattributed', new.id, new.auth_epoch,
            case when tg_op = 'UPDATE' then audit_facts(old) end, audit_facts(new))
    on conflict do nothing;
    return null;
end $$;

create constraint trigger users_insert_audit after insert on users
    deferrable initially deferred for each row execute function audit_unattributed();
create constraint trigger users_auth_epoch_audit after update on users
    deferrable initially deferred for each row when (old.auth_epoch is distinct from new.auth_epoch)
    execute function audit_unattributed();

insert into audit_events (action, user_id, auth_epoch, after)
select 'existed', id, auth_epoch, audit_facts(users) from users;

grant select, insert on audit_events to ticker_app;
