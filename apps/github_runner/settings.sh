# What the three scripts beside it share: who runs them, and what the runner is called. Sourced, not run.
# shellcheck shell=sh disable=SC2034 # the scripts that source it use its variables

# Root alone writes units and makes users. The token goes along on standard input: sudo writes arguments and environment
# into the journal.
as_root() {
  if [ "$(id -u)" -eq 0 ]; then
    [ -z "${RUNNER_TOKEN_FOLLOWS:-}" ] || read -r RUNNER_TOKEN || true
    return 0
  fi
  command -v sudo >/dev/null || die "this needs root" "su -c '$0'"
  RUNNER_TOKEN_FOLLOWS=yes sudo --preserve-env=GITHUB_REPO,GITHUB_SERVER_URL,RUNNER_TOKEN_FOLLOWS,RUNNER_VERSION,RUNNER_SHA256,RUNNER_ARCHIVE,RUNNER_NAME,RUNNER_LABELS "$0" "$@" <<END
${RUNNER_TOKEN:-}
END
  exit
}

die() {
  printf '%s: %s\nfix: %s\n' "${0##*/}" "$1" "$2" >&2
  exit 1
}

word() {
  case $2 in '' | *[!A-Za-z0-9._-]* | [!A-Za-z0-9]*)
    die "$1: '$2' cannot be part of a runner's name, labels or address" "$1=… of letters, digits, '.', '_' and '-'" ;;
  esac
}

name=${RUNNER_NAME:-vps}
user=homeport-runner state=/var/lib/homeport-runner
word RUNNER_NAME "$name"
etc=/etc/homeport/runner/$name
home=$state/$name

# Of the runner that is set up: its unit is called as upstream's own installer calls it.
installed() {
  [ -f "$etc/runner.sh" ] || die "no runner $name is set up on this host" "GITHUB_REPO=owner/repository ./setup-runner.sh"
  unit=$(sed -n "s/^unit='\(.*\)'\$/\1/p" "$etc/runner.sh")
}
