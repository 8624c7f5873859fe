set -eu
image=$(cat /etc/homeport/mesh/image)
if [ "$(cat /usr/local/lib/homeport/tailscale/image 2>/dev/null || true)" != "$image" ]; then
  from=homeport-carrier-tailscale
  docker rm -f "$from" >/dev/null 2>&1 || true
  docker create --name "$from" --label homeport.carrier=true --network none "$image" none >/dev/null
  trap 'docker rm -f "$from" >/dev/null' EXIT
  mkdir -p /usr/local/lib/homeport/tailscale
  for program in tailscale tailscaled; do
    docker cp -L "$from:/usr/local/bin/$program" /usr/local/lib/homeport/tailscale/$program.new
    chown root:root /usr/local/lib/homeport/tailscale/$program.new
    chmod 755 /usr/local/lib/homeport/tailscale/$program.new
    /usr/local/lib/homeport/tailscale/$program.new --version >/dev/null
    mv /usr/local/lib/homeport/tailscale/$program.new /usr/local/lib/homeport/tailscale/$program
  done
  echo "$image" >/usr/local/lib/homeport/tailscale/image
fi
ln -sfn /usr/local/lib/homeport/tailscale/tailscale /usr/local/bin/tailscale
systemctl daemon-reload
systemctl enable --quiet tailscaled
systemctl restart tailscaled
