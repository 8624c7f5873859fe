#!/bin/sh
# As in NocoDB's own image, without what copies an SQLite database to a store.
set -eu
mkdir -p "$NC_TOOL_DIR"
exec node docker/main.js
