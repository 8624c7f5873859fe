#!/bin/bash
# Gives the superuser the password of the stack, which may be a new one, and goes on as the image does. The first start
# has it from POSTGRES_PASSWORD_FILE.
set -euo pipefail

if [ -s "$PGDATA/PG_VERSION" ]; then
  password=$(</etc/homeport/password)
  # One line is one statement here. The server listens to nobody meanwhile.
  printf "ALTER ROLE postgres PASSWORD '%s'\n" "${password//\'/\'\'}" |
    postgres --single -D "$PGDATA" -c config_file=/etc/homeport/postgresql.conf postgres >/dev/null
fi
exec docker-entrypoint.sh "$@"
