#!/bin/sh
# The container of a service that is deployed by its image, made of its template: deployed.sh apply|end CONTAINER
# apps/deployments does it, here as on the host itself, by the docker command alone.
set -eu
. "${0%/*}/docker_over_ssh.sh"
python3 -B "${0%/*}/../../apps/deployments/deployments.py" "$1" "$2"
