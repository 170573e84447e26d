#!/bin/bash
# Gives the database Ticker's roles, its database and the logins that the mounted passwords belong to. Runs on
# every start of the stack and changes only what differs. Other logins of Ticker are left alone until
# TICKER_DROP_OTHER_LOGINS is true: during a rotation the old replicas still use the one before.
set -euo pipefail

secrets=/run/secrets
export PGHOST=db PGUSER=postgres PGDATABASE=postgres PGCONNECT_TIMEOUT=5 PGAPPNAME=ticker-logins
PGPASSWORD=$(<"$secrets/superuser")
export PGPASSWORD

psql=(psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1)
for attempt in {1..60}; do
    "${psql[@]}" --command='select' >/dev/null && break
    if [ "$attempt" = 60 ]; then
        echo "The database did not let the superuser in for two minutes." >&2
        exit 1
    fi
    sleep 2
done

"${psql[@]}" --file=/usr/local/share/ticker/roles.sql

# Passwords go through the environment: arguments can be read by every process of the machine.
APP_PASSWORD=$(<"$secrets/app") OWNER_PASSWORD=$(<"$secrets/owner") MONITOR_PASSWORD=$(<"$secrets/monitor")
export APP_PASSWORD OWNER_PASSWORD MONITOR_PASSWORD
export TICKER_DROP_OTHER_LOGINS=${TICKER_DROP_OTHER_LOGINS:-false}

"${psql[@]}" <<'SQL'
-- Slow or failing statements are logged with their text.
set log_statement = none;
set log_min_duration_statement = -1;
set log_min_error_statement = panic;

\getenv app TICKER_APP_LOGIN
\getenv app_password APP_PASSWORD
\getenv owner TICKER_OWNER_LOGIN
\getenv owner_password OWNER_PASSWORD
\getenv monitor TICKER_MONITOR_LOGIN
\getenv monitor_password MONITOR_PASSWORD
\getenv drop_others TICKER_DROP_OTHER_LOGINS

select 'create role ticker_monitor in role pg_monitor'
where not exists (select from pg_roles where rolname = 'ticker_monitor')
\gexec
select format('create role %I login in role %I', login, role)
from (values (:'app', 'ticker_app'), (:'owner', 'ticker_owner'), (:'monitor', 'ticker_monitor')) as wanted (login, role)
where not exists (select from pg_roles where rolname = login)
\gexec
alter role :"app" password :'app_password';
alter role :"owner" password :'owner_password';
-- What a migration creates belongs to the role, so that the next login can change it.
alter role :"owner" set role = 'ticker_owner';
alter role :"monitor" password :'monitor_password';

select 'create database ticker owner ticker_owner'
where not exists (select from pg_database where datname = 'ticker')
\gexec
revoke all on database ticker from public;
grant connect on database ticker to ticker_owner, ticker_app, ticker_monitor;

select format('drop role %I', rolname)
from pg_roles
where :'drop_others'::boolean
    and rolname ~ '^ticker_(app|owner|monitor)_[0-9]+$'
    and rolname not in (:'app', :'owner', :'monitor')
\gexec
SQL
echo "The logins $TICKER_APP_LOGIN, $TICKER_OWNER_LOGIN and $TICKER_MONITOR_LOGIN are in order."
