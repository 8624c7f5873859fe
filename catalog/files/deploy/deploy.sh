#!/usr/bin/env bash
# Deploys this folder to a production directory and (re)starts its services. Safe to run again: data is never touched.
# Exit: 0 done; 1 refused, nothing was changed; 2 it failed on the way, or a service or the HTTPS door does not answer afterwards.
set -Eeuo pipefail
umask 077

usage() {
  cat <<'TEXT'
usage: deploy.sh [--dry-run] [--to DIR]
  --to DIR    production directory (default /opt/ai-orchestrator; DEPLOY_DIR in the environment does the same)
  --dry-run   check .env and say what would be done, and change nothing
TEXT
}

target=${DEPLOY_DIR:-/opt/ai-orchestrator} dry=''
while [ $# -gt 0 ]; do
  case $1 in
    --dry-run) dry=yes ;;
    --to) target=${2:?--to needs a directory}; shift ;;
    --help) usage; exit 0 ;;
    *) usage >&2; exit 1 ;;
  esac
  shift
done
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
case $target in /*) ;; *) target=$PWD/$target ;; esac
if [ -d "$target" ]; then target=$(cd "$target" && pwd -P); fi
declare -A value=() variable=()

say() { printf '==> %s\n' "$*"; }
refuse() { printf 'deploy.sh: %s\n' "$@" >&2; exit 1; }
fail() { printf 'deploy.sh: %s\n' "$@" >&2; exit 2; }
trap 'fail "failed at line $LINENO; mend what is said above and run it again"' ERR
# The manifest's lines of one kind, without the kind.
listed() { sed -n "s/^$1 //p" "$here/manifest"; }

# --- Before anything is changed ----------------------------------------------------------------------------------------------------

# Read, not sourced: a value is text, and never runs.
read_env() {
  local line name text
  while IFS= read -r line || [ -n "$line" ]; do
    line=${line%$'\r'}
    [[ $line =~ ^[[:space:]]*([A-Z][A-Z0-9_]*)=(.*)$ ]] || continue
    name=${BASH_REMATCH[1]} text=${BASH_REMATCH[2]}
    text=${text%"${text##*[![:space:]]}"}
    case $text in \"*\" | \'*\') text=${text:1:${#text}-2} ;; esac
    value[$name]=$text
  done <"$1"
}

# What is wrong with the value of a kind, in words; nothing where all is well. The value itself is never shown.
fault() {
  local kind=$1 text=$2
  case $kind in
    hex64) [[ $text =~ ^[0-9a-fA-F]{64}$ ]] || echo 'must be 64 hexadecimal digits (openssl rand -hex 32)' ;;
    host) [[ $text =~ ^[a-zA-Z0-9]([a-zA-Z0-9.-]*[a-zA-Z0-9])?$ ]] || echo 'must be a host name such as n8n.example.com' ;;
    token) [[ $text =~ ^[A-Za-z0-9+/=_.~-]{16,512}$ ]] || echo 'must be 16 to 512 letters, digits or + / = _ . ~ -' ;;
    n8n-password)
      [[ $text =~ ^[A-Za-z0-9+/=_.~-]{24,64}$ && $text =~ [A-Z] && $text =~ [0-9] ]] ||
        echo 'must be 24 to 64 letters, digits or + / = _ . ~ -, with a capital letter and a digit (openssl rand -base64 32)' ;;
    password)
      [[ $text =~ ^[A-Za-z0-9+/=_.~-]{24,128}$ ]] ||
        echo 'must be 24 to 128 letters, digits or + / = _ . ~ - (openssl rand -base64 32)' ;;
    *) echo "has the unknown kind $kind in the manifest" ;;
  esac
}

check_env() {
  local name kind need secret text wrong
  local -a problems=()
  while read -r name kind need secret; do
    text=${value[$name]:-}
    variable[$secret]=$name
    if [ -z "$text" ]; then
      if [ "$need" = required ]; then problems+=("$name is empty: set it in $env_file"); fi
      continue
    fi
    if [[ $text == *CHANGE_ME* ]]; then problems+=("$name is still CHANGE_ME: set it in $env_file"); continue; fi
    wrong=$(fault "$kind" "$text")
    if [ -n "$wrong" ]; then problems+=("$name $wrong"); fi
  done < <(listed variable)
  [ ${#problems[@]} -eq 0 ] || refuse "${problems[@]}"
}

check_machine() {
  local program; [ "$target" != / ] || refuse 'the production directory must not be /'
  for program in docker curl openssl sha256sum base64; do
    command -v "$program" >/dev/null || refuse "$program is not on the PATH: install it"
  done
  docker compose version >/dev/null 2>&1 || refuse 'docker compose (v2) does not answer: install the plugin docker-compose-plugin'
  [ "$(id -u)" = 0 ] || [ -n "$dry" ] || refuse 'run it as root: files are given to the users of the containers'
}

# --- Step 1: runtime directories -----------------------------------------------------------------------------------------------------

directories() {
  local path owner mode
  if [ ! -d "$target" ]; then mkdir -p "$target"; chmod 755 "$target"; fi
  while read -r path owner mode; do
    mkdir -p "$target/$path"
    chown "$owner" "$target/$path"
    chmod "$mode" "$target/$path"
  done < <(listed folder)
}

# --- Step 2: source files ------------------------------------------------------------------------------------------------------------

# Everything but secrets, keys, runtime data and what tools leave behind; paths below this folder.
sources() {
  local path
  local -a skip=(-path ./.git -o -path ./secrets -o -name __pycache__)
  while read -r path _; do skip+=(-o -path "./${path%%/*}"); done < <(listed folder)
  (cd "$here" && find . \( "${skip[@]}" \) -prune -o -type f ! \( -name '.env' -o -name '.env.*' ! -name '.env.example' \) \
    ! -name '*.pem' ! -name '*.key' ! -name '*.crt' ! -name 'id_rsa*' ! -name 'id_ed25519*' ! -name '.deployed' -print) | LC_ALL=C sort
}

# Written beside and moved over: a killed run leaves the old file or the new one.
put() {
  local path=$1 mode=$2 owner=$3
  mkdir -p "$(dirname "$path")"
  cat >"$path.new"
  chown "$owner" "$path.new"
  chmod "$mode" "$path.new"
  if [ -f "$path" ] && cmp -s "$path" "$path.new"; then rm "$path.new"; chown "$owner" "$path"; chmod "$mode" "$path"; else mv -f "$path.new" "$path"; fi
}

sync() {
  local path mode
  while IFS= read -r path; do
    path=${path#./} mode=644
    case $path in *.sh) mode=755 ;; esac
    # Mounted folders must be readable for the containers' users.
    (umask 022 && mkdir -p "$target/$(dirname "$path")")
    put "$target/$path" "$mode" 0:0 <"$here/$path"
  done < <(sources)
}

# --- Step 3: secrets, owners, modes --------------------------------------------------------------------------------------------------

# Passwords that nobody has to know are made once and kept; .env comes first.
generate() {
  local name need kept=$target/secrets/generated.env
  local -A said=()
  mkdir -p "$target/secrets"
  for name in "${!value[@]}"; do said[$name]=${value[$name]}; done
  if [ -f "$kept" ]; then read_env "$kept"; fi
  while read -r name _ need _; do
    if [ "$need" = generated ] && [ -z "${value[$name]:-}" ]; then
      value[$name]=$(openssl rand -hex 32)
      printf '%s=%s\n' "$name" "${value[$name]}" >>"$kept"
    fi
  done < <(listed variable)
  for name in "${!said[@]}"; do if [ -n "${said[$name]}" ]; then value[$name]=${said[$name]}; fi; done
  if [ -f "$kept" ]; then chmod 600 "$kept"; fi
}

# A template with its {secret} and {secret|basic:user} filled in.
filled() {
  local text name user found
  IFS= read -r -d '' text <"$1" || true
  while [[ $text =~ \{([a-z][a-z0-9-]*)(\|basic:([a-z0-9_.@-]+))?\} ]]; do
    name=${BASH_REMATCH[1]} user=${BASH_REMATCH[3]} found=${BASH_REMATCH[0]}
    [ -n "${variable[$name]:-}" ] || fail "$1 asks for the unknown secret $name"
    name=${value[${variable[$name]}]:-}
    if [ -n "$user" ]; then name=$(printf '%s:%s' "$user" "$name" | base64 | tr -d '\n'); fi
    text=${text//"$found"/"$name"}
  done
  printf '%s' "$text"
}

permissions() {
  local template path owner mode
  if [ "$env_file" != "$target/.env" ]; then put "$target/.env" 600 0:0 <"$env_file"; else chown 0:0 "$env_file"; chmod 600 "$env_file"; fi
  generate
  while read -r template path owner mode; do
    filled "$target/$template" | put "$target/$path" "$mode" "$owner"
  done < <(listed secret)
}

# --- Step 4: restart, then look ------------------------------------------------------------------------------------------------------

compose() { (cd "$target" && docker compose "$@"); }

# Says what runs: another text means that containers must be made anew, for they hold the old files.
stamp() {
  local path
  { while IFS= read -r path; do (cd "$target" && sha256sum "$path"); done < <(sources)
    while read -r _ path _; do (cd "$target" && sha256sum "$path"); done < <(listed secret)
    (cd "$target" && sha256sum .env); } | sha256sum | cut -d ' ' -f 1
}

restart() {
  local now server path name
  local -a again=() others=(); local -A servers=()
  now=$(stamp)
  if [ "$(cat "$target/.deployed" 2>/dev/null || true)" != "$now" ]; then again=(--force-recreate); fi
  while read -r server path; do
    compose up -d --wait --wait-timeout 300 "${again[@]}" "$server"
    filled "$target/$path" |
      compose exec -T "$server" psql -X -q -U postgres -d postgres -v ON_ERROR_STOP=1 -v VERBOSITY=terse -f - >/dev/null
    servers[$server]=yes
  done < <(listed sql)
  # By name: otherwise the database, which is new already, would be made anew a second time.
  while read -r _ name; do if [ -z "${servers[$name]:-}" ]; then others+=("$name"); fi; done < <(listed container)
  compose up -d --remove-orphans --wait --wait-timeout 600 "${again[@]}" "${others[@]}"
  printf '%s\n' "$now" | put "$target/.deployed" 600 0:0
}

check_after() {
  local name state code='' end address port trust
  local -a bad=() options=()
  while read -r name _; do
    state=$(docker inspect -f '{{.State.Status}} {{if .State.Health}}{{.State.Health.Status}}{{else}}healthy{{end}}' "$name" 2>/dev/null || echo 'not there')
    if [ "$state" != 'running healthy' ]; then bad+=("$name is $state: docker compose logs $name"); fi
  done < <(listed container)
  [ ${#bad[@]} -eq 0 ] || fail "${bad[@]}"
  read -r address port trust < <(listed door)
  if [ "$trust" = local ]; then options=(--cacert "$target/caddy_data/caddy/pki/authorities/local/root.crt"); fi
  end=$((SECONDS + ${DEPLOY_WAIT:-120}))
  while :; do
    # 401: the door is there, and asks who comes.
    code=$(curl --silent --output /dev/null --max-time 10 --write-out '%{http_code}' "${options[@]}" \
      --noproxy '*' --resolve "${value[N8N_HOST]}:$port:$address" "https://${value[N8N_HOST]}:$port/" || true)
    [ "$code" != 401 ] || return 0
    [ "$SECONDS" -lt "$end" ] || break
    sleep 1
  done
  fail "https://${value[N8N_HOST]}:$port/ answered ${code:-nothing}, 401 was expected: docker compose logs ai-caddy"
}

env_file=$here/.env
if [ ! -f "$env_file" ]; then env_file=$target/.env; fi
[ -f "$env_file" ] || refuse "there is no .env: cp .env.example .env, and set every CHANGE_ME in it"
read_env "$env_file"
check_env
check_machine
if [ -n "$dry" ]; then
  say "1. would create below $target: $(listed folder | cut -d ' ' -f 1 | tr '\n' ' ')"
  say "2. would copy $(sources | wc -l) source files from $here"
  say "3. would set owners and modes: .env 600, and $(listed secret | wc -l) secret files 400"
  say "4. would run docker compose up in $target, and check $(listed container | wc -l) containers and https://${value[N8N_HOST]}"
  exit 0
fi
say "1. runtime directories in $target"; directories
say '2. source files'; if [ "$here" != "$target" ]; then sync; fi
say '3. secrets, owners and modes'; permissions
say '4. services'; restart
check_after
say "done: all $(listed container | wc -l) containers are healthy and https://${value[N8N_HOST]} answers"
