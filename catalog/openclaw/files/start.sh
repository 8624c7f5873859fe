#!/bin/sh
# Hands OpenClaw the secrets that its configuration names as variables, and becomes its gateway: `docker inspect` shows
# none of them. The gateway's token is the API key, where a preset lays no other. With words it is OpenClaw's command line:
# `docker exec openclaw sh /etc/homeport/start.sh devices list`.
set -eu

for file in /etc/homeport/env/*; do
  value=$(cat "$file")
  export "${file##*/}=$value"
done
export OPENCLAW_GATEWAY_TOKEN="${OPENCLAW_GATEWAY_TOKEN:-$OPENCLAW_API_KEY}"
unset OPENCLAW_API_KEY

[ $# -gt 0 ] || set -- gateway --bind lan --port 18789
exec node openclaw.mjs "$@"
