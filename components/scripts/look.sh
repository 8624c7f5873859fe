# On a host, as root, from standard input: what is there. Nothing is changed. The last line calls `look` with the paths that
# homeport is about to lay, as foreign.sh wants them. A line for each thing, its words apart by tabs.
#: Read by homeport/cli/look.py.
# shellcheck shell=sh
set -u
export PATH="$PATH:/usr/sbin:/sbin" LC_ALL=C
home=/var/lib/homeport
. foreign.sh

row() { kind=$1; shift; printf '%s' "$kind"; for word in "$@"; do printf '\t%s' "$word"; done; echo; }
rows() { while IFS= read -r line; do row "$1" "$line"; done; }

engine() {
  (
    . ../../homeport/render/host/packages/engine.sh
  ) 2>&1 | rows engine
}

disk() {
  for folder in / "$(docker info --format '{{.DockerRootDir}}' 2>/dev/null)"; do
    [ ! -d "$folder" ] || row disk "$folder" "$(df -Pk "$folder" | awk 'NR == 2 { print $4 }')"
  done
}

docker_objects() {
  command -v docker >/dev/null 2>&1 || return 0
  docker info --format '{{.Swarm.LocalNodeState}}' 2>/dev/null | grep -qx active && row swarm active
  # Either marks a container as a stack's: what compose made of the stack's own file is no stranger's.
  docker ps --all --format '{{.Names}}	{{.Label "homeport.stack"}}{{.Label "homeport.compose"}}	{{.Ports}}' 2>/dev/null | rows container
  docker volume ls --format '{{.Name}}	{{.Label "homeport.stack"}}' 2>/dev/null | rows volume
  docker network ls --quiet 2>/dev/null | xargs -r docker network inspect --format \
    '{{.Name}}	{{index .Labels "homeport.stack"}}	{{range .IPAM.Config}}{{.Subnet}} {{end}}' 2>/dev/null | rows network
}

# Columns of ss: protocol, state, two queues, local address, peer, program.
listeners() {
  ss -Hlntup 2>/dev/null | awk -v OFS='\t' '{ port = $5; sub(/.*:/, "", port); address = $5; sub(/:[^:]*$/, "", address)
    program = $7; sub(/^users:\(\("/, "", program); sub(/".*/, "", program); print "listener", $1, address, port, program }'
}

addresses() { ip -o -4 address show 2>/dev/null | awk -v OFS='\t' '{ print "address", $2, $4 }'; }

# Only while homeport's own firewall is not there: afterwards its `check` says what else is.
firewall() {
  if known | grep -Fxq /etc/homeport/firewall/v4; then row firewall homeport; return 0; fi
  if grep -qsx ENABLED=yes /etc/ufw/ufw.conf; then
    row firewall ufw
    sed -n 's/^### tuple ### \([a-z]*\) \([a-z]*\) \([0-9a-z:,]*\) .*/ufw\t\1\t\3\/\2/p' /etc/ufw/user.rules
  fi
  iptables -w -S DOCKER-USER 2>/dev/null | grep -- '^-A ' | grep -vx -e '-A DOCKER-USER -j RETURN' | rows chain
}

nftables() {
  systemctl is-enabled --quiet nftables.service 2>/dev/null && row nft enabled
  nft list tables 2>/dev/null | sed 's/^table //' | grep -vxE '(ip6?|bridge) (filter|nat|mangle|raw|security)' | rows nft
}

# Who may come in over SSH today, beside those that homeport will let in.
logins() {
  effective=$(sshd -T 2>/dev/null) || return 0
  allowed=" $(printf '%s\n' "$effective" | sed -n 's/^allowusers //p' | tr '\n' ' ')"
  getent passwd | while IFS=: read -r user _ uid _ _ folder shell; do
    case $shell in */nologin | */false | */sync) continue ;; esac
    if [ "$uid" = 0 ] && printf '%s\n' "$effective" | grep -qx 'permitrootlogin no'; then continue; fi
    case $allowed in " ") ;; *" $user "*) ;; *) continue ;; esac
    if grep -qsE '^(ssh|ecdsa|sk)-' "$folder/.ssh/authorized_keys"; then row login "$user"; fi
  done
}

wireguard() {
  ip -o link show wg0 >/dev/null 2>&1 || return 0
  if [ -e "$home/wireguard" ]; then row wireguard homeport; else row wireguard other; fi
}

# A peer is also added by `wg set`, which leaves the file as it is. While one has two keys, its address is at either.
peers() {
  wg show wg0 allowed-ips | awk -v rotating="$(test -s /etc/homeport/wireguard/rotating && echo yes)" '
    NR == FNR { if ($1 == "PublicKey") { key = $2; at[key] = "(none)" } if ($1 == "AllowedIPs") at[key] = $2; next }
    !($1 in at) { print $1 " added"; next }
    { seen[$1] }
    at[$1] != $2 && !rotating { print $1 " at another address" }
    END { for (key in at) if (!(key in seen)) print key " gone" }
  ' FS=' = ' /etc/wireguard/wg0.conf FS='\t' - | sort
}

# What is not as the last update left it; a unit that is being changed is left to that change.
drift() {
  for place in "$home"/units/*/; do
    unit=${place%/} unit=${unit##*/}
    [ -f "$place/list" ] && [ ! -d "$place/journal" ] || continue
    row unit "$unit"
    [ ! -f "$place/sums" ] || while IFS= read -r was; do
      path=${was#* * * }
      is=$(printf '%s\n' "$path" | sums)
      if [ "$is" = "$was" ]; then continue; fi
      if [ -z "$is" ]; then row drift "$unit" "$path" gone
      elif [ "${is%% *}" = "${was%% *}" ]; then row drift "$unit" "$path" "of another owner or mode"
      else row drift "$unit" "$path" changed; fi
    done <"$place/sums"
    [ ! -d /run/systemd/system ] || [ ! -f "$place/services" ] || while IFS= read -r service; do
      systemctl is-active --quiet "$service" || row drift "$unit" "$service" stopped
    done <"$place/services"
    if grep -qs ' /etc/homeport/firewall/v4$' "$place/list"; then
      /usr/local/lib/homeport/firewall check >/dev/null 2>&1 || row drift "$unit" "the firewall's rules in force" changed
    fi
    if grep -qs ' /etc/wireguard/wg0.conf$' "$place/list" && ip link show wg0 >/dev/null 2>&1; then
      peers | while IFS= read -r what; do row drift "$unit" "the VPN's list of peers ($what)" changed; done
    fi
  done
}

# A folder with data that is the stack's has its mark in it (folder.sh).
unmarked() { while IFS= read -r path; do [ -e "$path/.homeport" ] || printf '%s\n' "$path"; done; }

look() {
  row looked
  engine
  disk
  docker_objects
  listeners
  addresses
  firewall
  nftables
  logins
  wireguard
  drift
  before_us | foreign | unmarked | rows file
}
