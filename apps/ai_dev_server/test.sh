#!/bin/sh
# What a deployment tries before it builds anything: all modules are imported and the application is made, without a network.
# The tests of tests/ need pytest, and run where this repository's own do.
set -eu
cd "$(dirname "$0")"
runtime=$(sh build.sh --runtime)
exec docker run --rm --network none --read-only --user 10001:10001 --cap-drop ALL --memory 256m \
  --volume "$PWD/ai_dev_server:/opt/ai-dev-server/ai_dev_server:ro" \
  --env PYTHONPATH=/opt/ai-dev-server --env PYTHONDONTWRITEBYTECODE=1 "$runtime" python -c '
import ai_dev_server.__main__
from ai_dev_server.app import create_app
from ai_dev_server.settings import settings

operations = create_app(settings({"MCP_BEARER_TOKEN": "0" * 64})).openapi()["paths"]
print(f"ai-dev-server: {len(operations)} paths, and the MCP endpoint")
'
