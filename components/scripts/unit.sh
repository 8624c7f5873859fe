#!/bin/sh
# On the host, as root: unit.sh BUNDLE apply|remove|confirm|revert NAME GUARD
# A unit is a set of files and a command that brings them about. Its place is /var/lib/homeport/units/NAME: `list` (mode owner path a line),
# `apply`, `remove`, and, while a change is under way, `journal` with the files as they were. Every file is replaced as a
# whole (written beside, then renamed), so a kill leaves the old one or the new one. Run again after a kill, it goes on from there.
# Exit codes: 0 done; 7 done, and a timer will undo it unless confirmed; else failed, and everything is as it was.
set -eu
bundle=$1 verb=$2 name=$3 guard=$4
home=/var/lib/homeport place=/var/lib/homeport/units/$name
umask 077
mkdir -p "$place" "$home/reverted"
exec 9>"$home/lock"
flock -w 150 9 || { echo "$name: another change of this host takes longer than 150 s (lock $home/lock)" >&2; exit 1; }

timer() { echo "homeport-revert-$name"; }
disarm() {
  if [ -d /run/systemd/system ]; then
    systemctl stop "$(timer).timer" >/dev/null 2>&1 || true
    systemctl reset-failed "$(timer).service" >/dev/null 2>&1 || true
  elif [ -f "$place/timer" ]; then
    kill "$(cat "$place/timer")" 2>/dev/null || true
    rm -f "$place/timer"
  fi
}
arm() {
  if [ -d /run/systemd/system ]; then
    systemd-run --quiet --collect --unit "$(timer)" --on-active="$guard" --timer-property=AccuracySec=1s \
      sh "$place/unit.sh" - revert "$name" 0
  else
    # Without systemd (a container, a very old host) a process does it. Descriptor 9 is the lock: it must not keep it.
    (exec 9>&-; sleep "$guard"; exec sh "$place/unit.sh" - revert "$name" 0) </dev/null >/dev/null 2>&1 &
    echo $! >"$place/timer"
  fi
}

# Columns of a list: mode, owner, number of the file in the bundle, path (which may hold spaces).
paths() { [ ! -f "$1" ] || while read -r mode owner number path; do printf '%s\n' "$path"; done <"$1"; }

# The files as they are now, once for each change: a change that was killed must not save its own half.
save() {
  [ ! -d "$place/journal" ] || return 0
  rm -rf "$place/journal.new"
  mkdir "$place/journal.new"
  { paths "$bundle/list"; paths "$place/list"; } | sort -u >"$place/journal.new/paths"
  count=0
  while IFS= read -r path; do
    count=$((count + 1))
    [ ! -e "$path" ] || cp -p "$path" "$place/journal.new/$count"
  done <"$place/journal.new/paths"
  for one in list apply remove; do [ ! -f "$place/$one" ] || cp "$place/$one" "$place/journal.new/$one"; done
  # How a first change is undone is what the change itself brings.
  cp "$bundle/remove" "$place/journal.new/first-remove"
  sync -f "$place"
  mv "$place/journal.new" "$place/journal"
}

put() {
  mode=$1 owner=$2 source=$3 path=$4
  folder=${path%/*}
  [ -d "${folder:-/}" ] || (umask 022; mkdir -p "$folder")
  if [ -f "$path" ] && [ ! -L "$path" ] && cmp -s "$source" "$path" && [ "$(stat -c '%a %U:%G' "$path")" = "$mode $owner" ]; then return 0; fi
  temporary=$(mktemp "$folder/.homeport.XXXXXX")
  cat "$source" >"$temporary"
  chown "$owner" "$temporary"
  chmod "$mode" "$temporary"
  sync "$temporary"
  mv -fT "$temporary" "$path"
}

lay() {
  while read -r mode owner number path; do put "$mode" "$owner" "$bundle/files/$number" "$path"; done <"$bundle/list"
  [ ! -f "$place/list" ] || paths "$place/list" | while IFS= read -r path; do
    paths "$bundle/list" | grep -Fxq -- "$path" || rm -f -- "$path"
  done
}

restore() {
  count=0
  while IFS= read -r path; do
    count=$((count + 1))
    if [ -e "$place/journal/$count" ]; then cp -p "$place/journal/$count" "$path.homeport-old" && mv -fT "$path.homeport-old" "$path"; else rm -f -- "$path"; fi
  done <"$place/journal/paths"
  again=$place/journal/first-remove
  [ ! -f "$place/journal/apply" ] || again=$place/journal/apply
  sh "$again" 9>&- </dev/null >"$place/last-output" 2>&1 || echo "$name: putting it back said: $(tail -n 3 "$place/last-output")" >&2
  for one in list apply remove; do
    if [ -f "$place/journal/$one" ]; then cp "$place/journal/$one" "$place/$one"; else rm -f "${place:?}/$one"; fi
  done
  rm -rf "$place/journal"
}

finish() {
  [ ! -f "$place/next-list" ] || mv "$place/next-list" "$place/list"
  [ ! -f "$place/next-apply" ] || mv "$place/next-apply" "$place/apply"
  [ ! -f "$place/next-remove" ] || mv "$place/next-remove" "$place/remove"
  rm -rf "$place/journal" "$place/last-output"
}

# A value that is secret may stand in what a program prints: each line of `masks` is one.
masked() {
  [ -s "$bundle/masks" ] || { cat; return; }
  awk 'NR == FNR { if (length($0) > 3) secret[++n] = $0; next }
    { for (i = 1; i <= n; i++) { rest = $0; out = ""
        while ((at = index(rest, secret[i])) > 0) { out = out substr(rest, 1, at - 1) "[secret]"; rest = substr(rest, at + length(secret[i])) }
        $0 = out rest }
      print "    " $0 }' "$bundle/masks" -
}

case $verb in
apply)
  disarm
  cp "$bundle/unit.sh" "$place/unit.sh"
  save
  [ "$guard" = 0 ] || arm
  lay
  for one in list apply remove; do cp "$bundle/$one" "$place/next-$one"; done
  status=0
  sh "$bundle/apply" 9>&- </dev/null >"$place/last-output" 2>&1 || status=$?
  if [ "$status" != 0 ]; then
    disarm
    {
      echo "$name: it could not be brought about (exit code $status); everything is as it was. Its last lines:"
      tail -n 15 "$place/last-output" | masked
    } >&2
    restore
    exit 1
  fi
  [ "$guard" = 0 ] || exit 7
  finish
  ;;
confirm)
  if [ ! -d "$place/journal" ]; then echo "$name: the change was undone before it could be confirmed" >&2; exit 1; fi
  disarm
  finish
  ;;
revert)
  [ -d "$place/journal" ] || exit 0
  restore
  date -u +%FT%TZ >"$home/reverted/$name"
  echo "$name: nobody confirmed the change; everything is as it was" >&2
  ;;
remove)
  disarm
  paths "$place/list" | while IFS= read -r path; do rm -f -- "$path"; done
  sh "$bundle/remove" 9>&- </dev/null >"$place/last-output" 2>&1 || { echo "$name: its removal said:"; tail -n 15 "$place/last-output"; } >&2
  rm -rf "${place:?}"
  ;;
esac
