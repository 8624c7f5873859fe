rm -f /etc/systemd/system/*.target.wants/homeport-firewall.service /etc/systemd/system/docker.service.requires/homeport-firewall.service
systemctl daemon-reload
for file in ufw.conf user.rules user6.rules; do
  for source in /usr/share/ufw/$file /usr/share/ufw/iptables/$file; do
    # shellcheck disable=SC2086 # words of the two lists above, without a space
    [ -e /etc/ufw/$file ] || [ ! -e $source ] || cp -p $source /etc/ufw/$file
  done
done
[ -e /etc/default/ufw ] || cat >/etc/default/ufw <<'DEFAULTS'
. ufw.default
DEFAULTS
. reload.sh
for tool in iptables ip6tables; do
  for chain in INPUT FORWARD; do
    while $tool -w -t mangle -D $chain -j HOMEPORT-$chain 2>/dev/null; do :; done
    $tool -w -t mangle -F HOMEPORT-$chain 2>/dev/null || true
    $tool -w -t mangle -X HOMEPORT-$chain 2>/dev/null || true
  done
  $tool -w -F DOCKER-USER 2>/dev/null || true
done
#: As Docker itself ends the chain when it makes it.
! iptables -w -S DOCKER-USER >/dev/null 2>&1 || iptables -w -A DOCKER-USER -j RETURN
rm -rf /var/lib/homeport/firewall
