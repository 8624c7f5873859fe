#!/bin/sh
# The mesh's members, kept as declared. Safe to run again: who is in is left in, with the same address.
#   mesh.sh users                     names on stdin, one a line: users that the control server must know
#   mesh.sh enrol NAME URL TAG[,TAG]  the host of HOMEPORT_SSH joins; prints its address in the mesh
#   mesh.sh leave NAME                the control server forgets the member
# MESH_CONTROL names the control server's container, MESH_USER the user that hosts belong to; HUB_ before a name of an environment (HUB_DOCKER_HOST) means the hub's.
# A key is made only for a host that is not in, for ten minutes and one use. It goes from the hub's answer to the host's stdin: it is
# no argument, in no log and in no state.
set -eu
here=${0%/*}
fail() { echo "mesh: $1" >&2; exit 1; }

# A command on the hub, as a person types it.
on_hub() (
  user=${HUB_HOMEPORT_SSH:-}
  user=${user%%@*}
  root=sudo
  [ "$user" != root ] || root=
  echo "${HUB_HOMEPORT_SSH:+ssh -p ${HUB_HOMEPORT_SSH_PORT:-22} $HUB_HOMEPORT_SSH${root:+ $root} }$1"
)

deaf() {
  fail "the control server $MESH_CONTROL does not answer; nothing was changed
  fix: $(on_hub "docker restart $MESH_CONTROL"), then the update again; what it says: $(on_hub "docker logs --tail 50 $MESH_CONTROL")"
}

hub() (
  # shellcheck disable=SC2030 # for this subshell alone: that is why it is one
  export DOCKER_HOST="${HUB_DOCKER_HOST:-}" HOMEPORT_SSH_OPTS="${HUB_HOMEPORT_SSH_OPTS:-}"
  [ -n "$DOCKER_HOST" ] || unset DOCKER_HOST
  . "$here/docker_over_ssh.sh"
  docker exec "$MESH_CONTROL" headscale "$@"
)

# Runs the shell on stdin as root on the member.
member() (
  [ -n "${HOMEPORT_SSH:-}" ] || fail "only a host that is reached over SSH can join; this machine is none"
  . "$here/ssh.sh"
  as_root "exec sh -s"
)

# Top-level numbers of headscale's JSON stand behind two tabs (MarshalIndent in cmd/headscale/cli/utils.go, 0.26): `id name given-name address`.
nodes() {
  listed=$(hub nodes list --user "$MESH_USER" -o json) || return 1
  echo "$listed" | awk '
    function text(line) { sub(/^[^:]*: */, "", line); gsub(/[",]/, "", line); return line }
    /^\t\t"id":/ { id = text($0) } /^\t\t"name":/ { name = text($0) } /^\t\t"given_name":/ { given = text($0) }
    /^\t\t"ip_addresses":/ { wait = 1; next } wait { gsub(/[\t",]/, ""); address = $0; wait = 0 }
    /^\t}/ { print id, name, given == "" ? "-" : given, address }'
}

user_id() { hub users list --name "$1" -o json | awk '/^\t\t"id":/ { gsub(/[^0-9]/, ""); print; exit }'; }

users() {
  hub users list -o json </dev/null >/dev/null || deaf
  while read -r name; do
    [ -n "$(user_id "$name" </dev/null)" ] || hub users create "$name" </dev/null >/dev/null || fail "user $name was not made"
  done
}

# The member's address, if it is in the mesh of this server.
address() {
  echo "url='$1'"
  cat <<'END'
export PATH="$PATH:/usr/local/bin"
if tailscale status --json 2>/dev/null | grep -q '"BackendState": "Running"' &&
  tailscale debug prefs 2>/dev/null | grep -qF "\"ControlURL\": \"$url\""; then tailscale ip -4; fi
END
}

SPENT=75
# Shell that joins with a key, and ends with SPENT if the key was, or had expired; the key stands in the text that the member's shell reads from its stdin.
# It is patient: the control server may have no certificate yet, for which a record must first be seen in the zone (DNS-01).
joining() {
  cat <<END
export PATH="\$PATH:/usr/local/bin"
umask 077
key=\$(mktemp /run/homeport-key.XXXXXX)
trap 'rm -f "\$key"' EXIT
cat >"\$key" <<'KEY'
$1
KEY
said=\$(tailscale up --reset --force-reauth --login-server='$url' --auth-key="file:\$key" --hostname='$name' --accept-dns=false --timeout=180s 2>&1) && exit 0
echo "\$said" >&2
case \$said in *"already used"* | *"authkey expired"*) exit $SPENT ;; esac
exit 1
END
}

# The node that has this address, as the control server knows it.
found() {
  all=$(nodes) || return 1
  echo "$all" | awk -v at="${1:-none}" '$4 == at { print $1 }'
}

enrol() {
  name=$1 url=$2 tags=$3
  # shellcheck disable=SC2031 # the caller's, which ssh.sh changes in its own subshell
  at=$(address "$url" | member) || fail "$name cannot be asked over SSH; nothing was changed
  fix: ssh -p ${HOMEPORT_SSH_PORT:-22} ${HOMEPORT_SSH:-} true, and the update again once that answers"
  id=$(found "$at") || deaf
  if [ -z "$id" ]; then
    owner=$(user_id "$MESH_USER")
    [ -n "$owner" ] || fail "the control server knows no user $MESH_USER"
    # A client that hears at this very moment that the server forgot it registers twice, and the second time its key is spent
    # (the loop is described in headscale#3371).
    for _ in 1 2 3; do
      # The last line: with JSON logs, the command's own stand before it.
      key=$(hub preauthkeys create --user "$owner" --expiration 10m --tags "$tags" | tail -n 1)
      case $key in "" | *[!A-Za-z0-9_-]*) fail "the control server made no key" ;; esac
      joined=0
      joining "$key" | member || joined=$?
      [ "$joined" != "$SPENT" ] || continue
      [ "$joined" = 0 ] || break
      # A host that the server forgot may believe that it is still in, under its old address: then its client says that all is well,
      # though the key was refused. Started anew it knows better.
      for _ in 1 2 3 4 5 6 7 8 9 10; do
        at=$(address "$url" | member)
        id=$(found "$at")
        [ -z "$id" ] || break 2
        sleep 1
      done
      echo "systemctl restart tailscaled" | member || true
    done
    [ "$joined" != "$SPENT" ] || fail "$name did not join $url: three keys, made for ten minutes each, had expired or were used when they came
  fix: $(on_hub "timedatectl set-ntp true") if the clock there is wrong, then the update again"
    [ "$joined" = 0 ] || fail "$name did not join $url; see: journalctl -u tailscaled there, and $(on_hub "docker logs --tail 50 $MESH_CONTROL")
  fix: the update again, once curl -sS $url/health answers there"
    [ -n "$id" ] || fail "$name says that it is in $url, but the control server does not list it
  fix: the update again; what the server says: $(on_hub "docker logs --tail 50 $MESH_CONTROL"), and the host: journalctl -u tailscaled there"
  fi
  settle "$id" "$name" "$tags"
  echo "$at"
}

# A host that was lost and made anew comes with a new key: its former self goes, and it gets its name back.
settle() {
  nodes | awk -v id="$1" -v name="$2" '$1 != id && ($2 == name || $3 == name) { print $1 }' | while read -r former; do
    hub nodes delete --identifier "$former" --force </dev/null >/dev/null
  done
  given=$(nodes | awk -v id="$1" '$1 == id { print $3 }')
  [ "$given" = "$2" ] || hub nodes rename --identifier "$1" "$2" >/dev/null
  hub nodes tag --identifier "$1" --tags "$3" >/dev/null
}

leave() {
  if ! all=$(nodes); then
    hub version >/dev/null 2>&1 || { echo "mesh: $MESH_CONTROL is gone, and its members with it" >&2; exit 0; }
    fail "the control server does not answer"
  fi
  echo "$all" | awk -v name="$1" '$3 == name { print $1 }' | while read -r id; do
    hub nodes delete --identifier "$id" --force </dev/null >/dev/null
  done
}

command=$1
shift
case $command in users | enrol | leave) "$command" "$@" ;; *) fail "unknown: $command" ;; esac
