#!/bin/bash
# Runs once, when the container's volume is empty: Ticker's roles, the logins with the passwords of the
# mounted files, and the database. Sourced by the image's entrypoint unless it is executable.
set -euo pipefail

secrets=/run/ticker-secrets
psql --username="${POSTGRES_USER:-postgres}" --dbname=postgres --no-psqlrc --quiet \
    --set=ON_ERROR_STOP=1 \
    --file=/usr/local/share/ticker/roles.sql
# The passwords come through standard input: arguments can be read by every process of the machine.
{
    printf "\\\\set owner_password '%s'\n" "$(<"$secrets/owner")"
    printf "\\\\set app_password '%s'\n" "$(<"$secrets/app")"
    cat <<'SQL'
create role ticker_owner_1 login password :'owner_password' in role ticker_owner;
alter role ticker_owner_1 set role = 'ticker_owner';
create role ticker_app_1 login password :'app_password' in role ticker_app;
create database ticker owner ticker_owner;
revoke all on database ticker from public;
grant connect on database ticker to ticker_owner, ticker_app;
SQL
} | psql --username="${POSTGRES_USER:-postgres}" --dbname=postgres --no-psqlrc --quiet --set=ON_ERROR_STOP=1
