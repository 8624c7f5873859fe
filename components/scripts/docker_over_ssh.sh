# Sourced by the scripts beside it: lets the docker command reach a host over SSH as the program was told to, and no other way.
# Docker takes no options for ssh, so an `ssh` that adds them comes first on PATH. Each line of HOMEPORT_SSH_OPTS is one option of `ssh -o`.
if [ -n "${HOMEPORT_SSH_OPTS:-}" ]; then
  reach=$(mktemp -d)
  trap 'rm -rf "$reach"' EXIT
  {
    echo '#!/bin/sh'
    printf 'exec %s' "$(command -v ssh | sed "s/'/'\\\\''/g; s/.*/'&'/")"
    printf '%s\n' "$HOMEPORT_SSH_OPTS" | sed "s/'/'\\\\''/g; s/.*/ -o '&'/" | tr -d '\n'
    echo ' "$@"'
  } >"$reach/ssh"
  chmod 700 "$reach/ssh"
  PATH="$reach:$PATH"
fi
