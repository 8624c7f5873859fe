#!/bin/sh
# Installs a GitHub Actions runner on this host and registers it; safe to run again. README.md has the variables.
set -eu
here=$(dirname "$(readlink -f "$0")")
. "$here/settings.sh"
as_root "$@"

# Of upstream's release page, https://github.com/actions/runner/releases: another version needs its own checksum.
version=${RUNNER_VERSION:-2.337.0}
word RUNNER_VERSION "$version"
sha256=${RUNNER_SHA256:-}
case $version-$(uname -m) in 2.337.0-x86_64) sha256=${sha256:-70920811a4f8ad4328818682bca5c6469c1c942fab52448868071d0063816613} ;; esac
case $(uname -m) in x86_64) machine=x64 ;; aarch64) machine=arm64 ;; *) die "no runner is made for $(uname -m)" "use a host of x86_64 or aarch64" ;; esac
archive=${RUNNER_ARCHIVE:-https://github.com/actions/runner/releases/download/v$version/actions-runner-linux-$machine-$version.tar.gz}
case $archive in https://* | file:///*) ;; *) die "RUNNER_ARCHIVE=$archive would be fetched without TLS" "RUNNER_ARCHIVE=https://…" ;; esac
case $sha256 in *[!0-9a-f]* | '') sha256='' ;; esac
[ "${#sha256}" -eq 64 ] || die "the checksum of $archive is not known" "RUNNER_SHA256=… as upstream's release page shows it"

repository=${GITHUB_REPO:-}
[ -n "$repository" ] || die "GITHUB_REPO is missing" "GITHUB_REPO=owner/repository ./setup-runner.sh"
word GITHUB_REPO "${repository%%/*}"
case $repository in */*) word GITHUB_REPO "${repository#*/}" ;; esac
server=${GITHUB_SERVER_URL:-https://github.com}
case $server in https://?*) ;; *) die "GITHUB_SERVER_URL=$server would be asked without TLS" "GITHUB_SERVER_URL=https://…" ;; esac
url=${server%/}/$repository
case $url$archive in *[!A-Za-z0-9._~:/%@+-]*) die "$url or $archive is no plain address" "write it without quotes and spaces" ;; esac
labels=${RUNNER_LABELS:-self-hosted,vps}
for label in $(printf %s "$labels" | tr , ' '); do word RUNNER_LABELS "$label"; done
unit=actions.runner.$(printf %s "$repository" | tr / -).$name.service

# What was typed, so that what failed can be typed again; all of it is made of harmless letters.
again="GITHUB_REPO=$repository"
for one in GITHUB_SERVER_URL RUNNER_VERSION RUNNER_SHA256 RUNNER_ARCHIVE RUNNER_NAME RUNNER_LABELS; do
  eval "value=\${$one:-}"
  [ -z "$value" ] || again="$again $one=$value"
done
again="$again ./setup-runner.sh"

token=${RUNNER_TOKEN:-}
if [ -z "$token" ] && ! { [ -f "$home/.runner" ] && [ "$(cat "$home.registered" 2>/dev/null)" = "$url $name $labels" ]; }; then
  (: </dev/tty) 2>/dev/null || die "there is no registration token: RUNNER_TOKEN is missing, and nobody can be asked" \
    "take one from $url (Settings, Actions, Runners, New), then: RUNNER_TOKEN=… $again"
  printf 'Registration token of %s (Settings, Actions, Runners, New): ' "$url" >&2
  stty -echo </dev/tty
  trap 'stty echo </dev/tty' EXIT
  read -r token </dev/tty
  stty echo </dev/tty
  trap - EXIT
  echo >&2
fi

umask 022
mkdir -p "$etc"
(umask 077; printf '%s\n' "$token" >"$etc/token")
: >"$etc/image"
quoted() { printf "%s='%s'\n" "$1" "$2"; }
{
  echo '#!/bin/sh'
  quoted name "$name"
  quoted url "$url"
  quoted labels "$labels"
  quoted archive "$archive"
  quoted sha256 "$sha256"
  quoted unit "$unit"
  quoted user "$user"
  quoted etc "$etc"
  quoted state "$state"
  quoted again "$again"
  sed 1d "$here/runner.sh"
} >"$etc/runner.sh.new"
chmod 755 "$etc/runner.sh.new"
mv "$etc/runner.sh.new" "$etc/runner.sh"
sh "$etc/runner.sh" install
echo "runner $name is registered for $url with the labels $labels; now: ./start-runner-service.sh"
