set -eu
# By its name alone: `disable` wants the file, and `--now` with it.
systemctl stop cloudflared.service 2>/dev/null || true
rm -f /usr/local/bin/cloudflared /etc/systemd/system/multi-user.target.wants/cloudflared.service
systemctl daemon-reload
systemctl reset-failed cloudflared.service 2>/dev/null || true
