#!/bin/sh
# The first words with a host:
#   ready.sh wait SECONDS     until SSH answers and cloud-init, where there is one, has ended
#   ready.sh key SECONDS      the same, then the host makes a key of its own (unless it has one) and its public half is printed
#   ready.sh switch           sshd changes to that key, and the one that the host was born with is removed wherever it lies.
#                             HOMEPORT_SSH_OPTS_NEXT pins the new one.
set -eu
verb=$1
. "${0%/*}/ssh.sh"
key=/etc/ssh/homeport_host_ed25519_key
born=/etc/ssh/ssh_host_ed25519_key
# Each command here has a connection of its own: one that stays would keep the user's groups as they are now.
anew

no_shell() {
  echo "$HOMEPORT_SSH port $HOMEPORT_SSH_PORT: the user may sign in, but its login shell runs no command (exit code $status): $(printf '%s\n' "$said" | tail -n 1)" >&2
  echo "  fix: give it a shell on the host: usermod --shell /bin/sh ${HOMEPORT_SSH%%@*}" >&2
  exit 1
}

# The wanted place first, then those where it may still be.
answers() {
  first=
  while read -r HOMEPORT_SSH HOMEPORT_SSH_PORT; do
    status=0
    said=$( (anew; over_ssh true) </dev/null 2>&1) || status=$?
    # 255 is ssh's own.
    case $status in 0) return 0 ;; 255) ;; *) no_shell ;; esac
    first=${first:-$said}
  done <<END
$(places)
END
  said=$first HOMEPORT_SSH=$wanted_place HOMEPORT_SSH_PORT=$wanted_port
  return 1
}

# A host that has changed its key answers to the one that it told us the last time: Pulumi hands over the output of that run.
known() {
  case ${PULUMI_COMMAND_STDOUT:-} in "ssh-ed25519 "*) ;; *) return 1 ;; esac
  before=$HOMEPORT_SSH_OPTS
  HOMEPORT_SSH_OPTS=$(printf '%s\n' "$before" | sed "s|^\(KnownHostsCommand=.* \)ssh-ed25519 .*|\1$PULUMI_COMMAND_STDOUT|")
  answers && return 0
  HOMEPORT_SSH_OPTS=$before
  return 1
}

# Refused before anything is changed: what is not in the list was never tried.
distribution() {
  list=${0%/*}/../../homeport/model/supported
  # shellcheck disable=SC2016 # the host's shell expands it
  runs=$(as_root '. /etc/os-release 2>/dev/null; echo "${ID:-unknown}-${VERSION_ID:-unknown} ${PRETTY_NAME:-an unknown system}"' </dev/null) || {
    echo "$HOMEPORT_SSH: $runs" >&2
    echo "  fix: let the user become root without a password, see docs/hosts.md" >&2
    exit 1
  }
  if grep -q "^${runs%% *} " "$list"; then return 0; fi
  echo "$HOMEPORT_SSH runs ${runs#* }, which homeport does not support; nothing was changed there." >&2
  echo "  fix: use a host with $(sed 's/^[^ ]* //' "$list" | paste -sd , - | sed 's/,/, /g; s/\(.*\), /\1 or /')" >&2
  exit 1
}

# `1.44 1.41`: whether the first is at most the second, as versions.
at_most() { [ "$(printf '%s\n%s\n' "$1" "$2" | sort -t . -k 1,1n -k 2,2n | head -n 1)" = "$1" ]; }

# Files get into volumes by this machine's docker command, which talks to the host's Docker over SSH. From Docker 29 on both ask the other for
# API 1.44 at least (moby, client.MinAPIVersion; release notes of 29.0.0), which is Docker 25. What the host has not got yet is
# what its distribution will give it.
understand_each_other() {
  if ! command -v docker >/dev/null 2>&1; then
    echo "this machine has no docker command, by which files get into volumes on $HOMEPORT_SSH; nothing was changed there." >&2
    echo "  fix: install Docker's command line (Debian: docker-cli or docker.io; macOS: brew install docker); no daemon has to run here" >&2
    exit 1
  fi
  # No daemon is asked: it is the command's own version that counts.
  mine=$(DOCKER_HOST=unix:///nonexistent/docker.sock docker version --format '{{.Client.DefaultAPIVersion}} {{.Client.Version}}' 2>/dev/null || true)
  # shellcheck disable=SC2016 # the host's shell expands it
  theirs=$(as_root 'docker version --format "{{.Server.MinAPIVersion}} {{.Server.APIVersion}} {{.Server.Version}}" 2>/dev/null || true' </dev/null || true)
  case $theirs in [0-9]*) ;; *) case ${runs%% *} in debian-12) theirs="1.12 1.41 20.10" ;; *) return 0 ;; esac ;; esac
  case $mine in [0-9]*.[0-9]*" "[0-9]*) ;; *) return 0 ;; esac
  newest=${mine%% *} version=${mine#* } oldest=1.12
  [ "${version%%.*}" -lt 29 ] || oldest=1.44
  least=${theirs%% *} theirs=${theirs#* }
  most=${theirs%% *} engine=${theirs#* }
  if ! at_most "$least" "$newest"; then
    echo "$HOMEPORT_SSH has Docker $engine, which asks for API $least at least, and this machine's docker command ($version) knows $newest at most; nothing was changed there." >&2
    echo "  fix: install a docker command of version 25 or newer on this machine" >&2
    exit 1
  fi
  if ! at_most "$oldest" "$most"; then
    echo "$HOMEPORT_SSH has, or gets, Docker $engine with API $most, and this machine's docker command ($version) asks for $oldest at least; nothing was changed there." >&2
    echo "  fix: a host with Debian 13 or Ubuntu 24.04, or a docker command older than 29 first on this machine's PATH" >&2
    exit 1
  fi
}

reached() {
  end=$(( $(date +%s) + $1 ))
  until known || answers; do
    case $said in
      *"REMOTE HOST IDENTIFICATION HAS CHANGED"* | *"Host key verification failed"*)
        echo "$HOMEPORT_SSH port $HOMEPORT_SSH_PORT: another machine answers there, its host key is not the pinned one. Nothing was sent to it." >&2
        echo "  If the machine was installed anew, pin its new key (homeport:settings.hosts.<name>.host_key; a rented one: delete it, then run" >&2
        echo "  pulumi refresh and the update again), else somebody stands in between." >&2
        exit 1 ;;
    esac
    if [ "$(date +%s)" -ge "$end" ]; then
      echo "$HOMEPORT_SSH port $HOMEPORT_SSH_PORT: SSH did not answer within $1 s. The last words: $(printf '%s\n' "$said" | tail -n 1)" >&2
      echo "  Look at address, port, user and key, and at the firewalls between (a port that changes: name the one before in" >&2
      echo "  homeport:settings.ssh.previous); the machine's console tells more. With homeport:settings.ssh.reach vpn this machine has to be in the VPN," >&2
      echo "  and a server that is new, or made anew, has nobody in it yet: set reach to public, run the update, join, then set it back." >&2
      exit 1
    fi
    sleep 1
  done
  # Exit code 2 of cloud-init: done, with a word about something that it could mend itself.
  # It restarts sshd on its way, so the connection may go (255): then once more.
  # shellcheck disable=SC2016 # the host's shell expands it
  until as_root 'command -v cloud-init >/dev/null 2>&1 || exit 0; cloud-init status --wait >/dev/null 2>&1; code=$?; [ $code != 1 ] || { cloud-init status --long; exit 1; }' </dev/null >&2; do
    code=$?
    if [ "$code" != 255 ] || [ "$(date +%s)" -ge "$end" ]; then
      echo "$HOMEPORT_SSH: cloud-init failed, see above. On the machine: /var/log/cloud-init-output.log" >&2
      exit 1
    fi
    sleep 1
  done
  distribution
  understand_each_other
  # Before Docker is there: whoever is of its group only later has to sign in anew, and the connection that commands share would not.
  user=${HOMEPORT_SSH%%@*}
  [ "$user" = root ] || as_root "groupadd -f --system docker && usermod -aG docker '$user'" </dev/null >&2
}

# cloud-init has done its work. It keeps what it was told in several places and would fetch it again at each boot, so it is switched off.
forget="set -eu
touch /etc/cloud/cloud-init.disabled
rm -rf /var/lib/cloud/instance /var/lib/cloud/instances /var/lib/cloud/seed /run/cloud-init/instance-data-sensitive.json /run/cloud-init/combined-cloud-config.json
if [ -s $born ]; then
  umask 077
  sed -n 3p $born >/run/homeport-born
  grep -rlF -f /run/homeport-born /var/lib/cloud /run/cloud-init /etc/cloud /var/log /root /var/tmp 2>/dev/null | while IFS= read -r one; do rm -f \"\$one\"; done
  rm -f /run/homeport-born
fi
rm -f $born $born.pub"

case $verb in
wait) reached "$2" ;;
key)
  reached "$2"
  as_root "set -e; [ -s $key.pub ] || { rm -f $key $key.pub; ssh-keygen -q -t ed25519 -N '' -C homeport -f $key; sync; }; cut -d' ' -f1,2 $key.pub" </dev/null
  ;;
switch)
  # Killed after the change and before anybody noted it: then the new key answers already.
  if ! (HOMEPORT_SSH_OPTS=$HOMEPORT_SSH_OPTS_NEXT; answers); then
    answers || true
    as_root "set -e; printf 'HostKey $key\n' >/etc/ssh/sshd_config.d/00-a-homeport-key.conf; /usr/sbin/sshd -t; systemctl reset-failed ssh.service 2>/dev/null || true; systemctl restart ssh.service" </dev/null
  fi
  HOMEPORT_SSH_OPTS=$HOMEPORT_SSH_OPTS_NEXT
  reached 60
  as_root "$forget" </dev/null
  ;;
esac
