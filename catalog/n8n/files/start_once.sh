#!/bin/sh
# Starts n8n with its credentials and workflows in place, and with its owner where it has none yet: an owner who is there
# keeps name and password, whatever the stack's secret says by now.
set -eu
umask 022

export HOMEPORT_RUN=/tmp/homeport
node "$HOMEPORT_FILES/provision.cjs"

if ! node "$HOMEPORT_FILES/owned.cjs"; then
  export N8N_INSTANCE_OWNER_MANAGED_BY_ENV=true
  export N8N_INSTANCE_OWNER_PASSWORD_HASH_FILE="$HOMEPORT_FILES/owner_hash"
fi
export N8N_RUNNERS_AUTH_TOKEN_FILE="$HOMEPORT_RUN/runner_token"
export NODE_OPTIONS="${NODE_OPTIONS:-} --require=$HOMEPORT_FILES/harden.cjs"
exec n8n start
