#!/bin/sh
# Writes the workflow that deploys a service at each push that changes its folder: new-workflow.sh SERVICE PORT [CHECKOUT]
# PORT is the one on 127.0.0.1 that answers GET /health; CHECKOUT is the folder of the repository, here where it is missing.
set -eu
here=$(dirname "$(readlink -f "$0")")
service=${1:-} port=${2:-} checkout=${3:-.}
case $service in '' | *[!a-z0-9-]* | -*)
  echo "new-workflow.sh: '$service' is no service's name
fix: new-workflow.sh my-service 8085" >&2
  exit 1 ;;
esac
case $port in '' | *[!0-9]*)
  echo "new-workflow.sh: '$port' is no port
fix: new-workflow.sh $service 8085" >&2
  exit 1 ;;
esac
file=$checkout/.github/workflows/deploy-$service.yml
mkdir -p "$(dirname "$file")"
sed -e "s/@service@/$service/g" -e "s/@port@/$port/g" "$here/workflows/deploy-service.yml.template" >"$file"
echo "$file: commit it; a push that changes $service/ deploys it from then on"
