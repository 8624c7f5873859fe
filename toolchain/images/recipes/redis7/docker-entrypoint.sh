#!/bin/sh
# The start of Redis in a container, by the contract of the official image.
set -eu

case ${1:-} in -*|*.conf) set -- redis-server "$@" ;; esac

if [ "${1:-}" = redis-server ]; then
  if [ "$(id -u)" = 0 ]; then
    find . \! -user redis -exec chown redis {} +
    exec setpriv --reuid=redis --regid=redis --init-groups "$0" "$@"
  fi
  umask 0077
  # The official image is compiled with protected mode off: Docker publishes no port that wasn't asked for.
  settings=$*
  case ${2:-} in *.conf) settings="$settings $(cat "$2")" ;; esac
  case $settings in *protected-mode*) ;; *) set -- "$@" --protected-mode no ;; esac
fi
exec "$@"
