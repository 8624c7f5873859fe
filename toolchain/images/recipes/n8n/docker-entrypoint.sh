#!/bin/sh
# As in n8n's own image: arguments are n8n's (`worker`, `execute --id 1` …); none means the server.
set -eu
exec n8n "$@"
