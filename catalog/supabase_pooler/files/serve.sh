#!/bin/sh
# What upstream's compose file has it do (docker/docker-compose.yml, supavisor): tables, the one tenant, then serve.
set -eu

/app/bin/migrate
/app/bin/supavisor eval "$(cat /etc/homeport/pooler.exs)"
exec /app/bin/server
