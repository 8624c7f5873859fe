#!/bin/sh
# Hands NocoDB the secrets that it takes from its environment alone, and becomes it: `docker inspect` shows none of them.
# What it has no variable for is set beside it; until that is done it is not healthy.
set -eu

for file in /etc/homeport/env/*; do
  value=$(cat "$file")
  export "${file##*/}=$value"
done

node /etc/homeport/provision.js &
exec "$@"
