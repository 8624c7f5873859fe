#!/bin/sh
# Files on a host and what they bring about: host.sh apply|remove NAME GUARD, a bundle (base64 tar) on stdin.
# Over the connection of HOMEPORT_SSH, _PORT and _OPTS. With GUARD > 0 a change that would cut this program off is undone by the host
# itself after that many seconds: only a new connection, made as the next update will make it, keeps the change. The port
# of that connection is HOMEPORT_SSH_PORT_NEXT where the change moves sshd.
set -eu
verb=$1 name=$2 guard=$3
. "${0%/*}/ssh.sh"
bundle=$(cat)

# As root. The bundle comes on stdin and never lies where others can read it. Cut short, it lacks its last file: unit.sh.
# shellcheck disable=SC2016 # the host's shell expands it
run='umask 077; d=$(mktemp -d /run/homeport.XXXXXX) || exit 1; trap "rm -rf $d" EXIT; base64 -d | tar -xC "$d" --no-same-owner -f - || exit 1
sh "$d/bundle/unit.sh" "$d/bundle"'
listening
# ssh's own 255: the connection failed or broke, and whatever was begun goes on from there the next time.
for try in 1 2 3 4; do
  status=0
  said=$(printf '%s\n' "$bundle" | as_root "$run $verb $name $guard" 2>&1) || status=$?
  # shellcheck disable=SC2015 # break whichever of the three is false
  [ "$status" = 255 ] && [ "$try" -lt 4 ] && passing || break
  sleep $((try * 2))
done
[ -z "$said" ] || printf '%s\n' "$said" >&2
case $status in
  0) exit 0 ;;
  7) ;; # applied, and the timer runs
  255)
    echo "$name: $HOMEPORT_SSH port $HOMEPORT_SSH_PORT could not be reached over SSH, see above. Once it answers, run the update again." >&2
    [ "$verb" != remove ] || echo "  If the machine is gone for good: pulumi refresh; for an adopted one pulumi state delete <the URN of $name-files>" >&2
    exit 1 ;;
  *) exit "$status" ;;
esac

HOMEPORT_SSH_PORT=${HOMEPORT_SSH_PORT_NEXT:-$HOMEPORT_SSH_PORT}
end=$(( $(date +%s) + guard - 3 ))
while :; do
  if said=$( (anew; as_root "sh /var/lib/homeport/units/$name/unit.sh - confirm $name 0") </dev/null 2>&1); then exit 0; fi
  case $said in *"was undone"*) break ;; esac
  [ "$(date +%s)" -lt "$end" ] || break
  sleep 1
done
{
  echo "$name: this change would have cut homeport off from $HOMEPORT_SSH (port $HOMEPORT_SSH_PORT): no new connection after it. The last words:"
  echo "    $(printf '%s\n' "$said" | tail -n 1)"
  echo "  The host puts everything back within $guard s."
} >&2
end=$(( $(date +%s) + guard + 30 ))
until { listening; (anew; as_root "test ! -e /var/lib/homeport/units/$name/journal") </dev/null; } 2>/dev/null; do
  if [ "$(date +%s)" -ge "$end" ]; then
    echo "  It does not answer yet. If the cloud's firewall was changed as well, that is not undone by the host: fix the settings, then run the" >&2
    echo "  update again. Else look at it from its console: journalctl -u homeport-revert-$name" >&2
    exit 1
  fi
  sleep 1
done
echo "  It is back as it was. Fix the settings, then run the update again." >&2
exit 1
