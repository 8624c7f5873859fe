#!/bin/sh
# The folder on a host that holds the data of one service: folder.sh make|take|remove PATH
# Over the connection of HOMEPORT_SSH, _PORT and _OPTS. `make` refuses what others have filled, `take` uses it as it is. The file
# .homeport in it says that it is ours; its owner and mode come with the volume (deliver.sh).
set -eu
verb=$1 path=$2
. "${0%/*}/ssh.sh"

# shellcheck disable=SC2016 # the host's shell expands it
make='if [ "$verb" = make ] && [ -e "$path" ] && [ ! -e "$path/.homeport" ] && { [ ! -d "$path" ] || [ -n "$(ls -A "$path")" ]; }; then
  echo "$path: not of homeport, and left alone; nothing of this was changed" >&2
  echo "  fix: name it in homeport:settings.hosts.<name>.take_over (its data is then used as it is), or move it away" >&2
  exit 1
fi
umask 022
mkdir -p "${path%/*}"
umask 077
mkdir -p "$path"
[ -e "$path/.homeport" ] || : >"$path/.homeport"'
# Empty folders above it go as well, up to those of the distribution.
# shellcheck disable=SC2016 # the host's shell expands it
remove='rm -rf --one-file-system "$path"
above=${path%/*}
while case $above in /*/*) true ;; *) false ;; esac && rmdir "$above" 2>/dev/null; do above=${above%/*}; done'

case $verb in make | take) run=$make ;; remove) run=$remove ;; *) echo "unknown: $verb" >&2; exit 2 ;; esac
listening
# ssh's own 255: the connection failed or broke; all of this may be done again.
for try in 1 2 3 4; do
  status=0
  said=$(as_root "verb=$(quoted "$verb") path=$(quoted "$path")
$run" </dev/null 2>&1) || status=$?
  # shellcheck disable=SC2015 # break whichever of the three is false
  [ "$status" = 255 ] && [ "$try" -lt 4 ] && passing || break
  sleep $((try * 2))
done
[ -z "$said" ] || printf '%s\n' "$said" >&2
[ "$status" != 255 ] || {
  echo "$path: $HOMEPORT_SSH port $HOMEPORT_SSH_PORT could not be reached over SSH, see above. Once it answers, run the update again." >&2
  status=1
}
exit "$status"
