#!/bin/bash
# Starts Qdrant, and makes its collections beside it; until they are there it is not healthy.
set -eu

bash /etc/homeport/provision.sh &
exec "$@"
