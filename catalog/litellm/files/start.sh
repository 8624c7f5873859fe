#!/bin/sh
# Hands LiteLLM the secrets that it takes from its environment alone, and becomes it; beside it, its clients' keys are
# seen to. Each file below env/ is the variable of its name: `docker inspect` shows none of them.
set -eu

python /etc/homeport/client_keys &

for file in /etc/homeport/env/*; do
  value=$(cat "$file")
  export "${file##*/}=$value"
done

exec "$@"
