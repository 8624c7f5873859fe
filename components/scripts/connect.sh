#!/bin/sh
# A container on a network while it runs: connect.sh connect|disconnect CONTAINER NETWORK NAME, both by their ids; NAME is the network's.
# Nothing is done twice, and what is gone needs no disconnecting.
set -eu
. "${0%/*}/docker_over_ssh.sh"
verb=$1 container=$2 network=$3 name=$4
is() { case $(docker inspect -f '{{range .NetworkSettings.Networks}}{{.NetworkID}} {{end}}' "$container" 2>/dev/null) in *"$network"*) ;; *) return 1 ;; esac; }
case $verb in
  connect) is || said=$(docker network connect "$network" "$container" 2>&1) || is || {
    echo "network $name: container $container was not connected to it: $said" >&2
    echo "  fix: run the update again; what is gone is made anew by it" >&2
    exit 1
  } ;;
  disconnect) ! is || said=$(docker network disconnect "$network" "$container" 2>&1) || ! is || {
    echo "network $name: container $container was not disconnected from it: $said" >&2
    exit 1
  } ;;
esac
