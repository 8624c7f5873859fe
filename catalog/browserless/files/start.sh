#!/bin/sh
# Hands Browserless its token, which it takes from its environment alone, and goes on as the image does.
set -eu

TOKEN=$(cat /etc/homeport/token)
export TOKEN

exec ./scripts/start.sh
