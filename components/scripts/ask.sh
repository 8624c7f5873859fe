#!/bin/sh
# Asks a database: ask.sh CONTAINER DATABASE, the question on stdin, the answer's columns separated by tabs.
# As in query.sh: by the container's own socket, as its superuser.
set -eu
. "${0%/*}/docker_over_ssh.sh"
docker exec -i "$1" sh -c 'exec psql -X -q -At -F "$2" -U "${POSTGRES_USER:-postgres}" -d "$1" -v ON_ERROR_STOP=1 -v VERBOSITY=terse -f -' \
  query "$2" "$(printf '\t')"
