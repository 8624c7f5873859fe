set -eu
export PATH="$PATH:/usr/sbin:/sbin" DEBIAN_FRONTEND=noninteractive
missing=""
need() { command -v "$1" >/dev/null 2>&1 || missing="$missing $2"; }
# shellcheck disable=SC2015 # a package is needed unless all of what stands before it holds
@needs@
command -v dockerd >/dev/null 2>&1 || missing="$missing docker"
[ -n "$missing" ] || exit 0
command -v apt-get >/dev/null 2>&1 || { echo "$(hostname) lacks$missing, and has no apt-get; install them there by hand" >&2; exit 1; }
get() { apt-get -o DPkg::Lock::Timeout=300 -o Dpkg::Options::=--force-confold -q -y "$@" >/run/homeport-apt 2>&1; }
failed() { tail -n 8 /run/homeport-apt >&2; echo "$(hostname): apt-get could not install$missing; see its words above" >&2; exit 1; }
get update || failed
case "$missing " in *" docker "*)
  # Docker's own packages where the host's owner has set them up (S2-04), else the distribution's.
  engine=docker.io
  ! apt-cache policy docker-ce 2>/dev/null | grep -q 'Candidate: [0-9]' || engine="docker-ce docker-ce-cli containerd.io"
  missing=$(echo "$missing " | sed "s/ docker / $engine /")
esac
# shellcheck disable=SC2086 # names of packages, each a word
get install --no-install-recommends $missing || failed
rm -f /run/homeport-apt
