rm -f /etc/ssh/sshd_config.d/00-a-homeport-kex.conf /etc/ssh/sshd_config.d/00-a-homeport-version.conf
[ -n "${HOMEPORT_UNDO:-}" ] || @keep@
. restart.sh
