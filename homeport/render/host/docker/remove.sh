. containers-remove.sh
rm -f /etc/sysctl.d/60-homeport-kernel.conf
[ ! -f /var/lib/homeport/sysctl ] || sysctl -q -p /var/lib/homeport/sysctl >/dev/null 2>&1 || true
rm -f /var/lib/homeport/sysctl
systemctl daemon-reload
