#!/bin/sh
# Builds the image on this machine's Docker: build.sh IMAGE [REVISION]. What it stands on is built where it is missing, and
# `build.sh --runtime` builds that alone, and prints its name.
set -eu
cd "$(dirname "$0")"
[ $# -ge 1 ] || {
  echo "usage: build.sh IMAGE [REVISION], such as build.sh registry.example.com/ai-dev-server:1 1" >&2
  exit 2
}
runtime=$(sed -n 's/^ARG RUNTIME=//p' Dockerfile)
docker image inspect "$runtime" >/dev/null 2>&1 || docker build --file runtime.Dockerfile --tag "$runtime" . >&2
[ "$1" != --runtime ] || {
  echo "$runtime"
  exit 0
}
exec docker build --build-arg "REVISION=${2:-unknown}" --tag "$1" .
