#!/bin/sh
# Stand-in for actions/runner's svc.sh: install [user], start, stop, status, uninstall; .service holds the unit's name.
cd "$(dirname "$0")" || exit 1
[ "$(id -u)" -eq 0 ] || { echo "Must run as sudo"; exit 1; }
[ -f .runner ] || { echo "Not configured. Run config.(sh/cmd) to configure the runner."; exit 1; }
name=$(./bin/Runner.Listener unit)
unit=/etc/systemd/system/$name
case ${1:-} in
  install)
    [ ! -f "$unit" ] || { echo "Failed: error: exists $unit" >&2; exit 1; }
    printf '[Unit]\nDescription=GitHub Actions Runner\nAfter=network.target\n\n[Service]\nExecStart=%s/run.sh --startuptype service\nUser=%s\nWorkingDirectory=%s\nKillMode=process\nKillSignal=SIGTERM\nTimeoutStopSec=5min\n\n[Install]\nWantedBy=multi-user.target\n' \
      "$PWD" "${2:-${SUDO_USER:-root}}" "$PWD" >"$unit"
    systemctl daemon-reload
    systemctl enable "$name"
    echo "$name" >.service
    ;;
  start | stop | status) systemctl --no-pager "$1" "$name" ;;
  uninstall)
    systemctl disable --now "$name"
    rm -f "$unit" .service
    systemctl daemon-reload
    ;;
  *) echo "Usage: ./svc.sh [install, start, stop, status, uninstall]" ;;
esac
