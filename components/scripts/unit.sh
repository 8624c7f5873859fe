#!/bin/sh
# On the host, as root: unit.sh BUNDLE apply|remove|confirm|revert NAME GUARD
# A unit is a set of files and a command that brings them about. Its place is /var/lib/homeport/units/NAME: `list` (mode owner number path),
# `apply`, `remove`, and, while a change is under way, `journal` with the files as they were. Every file is replaced as a
# whole (written beside, then renamed), so a kill leaves the old one or the new one. Run again after a kill, it goes on from there.
# What the command changes beside the files of the list is in `also`. What was there before the first change and was to be
# taken over is in `kept`, below its own path, and comes back when the unit goes; so do the systemd units in `before`. `sums`
# is what the files were when the change ended: look.sh compares.
# GUARD is for apply the seconds of the timer, for revert what names the timer that may (a later change has another one).
# /var/lib/homeport/folders has the folders that were made for the files of all units.
# Exit codes: 0 done; 7 done, and a timer will undo it unless confirmed; else failed, and everything is as it was.
set -eu
bundle=$1 verb=$2 name=$3 guard=$4
home=/var/lib/homeport place=/var/lib/homeport/units/$name
umask 077
parts="list also services apply remove"
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

. foreign.sh

# All that a unit has in its hands: its files, and what its command changes beside them.
hands() { paths "$place/${1}list"; [ ! -f "$place/${1}also" ] || cat "$place/${1}also"; }

# Before anything is changed: what somebody else made is left alone, unless it may be taken over.
claim() {
  if [ ! -d "$place/journal" ]; then
    number=0
    while read -r mode owner number path; do
      printf '%s %s\n' "$(sha256sum <"$bundle/files/$number" | cut -d' ' -f1)" "$path"
    done <"$bundle/list" >"$bundle/claims"
    # A unit of a time when nothing was noted beside its list has had all of it in its hands.
    [ -f "$place/list" ] && [ ! -f "$place/also" ] || sed 's/^/- /' "$bundle/also" >>"$bundle/claims"
    before_us <"$bundle/claims" >"$bundle/there"
    foreign <"$bundle/there" >"$bundle/foreign"
    grep -Fxv -f "$bundle/take-over" "$bundle/foreign" >"$bundle/refused" || true
    if [ -s "$bundle/refused" ] && ! grep -Fxq '*' "$bundle/take-over"; then
      echo "$name: not of homeport, and left alone; nothing of this was changed: $(paste -sd' ' "$bundle/refused")" >&2
      echo "  fix: name them in homeport:settings.hosts.<name>.take_over (they are kept aside, and put back when the stack goes)" >&2
      [ -f "$place/list" ] || rm -rf "${place:?}"
      exit 1
    fi
    if [ ! -f "$place/list" ]; then
      states <"$bundle/services" >"$place/before"
      while IFS= read -r path; do [ -e "$path" ] || printf '%s\n' "$path"; done <"$bundle/also" >"$place/made"
    fi
    # On a machine that is the program's own nothing of others is worth keeping.
    if grep -Fxq '*' "$bundle/take-over"; then : >"$bundle/there"; fi
    sed 's/^[^ ]* //' "$bundle/there" >"$place/claimed"
    while IFS= read -r path; do
      mkdir -p "$place/kept${path%/*}"
      copy "$path" "$place/kept$path"
    done <"$place/claimed"
  fi
}

states() {
  while read -r unit; do
    echo "$unit $(systemctl is-enabled "$unit" 2>/dev/null || true) $(systemctl is-active "$unit" 2>/dev/null || true)"
  done
}

# What ran before homeport came runs again, as it did.
revive() {
  [ -s "$place/before" ] || return 0
  systemctl daemon-reload
  while read -r unit enabled active; do
    [ "$enabled" != enabled ] || systemctl enable --quiet "$unit" || true
    [ "$active" != active ] || systemctl start "$unit" || echo "$name: $unit ran before, and does not start" >&2
  done <"$place/before"
}

copy() { cp -pP "$1" "${2%/*}/.${2##*/}.homeport" && mv -fT "${2%/*}/.${2##*/}.homeport" "$2"; }

# Paths that leave our hands: what was there before comes back, or nothing is left.
leave() { while IFS= read -r path; do back "$path" || rm -f -- "$path"; done; }
back() { if [ -e "$place/kept$1" ] || [ -L "$place/kept$1" ]; then mkdir -p "${1%/*}"; copy "$place/kept$1" "$1"; else return 1; fi; }

# Folders that files of any unit needed go when nothing is in them any more; deepest first.
vacate() {
  [ -e "$home/folders" ] || return 0
  sort -ru "$home/folders" | while IFS= read -r folder; do
    rmdir -- "$folder" 2>/dev/null || [ ! -d "$folder" ] || printf '%s\n' "$folder"
  done >"$home/folders.new"
  mv -f "$home/folders.new" "$home/folders"
}

# The same of what commands changed; what nobody knows to have been made by them stays.
leave_also() {
  cat "$place/also" "$place/next-also" 2>/dev/null | sort -u | while IFS= read -r path; do
    back "$path" || ! grep -Fxqs -e "$path" "$place/made" || rm -f -- "$path"
  done
}

# The files as they were before the change, each once: a change that was killed must not save its own half.
save() {
  journal=$place/journal
  if [ ! -d "$journal" ]; then
    rm -rf "$journal.new"
    mkdir "$journal.new"
    : >"$journal.new/paths"
    for one in $parts; do [ ! -f "$place/$one" ] || cp "$place/$one" "$journal.new/$one"; done
    # How a first change is undone is what the change itself brings.
    cp "$bundle/remove" "$journal.new/first-remove"
    mv "$journal.new" "$journal"
  fi
  { paths "$bundle/list"; cat "$bundle/also"; hands ""; } | sort -u | while IFS= read -r path; do
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
  if [ ! -d "${folder:-/}" ]; then
    above=$folder
    while [ ! -d "${above:-/}" ]; do printf '%s\n' "$above"; above=${above%/*}; done >>"$home/folders"
    (umask 022; mkdir -p "$folder")
  fi
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
  paths "$place/journal/list" | while IFS= read -r path; do grep -Fxq -- "$path" "$bundle/paths" || printf '%s\n' "$path"; done | leave
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
  [ -f "$place/journal/apply" ] || { leave_also; revive; rm -rf "$place/kept" "$place/before" "$place/made"; }
  vacate
  [ ! -f "$place/claimed" ] || while IFS= read -r path; do rm -f -- "$place/kept$path"; done <"$place/claimed"
  for one in $parts; do
    if [ -f "$place/journal/$one" ]; then cp "$place/journal/$one" "$place/$one"; else rm -f "${place:?}/$one"; fi
    rm -f "$place/next-$one"
  done
  rm -rf "$place/journal" "$place/armed" "$place/claimed"
}

finish() {
  for one in $parts; do [ ! -f "$place/next-$one" ] || mv "$place/next-$one" "$place/$one"; done
  hands "" | sums >"$place/sums.new"
  mv -f "$place/sums.new" "$place/sums"
  rm -rf "$place/journal" "$place/last-output" "$place/restoring" "$place/claimed"
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
  claim
  save
  disarm
  [ "$guard" = 0 ] || arm
  # A shell of its own: `set -e` does not hold in a command whose failure is looked at.
  sh "$place/unit.sh" "$bundle" lay "$name" 0 9>&- >"$place/last-output" 2>&1 || failed "its files could not be written"
  for one in $parts; do cp "$bundle/$one" "$place/next-$one"; done
  status=0
  HOMEPORT_KEPT=$place/kept sh "$bundle/apply" 9>&- </dev/null >"$place/last-output" 2>&1 || status=$?
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
  { paths "$place/list"; paths "$place/next-list"; } | sort -u | leave
  sh "$bundle/remove" 9>&- </dev/null >"$place/last-output" 2>&1 || { echo "$name: its removal said:"; tail -n 15 "$place/last-output" | masked; } >&2
  leave_also
  revive
  vacate
  rm -rf "${place:?}"
  # The last of them: nothing is left of this program but what others may use by now.
  if rmdir "$home/units" 2>/dev/null; then
    [ ! -e "$at_boot" ] || { systemctl disable --quiet "${at_boot##*/}"; rm -f "$at_boot"; systemctl daemon-reload; } || true
    rm -rf "$home/reverted" "$home/lock" "$home/folders"
    rmdir "$home" 2>/dev/null || true
  fi
}

[ "$verb" = lay ] || lock
case $verb in apply | confirm | revert | remove | lay) "$verb" ;; *) echo "unknown: $verb" >&2; exit 2 ;; esac
