#!/bin/sh
# Stand-in for actions/runner's config.sh: registers and removes.
[ "$(id -u)" -ne 0 ] || [ -n "${RUNNER_ALLOW_RUNASROOT:-}" ] || { echo "Must not run with sudo"; exit 1; }
cd "$(dirname "$0")" || exit 1
case ${1:-} in
  remove) exec ./bin/Runner.Listener "$@" ;;
  *) exec ./bin/Runner.Listener configure "$@" ;;
esac
