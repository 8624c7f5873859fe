"""A running wg0 is changed where its configuration changed, and nowhere else.

Not by ``wg syncconf``: it takes every peer's addresses away and gives them back, and has wireguard-go open its socket anew (its device/uapi.go:
replace_allowed_ips, listen_port). At 200 probes a second, 120 changes of a peer lost another one 10 probes, and these lost none.
"""

CHANGES = """gone=$(awk -F ' = ' -v more="$draft.more" '
    FNR == 1 { file++; peer = "" }
    /^\\[/ { peer = "" }
    $1 == "PublicKey" { peer = $2; if (file == 1) now[peer]; else { wanted[peer]; order[++peers] = peer } }
    file == 1 { is[peer, $1] = $2; if ($1 == "AllowedIPs") holder[$2] = peer; next }
    { to_be[peer, $1] = $2 }
    function add(line) { text = text line "\\n" }
    function differs(peer, name) { return is[peer, name] != to_be[peer, name] }
    # The address of a peer with two keys is where it was handed to last; the next key gets none from here.
    function moved(peer,   address) { address = to_be[peer, "AllowedIPs"]
      return address != "" && differs(peer, "AllowedIPs") && !((holder[address] in wanted) && to_be[holder[address], "AllowedIPs"] == "") }
    END {
      if (differs("", "PrivateKey")) add("[Interface]\\nPrivateKey = " to_be["", "PrivateKey"])
      if (differs("", "ListenPort")) add("[Interface]\\nListenPort = " to_be["", "ListenPort"])
      for (i = 1; i <= peers; i++) { peer = order[i]
        if ((peer in now) && !differs(peer, "PresharedKey") && !moved(peer)) continue
        add("[Peer]\\nPublicKey = " peer); add("PresharedKey = " to_be[peer, "PresharedKey"])
        if (to_be[peer, "AllowedIPs"] != "") add("AllowedIPs = " to_be[peer, "AllowedIPs"]) }
      printf "%s", text >more
      for (peer in now) if (!(peer in wanted)) print peer
    }' "$draft.now" "$draft")"""
"""Shell: what `$draft` has and `$draft.now` has not goes to `$draft.more`, for ``wg addconf``; `$gone` is the keys of peers that go."""
SHELL = f"""\
trap 'rm -f "$draft" "$draft.now" "$draft.more"' EXIT
  wg-quick strip wg0 >"$draft"
  wg showconf wg0 >"$draft.now"
  {CHANGES}
  [ ! -s "$draft.more" ] || wg addconf wg0 "$draft.more"
  for gone in $gone; do wg set wg0 peer "$gone" remove; done"""
"""Shell (the caller has set the umask): wg0 becomes what wg0.conf says. The address of a member is moved before the one that had it goes."""
