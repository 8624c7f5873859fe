#!/bin/sh
# Installs the unit actions.runner.* of the runner that setup-runner.sh has registered, and starts it; safe to run again.
set -eu
here=$(dirname "$(readlink -f "$0")")
. "$here/settings.sh"
as_root "$@"
installed
[ -f "$home/.runner" ] || die "runner $name is not registered" "GITHUB_REPO=owner/repository ./setup-runner.sh"
getent group docker >/dev/null || die "there is no group docker, so no Docker for its jobs" "apt-get install docker.io"

# Whoever is in group docker is as mighty as root: the jobs build images and replace containers, and that is what it takes.
reason='# Jobs reach the host'\''s Docker: they build images and put them live\nSupplementaryGroups=docker'
sed -e "s|^@groups@\$|$reason|" -e "s|@home@|$home|g" -e "s|@user@|$user|g" -e "s|@name@|$name|g" \
  "$here/runner.service" >"/etc/systemd/system/$unit"
systemctl daemon-reload
systemctl enable --quiet "$unit"
systemctl restart "$unit"
systemctl is-active --quiet "$unit" || die "$unit does not run" "journalctl -u $unit -n 50"
echo "$unit runs as $user; its log: journalctl -u '$unit' -f"
