#!/bin/sh
# Puts a bundle (base64 tar on stdin) into a volume: deliver.sh VOLUME IMAGE
# The container that carries it is created and never started, so the image needs no shell, and nothing of the bundle shows in
# `docker inspect` or the process list. A carrier left by a killed run has the same name and is removed, but only then: each
# call of docker takes its time, over SSH most of all.
set -eu
. "${0%/*}/docker_over_ssh.sh"
volume=$1 image=$2 carrier="homeport-carrier-$1"
carry() {
  docker create --name "$carrier" --label homeport.carrier=true --network none --entrypoint /none \
    -v "$volume:/carrier/bundle" "$image" >/dev/null
}
carry 2>/dev/null || { docker rm -fv "$carrier" >/dev/null 2>&1 || true; carry; }
status=0
base64 -d | docker cp - "$carrier:/carrier" >/dev/null || status=$?
docker rm -fv "$carrier" >/dev/null 2>&1 || true
exit "$status"
