#: Shared by unit.sh and gate.sh. $bundle is a folder.
# shellcheck shell=sh disable=SC2154 # $bundle is set by whoever uses it
# A value that is secret may stand in what a program prints: each line of `masks` is one.
masked() {
  awk 'NR == FNR && FILENAME != "-" { if (length($0) > 3) secret[++n] = $0; next }
    { for (i = 1; i <= n; i++) { rest = $0; out = ""
        while ((at = index(rest, secret[i])) > 0) { out = out substr(rest, 1, at - 1) "[secret]"; rest = substr(rest, at + length(secret[i])) }
        $0 = out rest }
      print "    " $0 }' "$bundle/masks" -
}
