#!/bin/sh
# Starts the engine of a lab node. Its arguments are dockerd's.
set -eu
# Containers get /sys read-only; an engine makes control groups there.
mount -o remount,rw /sys
# What an engine left that lost its power.
rm -f /var/run/docker.pid /run/docker/containerd/containerd.pid
exec dockerd --host=unix:///var/run/docker.sock "$@"
