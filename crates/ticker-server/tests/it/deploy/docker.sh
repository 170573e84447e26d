#!/bin/bash
# Stands for `docker` in the tests of deploy/ticker-stack. What the swarm is like lies in files beside it:
# manager, labels, services/NAME/{version,replicas,state,secrets}, secrets/NAME. What would change the swarm
# is written to `calls`.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
call="$*"
changed() { echo "$call" >>"$here/calls"; }
of_service() { cat "$here/services/$1/$2" 2>/dev/null || true; }

case $call in
    info*) cat "$here/manager" ;;
    "node ls --quiet") echo node1 ;;
    "node inspect"*)
        label=${call#*Labels \"}
        label=${label%%\"*}
        if grep -qx "$label" "$here/labels"; then echo true; else echo '<no value>'; fi
        ;;
    "secret ls"*) (cd "$here/secrets" && ls) | grep -F "${call##*name=}" || true ;;
    "secret create"*)
        changed
        name=$(awk '{ print $(NF - 1) }' <<<"$call")
        [ ! -e "$here/secrets/$name" ] || exit 1
        cat >"$here/secrets/$name"
        ;;
    "secret rm"*)
        changed
        rm "$here/secrets/${call##* }"
        ;;
    "service ls --quiet"*) (cd "$here/services" && ls) ;;
    "service ls"*)
        for service in "$here"/services/*; do
            echo "${service##*/} $(cat "$service/running")/$(cat "$service/replicas")"
        done
        ;;
    "service inspect --format {{.Spec.Name}}"*)
        for name in $(cd "$here/services" && ls); do
            condition=any
            [ ! -e "$here/services/$name/once" ] || condition=on-failure
            echo "$name $condition $(of_service "$name" state)"
        done
        ;;
    "service inspect"*)
        name=${call##* }
        [ -d "$here/services/$name" ] || exit 1
        case $call in
            *.Image*) echo "ticker:$(of_service "$name" version)@sha256:0" ;;
            *Replicas*) of_service "$name" replicas ;;
            *SecretName*) of_service "$name" secrets ;;
            *version-before*) of_service "$name" before ;;
            *) echo id ;;
        esac
        ;;
    "service ps"*"{{.ID}}"*) of_service "${call##* }" tasks | sed 's/^/task /' ;;
    "service ps"*) of_service "${call##* }" tasks ;;
    "service logs"*) echo "a line of ${call##* }" ;;
    "service update"*) changed ;;
    "stack deploy"*)
        changed
        env | grep -E '^(TICKER_|[A-Z_]+_HASH=)' | sort >"$here/environment"
        ;;
    *)
        echo "nobody expected docker $call" >&2
        exit 9
        ;;
esac
