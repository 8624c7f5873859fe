#!/bin/sh
here=$(dirname "$(readlink -f "$0")")
. "$here/registry.sh"
exec python3 -B "$here/deployments.py" registry-tags "$@"
