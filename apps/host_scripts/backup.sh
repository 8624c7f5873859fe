#!/bin/sh
# Backups of this host, their restores and drills: ./backup.sh --help
exec python3 -E -s -B "$(dirname -- "$0")/host-scripts/backup.py" "$@"
