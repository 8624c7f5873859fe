if [ -e /var/lib/homeport/wireguard ]; then
  . down.sh
fi
rm -f /var/lib/homeport/wireguard
