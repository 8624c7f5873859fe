#!/bin/sh
# Starts n8n with its owner, credentials and workflows in place. Whatever is in place already is left alone.
set -eu
umask 022

export HOMEPORT_RUN=/tmp/homeport
if [ -e "$HOMEPORT_FILES/prepare.cjs" ]; then node "$HOMEPORT_FILES/prepare.cjs"; fi
node "$HOMEPORT_FILES/provision.cjs"

export N8N_INSTANCE_OWNER_MANAGED_BY_ENV=true
export N8N_INSTANCE_OWNER_PASSWORD_HASH_FILE="$HOMEPORT_FILES/owner_hash"
export N8N_RUNNERS_AUTH_TOKEN_FILE="$HOMEPORT_RUN/runner_token"
export NODE_OPTIONS="${NODE_OPTIONS:-} --require=$HOMEPORT_FILES/harden.cjs"
if [ -e "$HOMEPORT_FILES/preload.cjs" ]; then NODE_OPTIONS="$NODE_OPTIONS --require=$HOMEPORT_FILES/preload.cjs"; fi
exec n8n start
