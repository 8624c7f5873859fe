#!/bin/sh
# Runs the SQL on stdin as superuser in a database: query.sh CONTAINER DATABASE
# Local socket inside the container, so no password is needed. Terse errors: the long form would print the statement, and with it a password.
set -eu
. "${0%/*}/reach.sh"
docker exec -i "$1" psql -X -q -U postgres -d "$2" -v ON_ERROR_STOP=1 -v VERBOSITY=terse -f - >/dev/null
