if systemd-detect-virt --container --quiet; then
  rm -f /etc/sysctl.d/60-homeport-kernel.conf
  echo "kernel settings left alone: this is a container, they would be those of the machine around it"
  set -- /etc/sysctl.d/60-homeport-network.conf
else
  [ ! -s /etc/homeport/sysctl/kernel.conf ] || ln -sfn /etc/homeport/sysctl/kernel.conf /etc/sysctl.d/60-homeport-kernel.conf
  set -- /etc/sysctl.d/60-homeport-network.conf /etc/homeport/sysctl/kernel.conf
fi
#: What they were before homeport came, for when it goes; but forwarding, without which no container has a network.
before=/var/lib/homeport/sysctl
if [ ! -s "$before" ]; then
  mkdir -p "${before%/*}"
  cat "$@" 2>/dev/null | grep -v -e '^#' -e ip_forward | sed 's/ *=.*//' | while read -r key; do
    ! value=$(sysctl -n "$key" 2>/dev/null) || echo "$key=$value"
  done >"$before.new"
  mv -f "$before.new" "$before"
fi
skipped=$(cat "$@" 2>/dev/null | grep -v '^#' | while read -r line; do
  key=$(echo "$line" | sed 's/ *=.*//') value=$(echo "$line" | sed 's/.*= *//')
  [ "$(sysctl -n "$key" 2>/dev/null)" = "$value" ] || sysctl -q -w "$key=$value" >/dev/null 2>&1 || printf ' %s' "$key"
done)
[ -z "$skipped" ] || echo "not to be set on this kernel:$skipped"
