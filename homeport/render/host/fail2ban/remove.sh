set -eu
# The package stays: without homeport's jail it does what its owner told it to, or nothing.
systemctl try-restart fail2ban.service 2>/dev/null || systemctl disable --quiet --now fail2ban.service 2>/dev/null || true
