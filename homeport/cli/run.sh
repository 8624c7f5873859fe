#!/bin/sh
# Runs a command in the project's own Python environment, which is made first where it is missing: run.sh COMMAND [ARGUMENT...]
# Any Python of the machine will do to start with, from 3.11 on; HOMEPORT_PYTHON names another one.
set -eu
here=$(dirname "$0")
for python in ${HOMEPORT_PYTHON:-} python3 python3.14 python3.13 python3.12 python3.11 python; do
  if command -v "$python" >/dev/null 2>&1 && "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
    exec "$python" -B "$here/bootstrap.py" "$@"
  fi
done
{
  echo "homeport: this machine has no Python 3.11 or newer"
  echo "  fix: install one (Debian and Ubuntu: apt-get install python3 python3-venv), or name one in HOMEPORT_PYTHON"
} >&2
exit 1
