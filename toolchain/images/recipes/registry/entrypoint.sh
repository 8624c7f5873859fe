#!/bin/sh
# As in the official image: a file is the configuration to serve by, everything else is the registry's own words.
set -e
if [ -f "${1:-}" ]; then
  exec registry serve "$@"
fi
case ${1:-} in
  sh) shift; exec sh "$@" ;;
  *) exec registry "$@" ;;
esac
