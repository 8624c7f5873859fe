#!/usr/bin/env bash
# What PostgreSQL's official image refuses from 18 on, and then its start as before (docker-library/postgres, pull
# request 1259): data of an earlier layout, or a volume mounted where it would be, and nothing in the new place.
set -Eeuo pipefail

old=/var/lib/postgresql/data
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  if [ -s "$old/PG_VERSION" ] || grep -q " $old " /proc/self/mountinfo; then
    echo "entrypoint: error: in 18+ there is one volume at /var/lib/postgresql; this one has data or a mount at $old" >&2
    exit 1
  fi
fi
exec docker-start.sh "$@"
