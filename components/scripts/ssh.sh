# Sourced by the scripts beside it: one way to a host, as the program was told, and no other.
# Each line of HOMEPORT_SSH_OPTS is one option of `ssh -o`.
: "${HOMEPORT_SSH:?}" "${HOMEPORT_SSH_PORT:=22}"

over_ssh() (
  command=$1 fresh=${fresh:-}
  set --
  # The first value of an option wins: an established master would prove nothing about a new connection.
  [ -z "$fresh" ] || set -- -o ControlMaster=no -o ControlPath=none
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
