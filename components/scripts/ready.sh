#!/bin/sh
# The first words with a host:
#   ready.sh wait SECONDS     until SSH answers and cloud-init, where there is one, has ended
#   ready.sh key SECONDS      the same, then the host makes a key of its own (unless it has one) and its public half is printed
#   ready.sh switch           sshd changes to that key: the one that it was born with is of no use any more. HOMEPORT_SSH_OPTS_NEXT pins the new one.
set -eu
verb=$1
. "${0%/*}/ssh.sh"
key=/etc/ssh/homeport_host_ed25519_key

answers() { said=$( (anew; over_ssh true) </dev/null 2>&1) || return 1; }

reached() {
  end=$(( $(date +%s) + $1 ))
  until answers; do
    case $said in
      *"REMOTE HOST IDENTIFICATION HAS CHANGED"* | *"Host key verification failed"*)
        echo "$HOMEPORT_SSH port $HOMEPORT_SSH_PORT: another machine answers there, its host key is not the pinned one. Nothing was sent to it." >&2
        echo "  If the machine was installed anew, pin its new key (homeport:settings.hosts.<name>.host_key), else somebody stands in between." >&2
        exit 1 ;;
    esac
    if [ "$(date +%s)" -ge "$end" ]; then
      echo "$HOMEPORT_SSH port $HOMEPORT_SSH_PORT: SSH did not answer within $1 s. The last words: $(echo "$said" | tail -n 1)" >&2
      echo "  Look at address, port, user and key, and at the firewalls between; the machine's console tells more." >&2
      exit 1
    fi
    sleep 1
  done
  # Exit code 2 of cloud-init: done, with a word about something that it could mend itself.
  as_root 'command -v cloud-init >/dev/null 2>&1 || exit 0; cloud-init status --wait >/dev/null 2>&1; code=$?; [ $code != 1 ] || { cloud-init status --long; exit 1; }' </dev/null >&2 || {
    echo "$HOMEPORT_SSH: cloud-init failed, see above. On the machine: /var/log/cloud-init-output.log" >&2
    exit 1
  }
}

case $verb in
wait) reached "$2" ;;
key)
  reached "$2"
  as_root "set -e; [ -s $key.pub ] || { rm -f $key $key.pub; ssh-keygen -q -t ed25519 -N '' -C homeport -f $key; sync; }; cut -d' ' -f1,2 $key.pub" </dev/null
  ;;
switch)
  # Killed after the change and before anybody noted it: then the new key answers already.
  if (HOMEPORT_SSH_OPTS=$HOMEPORT_SSH_OPTS_NEXT; answers); then exit 0; fi
  as_root "set -e; printf 'HostKey $key\n' >/etc/ssh/sshd_config.d/00-a-homeport-key.conf; /usr/sbin/sshd -t; systemctl restart ssh.service" </dev/null
  HOMEPORT_SSH_OPTS=$HOMEPORT_SSH_OPTS_NEXT
  reached 60
  as_root 'rm -f /etc/ssh/ssh_host_ed25519_key /etc/ssh/ssh_host_ed25519_key.pub' </dev/null
  ;;
esac
