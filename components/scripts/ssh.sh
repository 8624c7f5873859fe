# Sourced by the scripts beside it: one way to a host, as the program was told, and no other.
# Each line of HOMEPORT_SSH_OPTS is one option of `ssh -o`. HOMEPORT_SSH_PORT_PREVIOUS is the port that sshd may still be on. While an
# update changes from where hosts are reached, HOMEPORT_SSH_BEFORE has a line `homeport-HOST USER@ADDRESS PORT` for each: the way until now.
: "${HOMEPORT_SSH:?}" "${HOMEPORT_SSH_PORT:=22}"
wanted_place=$HOMEPORT_SSH wanted_port=$HOMEPORT_SSH_PORT

# The user's login shell on the host reads what ssh is told, and to fish or csh a quote, a newline or `!` is something else than
# to sh. So it gets what all of them read alike, in words of less than csh's 1,024 characters, and sh alone sees the command.
for_any_shell() {
  # shellcheck disable=SC2016 # the host's shell expands it
  printf %s 'exec sh -c '\''c=$(echo "$*" | tr -d " " | base64 -d) && exec sh -c "$c"'\'' sh '
  printf %s "$1" | base64 | tr -d '\n' | fold -w 76 | tr '\n' ' '
}

over_ssh() (
  command=$(for_any_shell "$1") fresh=${fresh:-}
  set --
  # The first value of an option wins: an established master would prove nothing about a new connection.
  [ -z "$fresh" ] && [ "${HOMEPORT_SSH_MULTIPLEX:-1}" != 0 ] || set -- -o ControlMaster=no -o ControlPath=none
  while IFS= read -r option; do [ -z "$option" ] || set -- "$@" -o "$option"; done <<END
${HOMEPORT_SSH_OPTS:-}
END
  exec ssh -T "$@" -p "$HOMEPORT_SSH_PORT" "$HOMEPORT_SSH" "$command"
)

# Later connections of this shell are new ones.
anew() { fresh=yes; }

quoted() { printf %s "$1" | sed "s/'/'\\\\''/g; 1s/^/'/; \$s/\$/'/"; }

# Runs a command as root: directly, or by sudo without a password.
as_root() {
  over_ssh "if [ \"\$(id -u)\" = 0 ]; then exec sh -c $(quoted "$1"); else exec sudo -n sh -c $(quoted "$1"); fi"
}

# Lines `USER@ADDRESS PORT`: where the host may answer, the wanted one first.
places() {
  for port in "$wanted_port" ${HOMEPORT_SSH_PORT_PREVIOUS:-}; do echo "$wanted_place $port"; done
  [ -z "${HOMEPORT_SSH_BEFORE:-}" ] ||
    printf '%s\n' "$HOMEPORT_SSH_BEFORE" | sed -n "s/^$(printf '%s\n' "${HOMEPORT_SSH_OPTS:-}" | sed -n 's/^HostKeyAlias=//p') //p"
}

# Takes the place where the host answers.
listening() {
  [ -n "${HOMEPORT_SSH_PORT_PREVIOUS:-}${HOMEPORT_SSH_BEFORE:-}" ] || return 0
  while read -r HOMEPORT_SSH HOMEPORT_SSH_PORT; do
    if (anew; over_ssh true) </dev/null >/dev/null 2>&1; then return 0; fi
  done <<END
$(places)
END
  HOMEPORT_SSH=$wanted_place HOMEPORT_SSH_PORT=$wanted_port
}

# Whether what ssh said, in $said, may be different the next time.
passing() {
  # shellcheck disable=SC2154 # the caller's
  case $said in
    *"REMOTE HOST IDENTIFICATION HAS CHANGED"* | *"Host key verification failed"* | *"Permission denied"* | *"no hostkey alg"*) return 1 ;;
  esac
}
