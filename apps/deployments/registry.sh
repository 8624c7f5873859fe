# What the scripts beside it share: the host's own registry, unless the environment names another. Sourced, not run.
# shellcheck shell=sh disable=SC1090 # the name is written once
registry=/etc/homeport/registry/registry.env
[ -n "${REGISTRY_URL:-}" ] || [ ! -r "$registry" ] || { set -a; . "$registry"; set +a; }
