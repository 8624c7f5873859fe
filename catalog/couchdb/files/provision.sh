#!/bin/bash
# The vault's database, its user, and that this user alone may use it; whatever is in place already is left alone. The
# image has no client of HTTP: bash asks (apache/couchdb-docker, 3.3.3/Dockerfile).
set -euo pipefail

files=${HOMEPORT_FILES:-/etc/homeport} port=${COUCHDB_PORT:-5984}
authorization=$(printf %s "$COUCHDB_USER:$(<"$files/admin_password")" | base64 | tr -d '\n')

# ask METHOD PATH [BODY]: the answer's first line and headers.
ask() {
  local body=${3:-} line
  exec 3<>"/dev/tcp/127.0.0.1/$port" || return 1
  printf '%s %s HTTP/1.0\r\nHost: localhost\r\nAuthorization: Basic %s\r\nContent-Type: application/json\r\nContent-Length: %s\r\n\r\n%s' \
    "$1" "$2" "$authorization" "$(printf '%s' "$body" | wc -c)" "$body" >&3
  while IFS= read -r line <&3; do
    line=${line%$'\r'}
    [ -n "$line" ] || break
    printf '%s\n' "$line"
  done
  exec 3>&-
}

# put PATH BODY STATUS...: one of these is fine, anything else is said.
put() {
  local path=$1 body=$2 answer status
  shift 2
  answer=$(ask PUT "$path" "$body")
  status=$(head -n 1 <<<"$answer" | cut -d ' ' -f 2)
  case " $* " in *" $status "*) return 0 ;; esac
  echo "homeport: PUT $path was answered with $status" >&2
  return 1
}

until ask GET /_up 2>/dev/null | head -n 1 | grep -q ' 200 '; do sleep 1; done
put /_users '' 201 202 412
put /obsidian_vault '' 201 202 412
put /obsidian_vault/_security \
  '{"admins": {"names": [], "roles": ["_admin"]}, "members": {"names": ["'"$OBSIDIAN_USER"'"], "roles": []}}' 200
user=/_users/org.couchdb.user:$OBSIDIAN_USER password=$(<"$files/obsidian_password.json")
# A document that is there is replaced by its revision, so that a new password is taken.
revision=$(ask GET "$user" | tr -d '\r"' | sed -n 's/^[Ee][Tt]ag: //p')
put "$user${revision:+?rev=$revision}" \
  '{"name": "'"$OBSIDIAN_USER"'", "password": '"$password"', "roles": [], "type": "user"}' 201 202
echo "homeport: obsidian_vault and its user are in place"
