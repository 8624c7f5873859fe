set -eu
export PATH="$PATH:/usr/sbin:/sbin" DEBIAN_FRONTEND=noninteractive LC_ALL=C
said=/run/homeport-apt
. engine.sh
#: need PROGRAM PACKAGE[,PACKAGE…]: what is looked for is the program. Where it comes from is another question in each
#: distribution: from the first of these that it has.
need() { command -v "$1" >/dev/null 2>&1 || missing="$missing $2" lacking="$lacking $1"; }
# shellcheck disable=SC2015 # a package is needed unless all of what stands before it holds
look() {
missing="" lacking=""
@needs@
}
look
[ -n "$missing" ] || exit 0
command -v apt-get >/dev/null 2>&1 || { echo "$(hostname) lacks$lacking, and has no apt-get; install them there by hand" >&2; exit 1; }
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
failed() { tail -n 8 "$said" >&2; echo "$(hostname): apt-get could not install what has$lacking; see its words above" >&2; exit 1; }
get update || failed
packages=""
for choice in $missing; do
  for package in $(echo "$choice" | tr , ' '); do
    if apt-cache policy "$package" 2>/dev/null | grep -q 'Candidate: [0-9]'; then break; fi
  done
  packages="$packages $package"
done
# shellcheck disable=SC2086 # names of packages, each a word
get install --no-install-recommends $packages || failed
rm -f "$said"
look
[ -z "$missing" ] || { echo "$(hostname) ($(. /etc/os-release && echo "$PRETTY_NAME")) has no command$lacking although apt-get installed$packages" >&2; exit 1; }
