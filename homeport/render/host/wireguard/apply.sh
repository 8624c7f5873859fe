set -eu
umask 077
chmod 700 /etc/wireguard
#: $mark is there while wg0 is homeport's, and holds the part of its configuration that takes a restart, as the running
#: one has it. It lies on the disk, for a boot starts wg0 from the same file: a mark in /run was gone after it, and the
#: next change of a peer cut everybody off for 15 s.
conf=/etc/wireguard/wg0.conf mark=/var/lib/homeport/wireguard unit=wg-quick@wg0.service draft=/run/homeport-wg0.new
if [ ! -s "$conf" ]; then
  . down.sh
  exit 0
fi
if ip link show wg0 >/dev/null 2>&1 && [ ! -e "$mark" ]; then
  #: Of its owner, taken over by name: taken down as it was brought up.
  old=${HOMEPORT_KEPT:-/none}/etc/wireguard/wg0.conf
  [ -f "$old" ] || { echo "wg0 is there already and is not of homeport; take it down there with: wg-quick down wg0" >&2; exit 1; }
  wg-quick down "$old" 2>/dev/null || ip link delete wg0
fi
systemctl daemon-reload
systemctl enable --quiet "$unit"
mkdir -p "${mark%/*}"
[ -e "$mark" ] || : >"$mark"
shape=$(sed -n '/^\[Peer\]/q; /^PrivateKey\|^ListenPort/d; p' "$conf")
if systemctl is-active --quiet "$unit" && ip link show wg0 >/dev/null 2>&1 && [ "$(cat "$mark")" = "$shape" ]; then
  #: Changed where the configuration changed, and nowhere else. Not by `wg syncconf`: it takes every peer's addresses
  #: away and gives them back, and has wireguard-go open its socket anew (its device/uapi.go: replace_allowed_ips,
  #: listen_port). At 200 probes a second, 120 changes of a peer lost another one 10 probes, and these lost none. The
  #: address of a member is moved before the member that had it goes.
  trap 'rm -f "$draft" "$draft.now" "$draft.more"' EXIT
  wg-quick strip wg0 >"$draft"
  wg showconf wg0 >"$draft.now"
  . changes.sh
  [ ! -s "$draft.more" ] || wg addconf wg0 "$draft.more"
  for gone in $gone; do wg set wg0 peer "$gone" remove; done
else
  systemctl reset-failed "$unit" 2>/dev/null || true # it allows five starts in ten seconds
  systemctl restart "$unit"
fi
echo "$shape" >"$mark"
if [ -s /etc/homeport/wireguard/rotating ]; then
  systemctl enable --quiet homeport-wireguard-switch.service
  systemctl restart homeport-wireguard-switch.service
else
  systemctl stop homeport-wireguard-switch.service 2>/dev/null || true
  rm -f /etc/systemd/system/multi-user.target.wants/homeport-wireguard-switch.service
fi
ip -4 address show dev wg0 | grep -qF ' @address@/' || { echo "wg0 has no address @address@; see: journalctl -u $unit" >&2; exit 1; }
