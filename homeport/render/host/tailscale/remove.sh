systemctl disable --now --quiet tailscaled || true
rm -rf /usr/local/lib/homeport/tailscale /usr/local/bin/tailscale /var/lib/tailscale
systemctl daemon-reload
