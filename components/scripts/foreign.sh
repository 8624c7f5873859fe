# A part of unit.sh and look.sh: what on this host homeport did not make. $home is the folder of what it did.
# shellcheck shell=sh disable=SC2154 # $home is set by whoever uses it

# The files that a unit of homeport has in its hands, or had when a run was killed.
known() {
  for one in "$home"/units/*/list "$home"/units/*/next-list; do
    # shellcheck disable=SC2034 # columns of a list: mode, owner, number in the bundle, path
    [ ! -f "$one" ] || while read -r mode owner number path; do printf '%s\n' "$path"; done <"$one"
  done
  cat "$home"/units/*/also "$home"/units/*/next-also "$home"/units/*/journal/paths 2>/dev/null || true
}

# Nobody's: as its package brought it.
pristine() {
  for original in /usr/share/ufw/"${1##*/}" /usr/share/ufw/iptables/"${1##*/}"; do
    case $1 in /etc/ufw/*) if cmp -s "$1" "$original"; then return 0; fi ;; esac
  done
  dpkg-query -W -f '${Conffiles}\n' 2>/dev/null | grep -Fqx -e " $1 $(md5sum <"$1" | cut -d' ' -f1)"
}

# Lines of a sum (or -, where anything else than nothing is foreign) and a path that homeport is about to lay: those that are
# there and not by homeport.
before_us() {
  known=$(known)
  while read -r sum path; do
    { [ -e "$path" ] || [ -L "$path" ]; } || continue
    printf '%s\n' "$known" | grep -Fxq -e "$path" || printf '%s %s\n' "$sum" "$path"
  done
}

# Of these the paths of which somebody else's file would be lost.
foreign() {
  while read -r sum path; do
    if [ -f "$path" ] && [ ! -L "$path" ]; then
      [ "$(sha256sum <"$path" | cut -d' ' -f1)" != "$sum" ] || continue
      ! pristine "$path" || continue
    fi
    printf '%s\n' "$path"
  done
}

# Paths, each with what is there: sum, mode, owner.
sums() {
  while IFS= read -r path; do
    if [ -f "$path" ]; then
      printf '%s %s %s\n' "$(sha256sum <"$path" | cut -d' ' -f1)" "$(stat -Lc '%a %U:%G' "$path")" "$path"
    fi
  done
}
