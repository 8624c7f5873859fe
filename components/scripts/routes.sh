#!/bin/sh
# Gives a running proxy its routes: routes.sh VOLUME MARK IMAGE CONTAINER FOLDER UID STACK [PORTS]. The last line of stdin is a bundle with a
# folder MARK, those before it are what may not be shown. The proxy reads the new routes beside those that it runs with, takes them
# without an end of a connection, and only then are they what it starts with: what it refuses was never in its way.
set -eu
. "${0%/*}/docker_over_ssh.sh"
volume=$1 mark=$2 image=$3 container=$4 folder=$5 uid=$6 stack=$7
# In a network of its own all that comes is the proxy's, but the health check's; in the host's, what goes to these ports is.
to='! -i lo'
[ -z "${8:-}" ] || to="-m multiport --dports $8"
input=$(cat)
files=${input##*"
"}
secrets=${input%"$files"}
# As in gate.sh: by descriptor 3, so that no secret ever lies on this machine's disk.
. "${0%/*}/masked.sh"
shown() {
  bundle=$(mktemp -d)
  ln -s /dev/fd/3 "$bundle/masks"
  masked 3<<END
$secrets
END
  rm -rf "$bundle"
}
limit=$(command -v timeout) && limit="$limit 60" || limit=

# Inside of the volume, as its owner: the file that leads to the new routes becomes the one that is read, by a rename, once all of it is on
# the disk. The folders that it does not lead to go, and so does what was refused.
# shellcheck disable=SC2016 # the container's shell expands it
settle='cd /routes; umask 077
  [ -z "$1" ] || { find "$1" Caddyfile.next -type f -exec sync {} + || sync; mv -f Caddyfile.next Caddyfile; }
  for old in *; do
    case $old in Caddyfile | authority.pem) continue ;; esac
    grep -Fqx "import $old/Caddyfile" Caddyfile || { chmod -R u+w "$old"; rm -rf "$old"; }
  done'
settle() {
  docker run --rm --label homeport.carrier=true --network none --user "$uid:$uid" --cap-drop ALL --security-opt no-new-privileges \
    --read-only --memory 64m --entrypoint sh -v "$volume:/routes" "$image" -ec "$settle" settle "$1"
}

refused() {
  {
    echo "$container: $1 the new routes; it goes on with those that it has, now and after a restart. Its words:"
    words=$(printf '%s\n' "$said" | sed -n '/^Error/,$p')
    printf '%s\n' "${words:-$said}" | tail -n 20 | shown
    line=$(printf '%s' "$words" | sed -n 's/.*Caddyfile:\([0-9][0-9]*\).*/\1/p' | tail -n 1)
    # The line, or the end of what it is in, and the two before it.
    [ -z "$line" ] || printf '%s' "$files" | base64 -d | tar -xOf - "bundle/$mark/Caddyfile" |
      awk -v line="$line" 'NR >= line - 2 && NR <= line { print NR ": " $0 }' | shown
    echo "  fix: change what they name in homeport:settings, then: homeport up --stack $stack"
  } >&2
  settle "" >/dev/null 2>&1 || true
  exit 1
}

printf '%s' "$files" | sh "${0%/*}/deliver.sh" "$volume" "$image"
# Go's server closes a connection whose first request comes once it was told to shut down (golang/go#65802), and a reload shuts the old
# server down. So before it new connections wait for a moment, in the proxy's own network alone: the caller's kernel asks again after a
# second, and nobody is refused. That takes root where the proxy is; without it, who comes at that moment has to ask a second time.
if [ -n "${HOMEPORT_SSH:-}" ]; then . "${0%/*}/ssh.sh"; listening; else
  as_root() { if [ "$(id -u)" = 0 ]; then sh -c "$1"; else sudo -n sh -c "$1"; fi; }
fi
hold() {
  space=$(docker inspect -f '{{.NetworkSettings.SandboxKey}}' "$container") || return 0
  pipes=$(mktemp -d)
  mkfifo "$pipes/begun" "$pipes/over"
  # Taken away at the end of its input, which is the end of this script too, however it ends.
  as_root "PATH=\$PATH:/usr/sbin:/sbin
    rule() { nsenter --net=$space iptables -w 5 \$1 INPUT -p tcp $to --syn -j DROP; }
    test -e '$space' || exit 0
    while rule -D; do :; done # one that a killed run left
    rule -I || exit 0
    trap 'rule -D' EXIT; trap exit HUP INT TERM
    echo begun; timeout 20 cat" <"$pipes/over" >"$pipes/begun" 2>/dev/null &
  exec 8>"$pipes/over"
  begun=
  read -r begun <"$pipes/begun" || true
  rm -rf "$pipes"
  # What has been accepted already sends its first request meanwhile.
  [ -z "$begun" ] || sleep 0.5
}
release() { exec 8>&-; wait; }

ask() { $limit docker exec "$container" caddy "$1" --adapter caddyfile --config "$folder/$mark/Caddyfile" 2>&1; }
# First by another process: one that fails to load has replaced the running one's admin endpoint already (caddy.go, provisionContext).
said=$(ask validate) || refused refuses
hold
said=$(ask reload) || { release; refused "did not take"; }
release
settle "$mark"
