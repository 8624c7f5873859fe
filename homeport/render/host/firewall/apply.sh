set -eu
/usr/local/lib/homeport/firewall check 2>/dev/null | sed 's/^/not of homeport, and replaced: /' || true
/usr/local/lib/homeport/firewall load
systemctl daemon-reload
systemctl enable --quiet ufw.service homeport-firewall.service
. reload.sh
systemctl start ufw.service homeport-firewall.service
/usr/local/lib/homeport/firewall keep
