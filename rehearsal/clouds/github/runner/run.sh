#!/bin/sh
# Stand-in for actions/runner's run.sh: takes jobs until it is ended.
cd "$(dirname "$0")" || exit 1
exec ./bin/Runner.Listener run "$@"
