#!/bin/sh
# On the host, as root: unit.sh BUNDLE apply|remove|confirm|revert NAME GUARD
# A unit is a set of files and a command that brings them about. Its place is /var/lib/homeport/units/NAME: `list` (mode owner number path),
# `apply`, `remove`, and, while a change is under way, `journal` with the files as they were. Every file is replaced as a
# whole (written beside, then renamed), so a kill leaves the old one or the new one. Run again after a kill, it goes on from there.
# GUARD is for apply the seconds of the timer, for revert what names the timer that may (a later change has another one).
# Exit codes: 0 done; 7 done, and a timer will undo it unless confirmed; else failed, and everything is as it was.
set -eu
bundle=$1 verb=$2 name=$3 guard=$4
home=/var/lib/homeport place=/var/lib/homeport/units/$name
umask 077
timer=homeport-revert-$name at_boot=/etc/systemd/system/homeport-revert.service

lock() {
  mkdir -p "$place" "$home/reverted"
  exec 9>"$home/lock"
  flock -w 150 9 || { echo "$name: another change of this host takes longer than 150 s (lock $home/lock)" >&2; exit 1; }
  # What killed runs left where bundles are unpacked.
  find /run -maxdepth 1 -name 'homeport.??????' -mmin +60 -exec rm -rf {} + 2>/dev/null || true
}

disarm() {
  rm -f "$place/armed"
  if [ -d /run/systemd/system ]; then
    systemctl stop "$timer.timer" >/dev/null 2>&1 || true
    systemctl reset-failed "$timer.service" >/dev/null 2>&1 || true
  elif [ -f "$place/timer" ]; then
    kill "$(cat "$place/timer")" 2>/dev/null || true
    rm -f "$place/timer"
  fi
}

arm() {
  token=$(cat /proc/sys/kernel/random/uuid)
  echo "$token" >"$place/armed"
  if [ -d /run/systemd/system ]; then
    boots
    systemd-run --quiet --collect --unit "$timer" --on-active="$guard" --timer-property=AccuracySec=1s \
      sh "$place/unit.sh" - revert "$name" "$token"
  else
    # Without systemd (a container, a very old host) a process does it. Descriptor 9 is the lock: it must not keep it.
    (exec 9>&-; sleep "$guard"; exec sh "$place/unit.sh" - revert "$name" "$token") </dev/null >/dev/null 2>&1 &
    echo $! >"$place/timer"
  fi
}

# The timer is gone after a reboot: what nobody confirmed until then is undone by this.
boots() {
  cat >"$at_boot.new" <<END
[Unit]
Description=Undo what homeport changed and nobody confirmed before the reboot
After=ssh.service ufw.service
[Service]
Type=oneshot
ExecStart=/bin/sh -c 'for one in $home/units/*/armed; do [ ! -e "\$\$one" ] || { unit=\$\${one%%/armed}; sh "\$\$unit/unit.sh" - revert "\$\${unit##*/}" boot; }; done'
[Install]
WantedBy=multi-user.target
END
  chmod 644 "$at_boot.new"
  if cmp -s "$at_boot.new" "$at_boot"; then rm "$at_boot.new"; return 0; fi
  mv -f "$at_boot.new" "$at_boot"
  systemctl daemon-reload
  systemctl enable --quiet "${at_boot##*/}"
}

# Columns of a list: mode, owner, number of the file in the bundle, path (which may hold spaces).
paths() { [ ! -f "$1" ] || while read -r mode owner number path; do printf '%s\n' "$path"; done <"$1"; }

# The files as they were before the change, each once: a change that was killed must not save its own half.
save() {
  journal=$place/journal
  if [ ! -d "$journal" ]; then
    rm -rf "$journal.new"
    mkdir "$journal.new"
    : >"$journal.new/paths"
    for one in list apply remove; do [ ! -f "$place/$one" ] || cp "$place/$one" "$journal.new/$one"; done
    # How a first change is undone is what the change itself brings.
    cp "$bundle/remove" "$journal.new/first-remove"
    mv "$journal.new" "$journal"
  fi
  { paths "$bundle/list"; paths "$place/list"; } | sort -u | while IFS= read -r path; do
    if grep -Fxq -- "$path" "$journal/paths"; then continue; fi
    number=$(( $(wc -l <"$journal/paths") + 1 ))
    rm -f "$journal/$number"
    if [ -e "$path" ] || [ -L "$path" ]; then cp -pP "$path" "$journal/$number"; fi
    printf '%s\n' "$path" >>"$journal/paths"
  done
  sync -f "$place"
}

put() {
  mode=$1 owner=$2 source=$3 path=$4
  folder=${path%/*}
  [ -d "${folder:-/}" ] || (umask 022; mkdir -p "$folder")
  if [ -f "$path" ] && [ ! -L "$path" ] && cmp -s "$source" "$path" && [ "$(stat -c '%a %U:%G' "$path")" = "$mode $owner" ]; then return 0; fi
  # Always the same name, so that what a kill leaves is overwritten by the next run; a dot and no suffix, so that nobody reads it.
  draft=$folder/.${path##*/}.homeport
  rm -f -- "$draft"
  cat "$source" >"$draft"
  chown "$owner" "$draft"
  chmod "$mode" "$draft"
  sync "$draft"
  mv -fT "$draft" "$path"
}

lay() {
  while read -r mode owner number path; do put "$mode" "$owner" "$bundle/files/$number" "$path"; done <"$bundle/list"
  paths "$bundle/list" >"$bundle/paths"
  paths "$place/journal/list" | while IFS= read -r path; do grep -Fxq -- "$path" "$bundle/paths" || rm -f -- "$path"; done
  sync -f "$place"
}

# Everything as the journal has it; what can't be put back is said, and the rest is put back all the same.
restore() {
  number=0
  while IFS= read -r path; do
    number=$((number + 1))
    draft=${path%/*}/.${path##*/}.homeport
    rm -f -- "$draft"
    if [ -e "$place/journal/$number" ] || [ -L "$place/journal/$number" ]; then
      { cp -pP "$place/journal/$number" "$draft" && mv -fT "$draft" "$path"; } || echo "$name: $path could not be put back" >&2
    else
      rm -f -- "$path"
    fi
  done <"$place/journal/paths"
  again=$place/journal/first-remove
  [ ! -f "$place/journal/apply" ] || again=$place/journal/apply
  # Tells a unit's removal that it undoes a first change: nothing of it shall stay.
  HOMEPORT_UNDO=yes sh "$again" 9>&- </dev/null >"$place/restoring" 2>&1 || echo "$name: what was there before said something, see $place/restoring on the host" >&2
  for one in list apply remove; do
    if [ -f "$place/journal/$one" ]; then cp "$place/journal/$one" "$place/$one"; else rm -f "${place:?}/$one"; fi
    rm -f "$place/next-$one"
  done
  rm -rf "$place/journal" "$place/armed"
}

finish() {
  for one in list apply remove; do [ ! -f "$place/next-$one" ] || mv "$place/next-$one" "$place/$one"; done
  rm -rf "$place/journal" "$place/last-output" "$place/restoring"
}

. masked.sh

failed() {
  {
    echo "$name: $1; everything is as it was. Its last lines:"
    tail -n 15 "$place/last-output" | masked
  } >&2
  disarm
  restore
  exit 1
}

apply() {
  cp "$bundle/unit.sh" "$place/unit.sh.new"
  mv -f "$place/unit.sh.new" "$place/unit.sh"
  save
  disarm
  [ "$guard" = 0 ] || arm
  # A shell of its own: `set -e` does not hold in a command whose failure is looked at.
  sh "$place/unit.sh" "$bundle" lay "$name" 0 9>&- >"$place/last-output" 2>&1 || failed "its files could not be written"
  for one in list apply remove; do cp "$bundle/$one" "$place/next-$one"; done
  status=0
  sh "$bundle/apply" 9>&- </dev/null >"$place/last-output" 2>&1 || status=$?
  [ "$status" = 0 ] || failed "it could not be brought about (exit code $status)"
  # What went well, but otherwise than on other hosts.
  sed -n "s/^note: /$name: /p" "$place/last-output"
  [ "$guard" = 0 ] || exit 7
  finish
}

confirm() {
  if [ ! -d "$place/journal" ]; then echo "$name: the change was undone before it could be confirmed" >&2; exit 1; fi
  disarm
  finish
}

revert() {
  [ -d "$place/journal" ] && [ -f "$place/armed" ] || exit 0
  [ "$guard" = boot ] || [ "$guard" = "$(cat "$place/armed")" ] || exit 0
  restore
  date -u +%FT%TZ >"$home/reverted/$name"
  echo "$name: nobody confirmed the change; everything is as it was" >&2
}

remove() {
  disarm
  { paths "$place/list"; paths "$place/next-list"; } | while IFS= read -r path; do rm -f -- "$path"; done
  sh "$bundle/remove" 9>&- </dev/null >"$place/last-output" 2>&1 || { echo "$name: its removal said:"; tail -n 15 "$place/last-output" | masked; } >&2
  rm -rf "${place:?}"
}

[ "$verb" = lay ] || lock
case $verb in apply | confirm | revert | remove | lay) "$verb" ;; *) echo "unknown: $verb" >&2; exit 2 ;; esac
