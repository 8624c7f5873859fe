#!/bin/sh
# Runs the SQL on stdin as superuser in a database: query.sh CONTAINER DATABASE
# Local socket inside the container, so no password is needed; the superuser is whom the container's own POSTGRES_USER made, as a rule postgres.
# Terse errors: the long form would print the statement, and with it a password.
set -eu
. "${0%/*}/docker_over_ssh.sh"
docker exec -i "$1" sh -c 'exec psql -X -q -U "${POSTGRES_USER:-postgres}" -d "$1" -v ON_ERROR_STOP=1 -v VERBOSITY=terse -f -' query "$2" >/dev/null
