#!/bin/sh
# Makes the passwords of docker-compose.yml, once: what is there is never changed. Runs in the image of
# PostgreSQL, whose user's number it takes from there; the others' are those of their images.
set -eu
umask 077

TICKER=65532
GRAFANA=472
EXPORTER=65534

# make FILE OWNER: a password of 40 letters and digits, some 200 bits.
make() {
    [ -s "$1" ] || {
        tr -dc 'a-z2-7' </dev/urandom | head -c 40 >"$1.new"
        mv "$1.new" "$1"
    }
    own "$1" "$2"
}

# share FILE COPY OWNER: what one service is to know of another's.
share() {
    [ -s "$2" ] || {
        cat "$1" >"$2.new"
        mv "$2.new" "$2"
    }
    own "$2" "$3"
}

own() {
    chown "$2" "$1" "$(dirname "$1")"
    chmod 0400 "$1"
    chmod 0500 "$(dirname "$1")"
}

make /secrets/db/superuser postgres
make /secrets/db/owner postgres
make /secrets/db/app postgres
make /secrets/db/monitor postgres
share /secrets/db/owner /secrets/migrate/owner "$TICKER"
share /secrets/db/app /secrets/app/app "$TICKER"
share /secrets/db/monitor /secrets/monitor/monitor "$EXPORTER"
make /secrets/grafana/admin "$GRAFANA"
