#!/bin/sh
# Takes the runner off GitHub's list and off this host; safe to run again. With a new RUNNER_TOKEN GitHub is told too.
set -eu
here=$(dirname "$(readlink -f "$0")")
. "$here/settings.sh"
as_root "$@"
[ -f "$etc/runner.sh" ] || { echo "no runner $name is set up on this host"; exit 0; }
installed
[ -z "${RUNNER_TOKEN:-}" ] || (umask 077; printf '%s\n' "$RUNNER_TOKEN" >"$home.token")
sh "$etc/runner.sh" remove
rm -rf "$etc" "/etc/systemd/system/$unit"
systemctl daemon-reload
echo "runner $name is gone from this host"
