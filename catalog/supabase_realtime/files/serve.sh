#!/bin/bash
# What the image's run.sh does (supabase/realtime), which would become another user by itself.
set -euo pipefail

# AES-128 takes sixteen characters; upstream's compose file has a word that everybody knows.
export DB_ENC_KEY=${REALTIME_ENC_KEY:0:16}
unset REALTIME_ENC_KEY
ulimit -Sn "$RLIMIT_NOFILE"

/app/bin/migrate
/app/bin/realtime eval 'Realtime.Release.seeds(Realtime.Repo)'
exec /app/bin/server
