set -eu
export PATH="$PATH:/usr/sbin:/sbin" DEBIAN_FRONTEND=noninteractive LC_ALL=C
distribution=$(. /etc/os-release 2>/dev/null && echo "${ID:-}-${VERSION_ID:-}") || distribution=unknown
said=/run/homeport-apt
#: need PROGRAM PACKAGE [DISTRIBUTION=PACKAGE…]: what is looked for is the program; its package has a name in each distribution.
need() {
  if command -v "$1" >/dev/null 2>&1; then return 0; fi
  program=$1 package=$2
  shift 2
  for other in "$@"; do [ "${other%%=*}" != "$distribution" ] || package=${other#*=}; done
  missing="$missing $package" lacking="$lacking $program"
}
# shellcheck disable=SC2015 # a package is needed unless all of what stands before it holds
look() {
missing="" lacking=""
@needs@
}
look
[ -n "$missing" ] || exit 0
command -v apt-get >/dev/null 2>&1 || { echo "$(hostname) lacks$missing, and has no apt-get; install them there by hand" >&2; exit 1; }
# DPkg::Lock::Timeout is for dpkg's own locks: apt gives up at once where another one fetches lists or packages, as
# apt-daily does at a server's first boot.
get() {
  end=$(( $(date +%s) + 300 ))
  until apt-get -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 -o Dpkg::Options::=--force-confold -q -y "$@" >"$said" 2>&1; do
    if grep -qE '^(E|Error): dpkg was interrupted' "$said"; then
      # A run that was killed.
      dpkg --force-confold --configure -a >"$said" 2>&1 || return 1
    elif grep -qE '^(E|Error): (Could not get lock|Unable to lock directory) /var/(lib|cache)/apt/' "$said"; then
      echo "apt is busy, tried again for 300 s: $(grep -m 1 'lock /var' "$said")"
      sleep 3
    else
      return 1
    fi
    [ "$(date +%s)" -lt "$end" ] || return 1
  done
}
failed() { tail -n 8 "$said" >&2; echo "$(hostname): apt-get could not install$missing; see its words above" >&2; exit 1; }
get update || failed
# Docker's own packages where the host's owner has set them up (S2-04), else the distribution's.
if apt-cache policy docker-ce 2>/dev/null | grep -q 'Candidate: [0-9]'; then
  missing=$(echo "$missing " | sed 's/ docker\.io / docker-ce docker-ce-cli containerd.io /g; s/ docker-cli / docker-ce-cli /g')
fi
# shellcheck disable=SC2086 # names of packages, each a word
get install --no-install-recommends $missing || failed
rm -f "$said"
installed=$missing
look
[ -z "$missing" ] || { echo "$(hostname) ($distribution) has no command$lacking although apt-get installed$installed" >&2; exit 1; }
