#!/bin/sh
# Installs or updates HostAgent from this checkout: ./deploy.sh, by the checkout's owner with sudo, or as root.
# Safe to run again. `pulumi up` runs the same script after it has laid the files beside it.
# Exit codes: 0 it is healthy; 1 something is missing or wrong, and nothing was changed; 2 it did not become healthy, and
# the version before runs again (where there was one).
set -eu
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C
checkout=$(cd "$(dirname "$0")" && pwd -P)
source=$checkout/host-agent env_file=$checkout/host-agent/.env
opt=/opt/host-agent units=/etc/systemd/system sockets=/etc/systemd/system/sockets.target.wants
patience=${HOST_AGENT_PATIENCE:-30}
umask 022

refuse() { printf '%s\n' "deploy.sh: $1" >&2; exit 1; }
say() { printf '%s\n' "deploy.sh: $1"; }

if [ "$(id -u)" != 0 ]; then
  command -v sudo >/dev/null || refuse "must be run by root: there is no sudo
  fix: su -c '$checkout/deploy.sh'"
  exec sudo -- "$checkout/deploy.sh" "$@"
fi

python() { python3 -E -s -B "$@"; }

# Before anything is changed.
check() {
  case $checkout in *[!A-Za-z0-9_./-]*) refuse "$checkout: a systemd unit takes no such path
  fix: move the checkout to a folder whose path is of letters, digits, '.', '_' and '-'" ;; esac
  [ -d /run/systemd/system ] || refuse "this machine does not run systemd, so nothing would start HostAgent"
  python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || refuse "Python 3.11 or later is missing
  fix: sudo apt-get install python3"
  [ -f "$env_file" ] || refuse "$env_file is missing
  fix: install -m 600 $source/.env.example $env_file && \${EDITOR:-nano} $env_file"
  version=$(python "$source/host_agent.py" version) || refuse "$source holds no HostAgent"
  said=$(python "$source/host_agent.py" check "$env_file" 2>&1) || refuse "$said"
  owner=$(stat -c %U "$checkout")
  # Its lines: a task's name, and the word docker where it asks for that.
  tasks=$(runuser -u "$owner" -- python3 -E -s -B "$source/host_agent.py" tasks "$env_file" 2>&1) || refuse "$tasks"
  port=$(sed -n 's/^PORT=//p' "$env_file" | tail -n 1 | tr -d "\"' ")
  port=${port:-9000}
}

# The code under its version's name, owned by root; a run that was killed leaves a folder that nobody uses.
install_code() {
  id -u host-agent >/dev/null 2>&1 ||
    useradd --system --user-group --no-create-home --home-dir / --shell /usr/sbin/nologin host-agent
  # For the day when the checkout is gone: `pulumi destroy` removes its files first.
  install -m 755 "$checkout/deploy.sh" "$opt/deploy.sh"
  release=$opt/releases/$version
  [ ! -d "$release" ] || return 0
  rm -rf "$release.new"
  mkdir -p "$release.new"
  install -m 644 "$source"/host_agent*.py "$source/openapi.json" "$release.new/"
  mv -T "$release.new" "$release"
}

lay() {
  mkdir -p "${2%/*}"
  sed -e "s|@CHECKOUT@|$checkout|g" -e "s|@USER@|$owner|g" -e "s|@PORT@|$port|g" "$1" >"$2.new"
  chmod 644 "$2.new"
  mv -f "$2.new" "$2"
}

install_units() {
  for unit in host-agent.service host-agent-task@.socket host-agent-task@.service; do
    lay "$source/units/$unit" "$units/$unit"
  done
  rm -rf "$units"/host-agent-task@*.service.d
  printf '%s\n' "$tasks" | while read -r task docker; do
    [ "$docker" != docker ] || lay "$source/units/docker.conf" "$units/host-agent-task@$task.service.d/docker.conf"
  done
}

# What runs now, to come back to.
remember() {
  rm -rf "$opt/before.new"
  mkdir -p "$opt/before.new"
  for one in "$units"/host-agent.service "$units"/host-agent-task@*; do
    [ ! -e "$one" ] || cp -a "$one" "$opt/before.new/"
  done
  [ ! -L "$opt/current" ] || cp -a "$opt/current" "$opt/before.new/"
  rm -rf "$opt/before"
  mv -T "$opt/before.new" "$opt/before"
}

point() {
  ln -sfn "releases/$1" "$opt/current.new"
  mv -fT "$opt/current.new" "$opt/current"
}

start() {
  systemctl daemon-reload
  # Sockets of tasks that are no more; those of the others are there before the agent is.
  wanted=$(printf '%s\n' "$tasks" | cut -d' ' -f1 | sed 's/.*/host-agent-task@&.socket/')
  for one in "$sockets"/host-agent-task@*.socket; do
    [ -L "$one" ] || continue
    printf '%s\n' "$wanted" | grep -Fxq "${one##*/}" || systemctl disable --quiet --now "${one##*/}"
  done
  for one in $wanted; do
    systemctl enable --quiet "$one"
    systemctl start "$one"
  done
  systemctl enable --quiet host-agent.service
  systemctl restart host-agent.service
}

# Whether this version answers, not only some one.
healthy() {
  python - "$port" "$1" <<'PY' 2>/dev/null
import json, sys, urllib.request as r
answer = r.build_opener(r.ProxyHandler({})).open(f"http://127.0.0.1:{sys.argv[1]}/health", timeout=5)
sys.exit(json.load(answer)["version"] != sys.argv[2])
PY
}

wait_for() {
  end=$(($(date +%s) + patience))
  until healthy "$1"; do
    [ "$(date +%s)" -lt "$end" ] || return 1
    sleep 1
  done
}

go_back() {
  say "$version does not answer after $patience s. Its last lines (more: sudo journalctl -u host-agent):" >&2
  journalctl -u host-agent.service -n 20 -o cat --no-pager >&2
  if [ ! -L "$opt/before/current" ]; then
    stop_all
    say "there was no version before; HostAgent is stopped" >&2
    exit 2
  fi
  before=$(basename "$(readlink "$opt/before/current")")
  rm -rf "$units"/host-agent.service "$units"/host-agent-task@*
  for one in "$opt"/before/host-agent*; do cp -a "$one" "$units/"; done
  point "$before"
  start || true
  if wait_for "$before"; then
    say "$before runs again" >&2
  else
    say "$before, the version before, does not answer either; is it host-agent/.env? sudo systemctl status host-agent" >&2
  fi
  exit 2
}

stop_all() {
  for one in "$sockets"/host-agent-task@*.socket; do [ ! -L "$one" ] || systemctl disable --quiet --now "${one##*/}" || true; done
  systemctl disable --quiet --now host-agent.service 2>/dev/null || true
  systemctl stop 'host-agent-task@*' 2>/dev/null || true
  rm -rf "$units"/host-agent.service "$units"/host-agent-task@* "$units"/multi-user.target.wants/host-agent.service
  rm -f "$sockets"/host-agent-task@*.socket "$opt/current"
  systemctl daemon-reload
  systemctl reset-failed 'host-agent*' 2>/dev/null || true
}

# What is not in use, or was until now, goes.
tidy() {
  for one in "$opt"/releases/*; do
    case ${one##*/} in "$(basename "$(readlink "$opt/current")")" | "$(basename "$(readlink "$opt/before/current")")") ;;
      *) rm -rf "$one" ;;
    esac
  done
}

remove() {
  stop_all
  rm -rf "$opt" /var/lib/host-agent /var/lib/private/host-agent /run/host-agent-tasks
  say "HostAgent is removed; $source, its .env and the user host-agent are left"
}

mkdir -p "$opt/releases"
exec 9>"$opt/lock"
flock -w 120 9 || refuse "another run of deploy.sh does not end
  fix: sudo fuser -v $opt/lock"
case ${1:-} in
  "") ;;
  remove) remove; exit 0 ;;
  *) refuse "takes no argument, or remove" ;;
esac
check
remember
install_code
install_units
point "$version"
start || go_back
wait_for "$version" || go_back
tidy
say "HostAgent $version is healthy on port $port; tasks: $(printf '%s\n' "$tasks" | cut -d' ' -f1 | paste -sd' ')"
