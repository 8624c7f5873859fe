#!/bin/sh
# n8n's workflows into this Git repository: export, commit if something changed, push if there is a remote.
# Ends with 0 (done, also when nothing changed), 2 (n8n), 3 (Git or the disk) or 4 (another run is under way).
exec python3 -E -s -B "$(dirname -- "$0")/host-scripts/backup.py" workflows "$@"
