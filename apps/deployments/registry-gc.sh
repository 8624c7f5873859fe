#!/bin/sh
exec python3 -B "$(dirname "$(readlink -f "$0")")/deployments.py" registry-gc "$@"
