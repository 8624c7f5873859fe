#!/bin/bash
# Makes the collections of the file `collections` that are missing: name, dimensions, distance. One that is there stays as
# it is; of other dimensions, it is refused by name. The image has no client of HTTP: bash asks (qdrant/qdrant#4250).
set -euo pipefail

files=${HOMEPORT_FILES:-/etc/homeport} port=${QDRANT_PORT:-6333} ready=${QDRANT_READY:-/tmp/collections-ready}
key=$(<"$files/api_key")

# ask METHOD PATH [BODY]: the whole answer.
ask() {
  local body=${3:-}
  exec 3<>"/dev/tcp/127.0.0.1/$port" || return 1
  printf '%s %s HTTP/1.0\r\nHost: localhost\r\napi-key: %s\r\nContent-Type: application/json\r\nContent-Length: %s\r\n\r\n%s' \
    "$1" "$2" "$key" "${#body}" "$body" >&3
  cat <&3
  exec 3>&-
}

status() { head -n 1 | cut -d ' ' -f 2; }

until ask GET /readyz 2>/dev/null | status | grep -qx 200; do sleep 1; done
while read -r name size distance; do
  answer=$(ask GET "/collections/$name")
  case $(status <<<"$answer") in
    200)
      there=$(sed -n 's/.*"size": *\([0-9]*\).*/\1/p' <<<"$answer")
      if [ "$there" != "$size" ]; then
        echo "homeport: collection $name has vectors of $there dimensions, and $size are wanted: nothing was changed" >&2
        echo "  fix: take it away by its API (DELETE /collections/$name), and what is in it with it" >&2
        exit 1
      fi ;;
    404)
      code=$(ask PUT "/collections/$name" "{\"vectors\": {\"size\": $size, \"distance\": \"$distance\"}}" | status)
      # 409: it was made meanwhile.
      case $code in 200|409) ;; *) echo "homeport: PUT /collections/$name was answered with $code" >&2; exit 1 ;; esac ;;
    *) echo "homeport: GET /collections/$name was answered with $(status <<<"$answer")" >&2; exit 1 ;;
  esac
done <"$files/collections"
: >"$ready"
echo "homeport: the collections are in place"
