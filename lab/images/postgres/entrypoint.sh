#!/bin/bash
# What the deployed image of PostgreSQL promises, as far as Ticker relies on it: settings in variables or in
# files that variables with _FILE name; on an empty PGDATA a cluster, a password, a database and the scripts
# of /docker-entrypoint-initdb.d; never root; the server as process 1.
set -Eeuo pipefail

fail() {
    echo "error: $*" >&2
    exit 1
}

# setting NAME DEFAULT: from $NAME or from the file that $NAME_FILE names.
setting() {
    local file=$1_FILE
    if [[ -n ${!file:-} ]]; then
        [[ -z ${!1:-} ]] || fail "$1 and $file are both set"
        printf -v "$1" %s "$(<"${!file}")"
        unset "$file"
    fi
    printf -v "$1" %s "${!1:-$2}"
    export "${1?}"
}

initialise() {
    setting POSTGRES_PASSWORD ""
    setting POSTGRES_USER postgres
    setting POSTGRES_DB "$POSTGRES_USER"
    setting POSTGRES_INITDB_ARGS ""
    [[ -n $POSTGRES_PASSWORD ]] || fail "PGDATA is empty and POSTGRES_PASSWORD is not set"
    # The arguments are several words in one variable.
    # shellcheck disable=SC2086
    initdb --username="$POSTGRES_USER" --pwfile=<(echo "$POSTGRES_PASSWORD") $POSTGRES_INITDB_ARGS
    echo 'host all all all scram-sha-256' >>"$PGDATA/pg_hba.conf"
    # Heard on its socket only, so that nobody takes it for the server that serves.
    PGUSER=$POSTGRES_USER pg_ctl --wait --options="$(printf '%q ' "${@:2}" -c listen_addresses= -p 5432)" start
    if [[ $POSTGRES_DB != postgres ]]; then
        createdb --username="$POSTGRES_USER" --maintenance-db=postgres "$POSTGRES_DB"
    fi
    local script
    shopt -s nullglob
    for script in /docker-entrypoint-initdb.d/*; do
        echo "running $script"
        case $script in
            *.sh)
                if [[ -x $script ]]; then
                    "$script"
                else
                    # shellcheck disable=SC1090
                    . "$script"
                fi
                ;;
            *.sql) psql --no-psqlrc --set=ON_ERROR_STOP=1 --username="$POSTGRES_USER" --dbname="$POSTGRES_DB" --file="$script" ;;
            *) echo "left out: $script" ;;
        esac
    done
    pg_ctl --wait --mode=fast stop
    unset POSTGRES_PASSWORD
}

[[ ${1:-} != -* ]] || set -- postgres "$@"
if [[ ${1:-} == postgres ]]; then
    if ((EUID == 0)); then
        mkdir --parents "$PGDATA"
        chmod 0700 "$PGDATA"
        chown --recursive postgres "$PGDATA" /var/run/postgresql
        exec setpriv --reuid=postgres --regid=postgres --init-groups "$0" "$@"
    fi
    [[ -s $PGDATA/PG_VERSION ]] || initialise "$@"
fi
exec "$@"
