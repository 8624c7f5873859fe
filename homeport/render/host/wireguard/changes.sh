#: What $draft has and $draft.now has not goes to $draft.more, for `wg addconf`; $gone is the keys of peers that go.
# shellcheck shell=sh disable=SC2034,SC2154 # a part of apply.sh, which sets $draft and reads $gone
gone=$(awk -F ' = ' -v more="$draft.more" '
    FNR == 1 { file++; peer = "" }
    /^\[/ { peer = "" }
    $1 == "PublicKey" { peer = $2; if (file == 1) now[peer]; else { wanted[peer]; order[++peers] = peer } }
    file == 1 { is[peer, $1] = $2; if ($1 == "AllowedIPs") holder[$2] = peer; next }
    { to_be[peer, $1] = $2 }
    function add(line) { text = text line "\n" }
    function differs(peer, name) { return is[peer, name] != to_be[peer, name] }
    # The address of a peer with two keys is where it was handed to last; the next key gets none from here.
    function moved(peer,   address) { address = to_be[peer, "AllowedIPs"]
      return address != "" && differs(peer, "AllowedIPs") && !((holder[address] in wanted) && to_be[holder[address], "AllowedIPs"] == "") }
    END {
      if (differs("", "PrivateKey")) add("[Interface]\nPrivateKey = " to_be["", "PrivateKey"])
      if (differs("", "ListenPort")) add("[Interface]\nListenPort = " to_be["", "ListenPort"])
      for (i = 1; i <= peers; i++) { peer = order[i]
        if ((peer in now) && !differs(peer, "PresharedKey") && !moved(peer)) continue
        add("[Peer]\nPublicKey = " peer); add("PresharedKey = " to_be[peer, "PresharedKey"])
        if (to_be[peer, "AllowedIPs"] != "") add("AllowedIPs = " to_be[peer, "AllowedIPs"]) }
      printf "%s", text >more
      for (peer in now) if (!(peer in wanted)) print peer
    }' "$draft.now" "$draft")
