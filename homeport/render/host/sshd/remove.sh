rm -f /etc/ssh/sshd_config.d/00-a-homeport-kex.conf
[ -n "${HOMEPORT_UNDO:-}" ] || @keep@
. restart.sh
