#!/bin/sh
# Limits a container's processes, then waits until it is healthy: gate.sh CONTAINER PIDS SECONDS [runs]
# With "runs" it waits until the container runs alone: what has times of its own says by its health how its last run ended, which is no word on
# this update.
# Docker's first probe comes a whole interval after the start, and its next one another interval later. The same probe is run here as soon as
# the container runs, so that nothing waits for a service that answers already.
# The docker provider has no input for the pids limit, hence `docker update`: Docker keeps it over restarts.
# On failure the last log lines are shown; each line of stdin is a secret and is masked in them.
set -eu
. "${0%/*}/docker_over_ssh.sh"
container=$1 pids=$2 seconds=$3 enough=${4:-healthy}
secrets=$(cat)
limited=
# Between two starts of a container that fails at once, Docker has nothing to limit ("cannot update a stopped container"): tried again below.
# A daemon without cgroups (rootless, with cgroup v1 or without systemd) sets no limits for anything, those of memory without a word.
cap() {
  if refused=$(docker update --pids-limit "$pids" "$container" 2>&1 >/dev/null); then limited=1; return; fi
  case $refused in
    *cgroup*)
      [ "$(docker info -f '{{.CgroupDriver}}' 2>/dev/null)" = none ] || return 0
      limited=1
      echo "note: this Docker has no cgroups and limits nothing, neither $container's memory nor its processes (rootless: cgroup v2 and systemd)" >&2 ;;
  esac
}

state() { docker inspect -f '{{.State.Status}} {{if .State.Health}}{{.State.Health.Status}}{{else}}none{{end}} {{.RestartCount}}' "$container"; }

# The probe as the container has it, one argument a line; nothing where it is no plain command, and Docker's own word is waited for.
probe=$(docker inspect -f '{{with .Config.Healthcheck}}{{range .Test}}{{println .}}{{end}}{{end}}' "$container" 2>/dev/null) || probe=
parts=$(docker inspect -f '{{with .Config.Healthcheck}}{{len .Test}}{{else}}0{{end}}' "$container" 2>/dev/null) || parts=0
case $probe in "CMD
"*) ;; *) probe= ;; esac
[ "$(printf '%s\n' "$probe" | wc -l)" -eq "$parts" ] || probe=
# Ends with the container's own answer. `docker exec` has no time limit: a probe that hangs would hold the gate beyond its own.
answers() {
  [ -n "$probe" ] || return 1
  set -- "$container"
  while IFS= read -r argument; do set -- "$@" "$argument"; done <<END
$(printf '%s\n' "$probe" | tail -n +2)
END
  $limit docker exec "$@" >/dev/null 2>&1
}
limit=$(command -v timeout) && limit="$limit 15" || limit=

# The masks come by descriptor 3, so that no secret ever lies on this machine's disk.
. "${0%/*}/masked.sh"
shown() {
  masked 3<<END
$secrets
END
}

# Whether it is the same start that answered: a container that ended meanwhile was not healthy.
still() { case $(state) in "running starting ${now##* }" | "running healthy ${now##* }") ;; *) return 1 ;; esac; }

# Left crash-looping by an earlier update: Docker may wait a minute before it tries again, so start it afresh, restarts counted from 0.
case $(state) in "restarting "*) docker restart "$container" >/dev/null ;; esac
end=$(( $(date +%s) + seconds ))
while :; do
  now=$(state) || { echo "$container is gone: somebody removed it while it started. Run pulumi up again." >&2; exit 1; }
  [ -n "$limited" ] || cap || :
  case $enough$limited$now in
    "runs1running "*) exit 0 ;;
    "healthy1running healthy "* | "healthy1running none "*) exit 0 ;;
    "healthy1running starting "*) if answers && still; then exit 0; fi ;;
  esac
  # A container that Docker restarted four times does not recover by itself.
  [ "${now##* }" -lt 4 ] && [ "$(date +%s)" -lt "$end" ] || break
  sleep 0.5
done
bundle=$(mktemp -d)
ln -s /dev/fd/3 "$bundle/masks"
{
  if [ "${now##* }" -ge 4 ]; then echo "$container keeps restarting (${now##* } times; state, health, restarts: $now)."
  else echo "$container did not get healthy within $seconds s (state, health, restarts: $now)."; fi
  [ -n "$limited" ] || echo "  Its limit of $pids processes could not be set: $refused"
  echo "  Its last lines:"
  docker logs --tail 20 "$container" 2>&1 | shown
  said=$(docker inspect -f '{{if .State.Health}}{{range .State.Health.Log}}{{.ExitCode}} {{.Output}}{{end}}{{end}}' "$container" | tail -n 3)
  [ -z "$said" ] || { echo "  Its last probe:"; printf '%s\n' "$said" | shown; }
  echo "  Fix the service, then run pulumi up again. More: docker logs $container"
} >&2
rm -rf "$bundle"
exit 1
