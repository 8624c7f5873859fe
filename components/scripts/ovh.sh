#!/bin/sh
# Runs the client of OVH's zones with any Python of this machine from 3.11 on: ovh.sh VERB ARGUMENT... (ovh.py says which)
set -eu
for python in ${HOMEPORT_PYTHON:-} python3 python3.14 python3.13 python3.12 python3.11 python; do
  if command -v "$python" >/dev/null 2>&1 && "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
    exec "$python" -B "${0%/*}/ovh.py" "$@"
  fi
done
echo "this machine has no Python 3.11 or newer
  fix: install one, or name one in HOMEPORT_PYTHON" >&2
exit 1
