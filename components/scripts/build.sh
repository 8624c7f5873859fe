#!/bin/sh
# Builds an image on the host's Docker, where that has none of this name: build.sh IMAGE FOLDER
# The folder's Dockerfile needs no network; what it stands on (ARG RUNTIME) is built by runtime.Dockerfile where that is missing,
# and that fetches packages.
set -eu
. "${0%/*}/docker_over_ssh.sh"
image=$1 folder=$2

here() { docker image inspect "$1" >/dev/null 2>&1; }

build() {
  log=$(docker build --file "$folder/$2" --tag "$1" "$folder" 2>&1) || {
    {
      echo "image $1: its build from $folder/$2 failed:"
      printf '%s\n' "$log" | tail -n 20 | sed 's/^/  | /'
      echo "  fix: see that the host reaches $3, then run the update again; or load the image: docker load -i FILE"
    } >&2
    exit 1
  }
}

here "$image" || {
  runtime=$(sed -n 's/^ARG RUNTIME=//p' "$folder/Dockerfile")
  here "$runtime" || build "$runtime" runtime.Dockerfile "the registries of images, Debian's and Python's packages"
  build "$image" Dockerfile "its Docker"
}
