#!/bin/sh
# The start of Valkey in a container, by the contract of the official image.
set -eu

case ${1:-} in -*|*.conf) set -- valkey-server "$@" ;; esac

if [ "${1:-}" = valkey-server ]; then
  if [ "$(id -u)" = 0 ]; then
    find . \! -user valkey -exec chown valkey {} +
    exec setpriv --reuid=valkey --regid=valkey --clear-groups "$0" "$@"
  fi
  umask 0077
fi
exec "$@"
