#!/bin/sh
# Takes a program out of an image into a volume: program.sh VOLUME IMAGE PATH
# As in deliver.sh the container that carries it is created and never started: nothing of the image runs.
set -eu
. "${0%/*}/docker_over_ssh.sh"
volume=$1 image=$2 path=$3 carrier="homeport-carrier-$1"
carry() {
  docker create --name "$carrier" --label homeport.carrier=true --network none --entrypoint /none \
    -v "$volume:/carrier/program" "$image" >/dev/null
}
carry 2>/dev/null || { docker rm -fv "$carrier" >/dev/null 2>&1 || true; carry; }
status=0
# Through a file, so that a first half that fails is not taken for a program.
copy=$(mktemp)
{ docker cp "$carrier:$path" - >"$copy" && docker cp - "$carrier:/carrier/program" <"$copy"; } >/dev/null || status=$?
docker rm -fv "$carrier" >/dev/null 2>&1 || true
rm -f "$copy"
exit "$status"
