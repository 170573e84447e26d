#!/bin/bash
# Stands for `docker` in the tests of deploy/ticker-stack. What the swarm is like lies in files beside it:
# manager, labels, services/NAME/{version,replicas,running,state,secrets,once,tasks,fails}, secrets/NAME;
# `silent` when it answers nothing about services, `taken_back` when it keeps the version that runs. What would
# change the swarm is written to `calls`.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
call="$*"
changed() { echo "$call" >>"$here/calls"; }
of_service() { cat "$here/services/$1/$2" 2>/dev/null || true; }

case $call in
    "service ls"* | "service inspect"* | "service ps"*)
        [ ! -e "$here/silent" ] || { echo "The swarm does not have a leader" >&2 && exit 1; }
        ;;
esac
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
    "service ls"*" --format {{.Name}}") (cd "$here/services" && ls) ;;
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
            *UpdateStatus*) of_service "$name" state ;;
            *Replicas*) of_service "$name" replicas ;;
            *SecretName*) of_service "$name" secrets ;;
            *version-before*) of_service "$name" before ;;
            *) echo id ;;
        esac
        ;;
    "service ps --quiet"*) echo "task$(of_service "${call##* }" updates)" ;;
    "service ps"*"{{.ID}}"*) of_service "${call##* }" tasks | sed 's/^/task /' ;;
    "service ps"*) of_service "${call##* }" tasks ;;
    "service logs"*) echo "a line of ${call##* }" ;;
    "service update"*)
        changed
        service="$here/services/${call##* }"
        echo 1 >>"$service/updates"
        [ -e "$service/fails" ] || echo "Complete 1 second ago" >"$service/tasks"
        ;;
    "service create"*)
        changed
        service="$here/services/ticker_change-superuser"
        mkdir -p "$service"
        touch "$service/once"
        echo 1 >"$service/replicas"
        echo 0 >"$service/running"
        echo "Complete 1 second ago" >"$service/tasks"
        ;;
    "service rm"*) rm -rf "$here/services/${call##* }" ;;
    "config ls"*) echo unused ;;
    "config rm"*) changed ;;
    "stack ps"*) [ ! -e "$here/errors" ] || cat "$here/errors" ;;
    "stack deploy"*)
        changed
        [ -e "$here/taken_back" ] || [ ! -d "$here/services/ticker_app" ] ||
            echo "$TICKER_VERSION" >"$here/services/ticker_app/version"
        if [ -e "$here/then_silent" ]; then touch "$here/silent"; fi
        env | grep -E '^(TICKER_|[A-Z_]+_HASH=)' | sort >"$here/environment"
        ;;
    *)
        echo "nobody expected docker $call" >&2
        exit 9
        ;;
esac
