#!/bin/sh
# Hands a program the secrets that it takes from its environment alone, and becomes it. Each file below env/ is the
# variable of its name: `docker inspect` shows none of them.
set -eu

for file in /etc/homeport/env/*; do
  value=$(cat "$file")
  export "${file##*/}=$value"
done

exec "$@"
