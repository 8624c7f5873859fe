#!/usr/bin/env bash
# Deploys this folder to a production directory and (re)starts its services. Safe to run again: data is never touched.
# Exit: 0 done; 1 refused, nothing was changed; 2 it failed on the way, or a service or a host name does not answer.
set -Eeuo pipefail
umask 077

usage() {
  cat <<'TEXT'
usage: deploy.sh [--dry-run] [--to DIR]
  --to DIR    production directory (default: the first line of manifest; DEPLOY_DIR in the environment does the same)
  --dry-run   check .env and say what would be done, and change nothing
TEXT
}

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
# The manifest's lines of one kind, without the kind.
listed() { sed -n "s/^$1 //p" "$here/manifest"; }

target=${DEPLOY_DIR:-$(listed target)} dry=''
while [ $# -gt 0 ]; do
  case $1 in
    --dry-run) dry=yes ;;
    --to) target=${2:?--to needs a directory}; shift ;;
    --help) usage; exit 0 ;;
    *) usage >&2; exit 1 ;;
  esac
  shift
done
case $target in /*) ;; *) target=$PWD/$target ;; esac
if [ -d "$target" ]; then target=$(cd "$target" && pwd -P); fi
declare -A value=() variable=()

say() { printf '==> %s\n' "$*"; }
refuse() { printf 'deploy.sh: %s\n' "$@" >&2; exit 1; }
fail() { printf 'deploy.sh: %s\n' "$@" >&2; exit 2; }
trap 'fail "failed at line $LINENO; see what is said above, and run it again"' ERR

# --- Before anything is changed -------------------------------------------------------------------

# Read, not sourced: a value is text, and never runs. As dotenv reads it: a byte order mark, `export`, white space around
# the name and the value, and a comment after it are no part of either.
read_env() {
  local line name text bom=$'\xef\xbb\xbf'
  local named='^[[:space:]]*(export[[:space:]]+)?([A-Z][A-Z0-9_]*)[[:space:]]*=[[:space:]]*(.*)$'
  local quoted="^(\"([^\"]*)\"|'([^']*)')[[:space:]]*(#.*)?\$"
  while IFS= read -r line || [ -n "$line" ]; do
    line=${line#"$bom"} line=${line%$'\r'}
    [[ $line =~ $named ]] || continue
    name=${BASH_REMATCH[2]} text=${BASH_REMATCH[3]}
    if [[ $text =~ $quoted ]]; then
      text=${BASH_REMATCH[2]}${BASH_REMATCH[3]}
    else
      # Shortest first: the comment begins at the first # after white space.
      while [[ $text =~ ^(.*[[:space:]]|)#.*$ ]]; do text=${BASH_REMATCH[1]}; done
      text=${text%"${text##*[![:space:]]}"}
    fi
    value[$name]=$text
  done <"$1"
}

# Labels of letters, digits and '-', 63 characters each and 253 in all; a last one of digits would be an address.
is_host() {
  local label='[a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?'
  [ ${#1} -le 253 ] && [[ $1 =~ ^($label\.)+$label$ || $1 = localhost ]] && [[ ! ${1##*.} =~ ^([0-9]+|0[xX][0-9a-fA-F]*)$ ]]
}

# Whether a value has MIN to MAX characters, none of them one that a shell or a file reads as code: shape VALUE MIN MAX
shape() { [[ $1 =~ ^[]!#%\&\(\)*+,./0-9:\;\<=\>?@A-Z^_a-z{|}~[-]+$ && $1 != =* && ${#1} -ge $2 && ${#1} -le $3 ]]; }

# What is wrong with the value of a kind, in words; nothing where all is well. The value itself is never shown.
fault() {
  local kind=$1 text=$2 characters='characters, no space, quote, backslash or dollar sign, and no = at the start'
  case $kind in
    hex64) [[ $text =~ ^[0-9a-fA-F]{64}$ ]] || echo 'must be 64 hexadecimal digits (openssl rand -hex 32)' ;;
    hex32) [[ $text =~ ^[0-9a-fA-F]{32}$ ]] || echo 'must be 32 hexadecimal digits (openssl rand -hex 16)' ;;
    long-hex) [[ $text =~ ^[0-9a-fA-F]{64,128}$ ]] || echo 'must be 64 to 128 hexadecimal digits (openssl rand -hex 64)' ;;
    sk-key)
      { [[ $text = sk-* ]] && shape "$text" 19 512; } || [[ $text =~ ^[0-9a-fA-F]{64}$ ]] ||
        echo "must be sk- and more, 19 to 512 $characters, or 64 hexadecimal digits" ;;
    base64) [[ $text =~ ^[A-Za-z0-9+/]{43}=$ ]] || echo 'must be 32 bytes in Base64 (openssl rand -base64 32)' ;;
    site) [[ $text =~ ^:[1-9][0-9]{0,4}$ ]] || is_host "$text" || echo 'must be a host name, or a port such as :8001' ;;
    host) is_host "$text" || echo 'must be a host name such as www.example.com' ;;
    token) shape "$text" 16 512 || echo "must be 16 to 512 $characters" ;;
    account-password)
      shape "$text" 24 64 && [[ $text =~ [A-Z] && $text =~ [0-9] ]] ||
        echo "must be 24 to 64 $characters, with a capital letter and a digit" ;;
    jwt)
      [[ $text =~ ^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{43}$ ]] ||
        echo 'must be a JSON Web Token signed by HS256' ;;
    ed25519) [[ $text =~ ^b3BlbnNzaC1rZXktdjEA[A-Za-z0-9+/]+=*$ ]] || echo 'must be the inner lines of an SSH key, joined' ;;
    ed25519-public) [[ $text =~ ^AAAAC3NzaC1lZDI1NTE5AAAAI[A-Za-z0-9+/]{43}$ ]] || echo 'must be a public SSH key' ;;
    password) shape "$text" 24 512 || echo "must be 24 to 512 $characters (openssl rand -base64 32)" ;;
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
  while read -r name secret _; do
    text=${value[$secret]:-}
    if [ -n "$text" ] && [ ${#text} -lt 32 ]; then problems+=("$secret is too short to sign $name: 32 characters"); fi
    [ -n "${value[$name]:-}" ] || continue
    if [ -z "$text" ]; then
      problems+=("$name is set and $secret is not: set both, or neither")
    elif [ "${value[$name]}" != "$(signed "$text" "${value[$name]%.*}")" ]; then
      problems+=("$name is not signed with $secret: leave $name out, and it is made")
    fi
  done < <(listed signed)
  while read -r name secret; do
    text=${value[$secret]:-}
    if [ -n "${value[$name]:-}" ] && { [ -z "$text" ] || [ "${value[$name]}" != "$(public_half "$text")" ]; }; then
      problems+=("$name is not the public half of $secret: leave $name out, and it is made")
    fi
  done < <(listed public)
  [ ${#problems[@]} -eq 0 ] || refuse "${problems[@]}"
}

# A text as a token signed by HS256 (RFC 7515; HMAC: RFC 2104): signed KEY TEXT. By hand, for openssl takes a key as an
# argument alone, where everybody sees it among the processes.
signed() {
  local key inner='' outer='' place
  key=$(printf %s "$1" | od -An -v -tx1 | tr -d ' \n')
  [ ${#key} -le 128 ] || key=$(printf %s "$1" | openssl dgst -sha256 -binary | od -An -v -tx1 | tr -d ' \n')
  for ((place = 0; place < 128; place += 2)); do
    printf -v inner '%s\\x%02x' "$inner" $((16#${key:place:2}0 / 16 ^ 0x36))
    printf -v outer '%s\\x%02x' "$outer" $((16#${key:place:2}0 / 16 ^ 0x5c))
  done
  printf '%s.' "$2"
  { printf '%b' "$outer"; { printf '%b' "$inner"; printf %s "$2"; } | openssl dgst -sha256 -binary; } |
    openssl dgst -sha256 -binary | base64 | tr '+/' '-_' | tr -d '=\n'
}

check_machine() {
  local program port name first setting=net.ipv4.ip_unprivileged_port_start; [ "$target" != / ] || refuse 'the production directory must not be /'
  for program in docker curl openssl sha256sum base64; do
    command -v "$program" >/dev/null || refuse "$program is not on the PATH: install it"
  done
  # Debian and Ubuntu have both, and every other system whose crypt(3) is libxcrypt's or musl's.
  # shellcheck disable=SC2016 # perl's own variables
  if grep -rqsF '|bcrypt}' "$here/templates"; then
    perl -e 'exit(crypt("a", q($2b$10$) . "." x 22) !~ /^\$2b\$/)' 2>/dev/null ||
      refuse 'perl is missing, or its crypt knows no bcrypt: install perl'
  fi
  docker compose version >/dev/null 2>&1 ||
    refuse 'docker compose (v2) does not answer: install the plugin docker-compose-plugin'
  # Of a container in the host's own network, whose user is not root.
  first=$(sysctl -n "$setting" 2>/dev/null || echo 0)
  while read -r port name; do
    [ "$first" -le "$port" ] || refuse "$name listens on port $port, which this host gives to root alone:" \
      "  fix: echo '$setting = $port' >/etc/sysctl.d/60-low-ports.conf && sysctl --system"
  done < <(listed low | sort -n)
  [ "$(id -u)" = 0 ] || [ -n "$dry" ] || refuse 'run it as root: files are given to the users of the containers'
}

# Data without the secrets that it was made with would be unreadable: no other value is made for these.
check_data() {
  local name folder need
  local -a missing=()
  [ ! -f "$target/secrets/generated.env" ] || return 0
  while read -r name _ need _; do
    if [ "$need" = generated ] && [ -z "${value[$name]:-}" ]; then missing+=("$name"); fi
  done < <(listed variable)
  [ ${#missing[@]} -gt 0 ] || return 0
  while read -r name folder; do
    [ "$(volume_of "$name" "$folder")" != other ] ||
      refuse "volume $name has data already: set ${missing[*]} in $env_file as they were (homeport export --secrets)"
  done < <(listed volume)
}

# --- Step 1: runtime directories ------------------------------------------------------------------

# Whose volume it is: nobody's yet, this directory's, or somebody else's, such as homeport's: that one is used as it is.
volume_of() {
  local device
  device=$(docker volume inspect -f '{{with .Options}}{{.device}}{{end}}' "$1" 2>/dev/null) || { echo nobody; return; }
  if [ "$device" = "$target/$2" ]; then echo ours; else echo other; fi
}

directories() {
  local path owner mode name folder subnet gateway way
  local -a others=()
  if [ ! -d "$target" ]; then mkdir -p "$target"; chmod 755 "$target"; fi
  while read -r name folder; do
    if [ "$(volume_of "$name" "$folder")" = other ]; then others+=("$folder"); fi
  done < <(listed volume)
  while read -r path owner mode; do
    case " ${others[*]} " in *" ${path%%/*} "*) continue ;; esac
    mkdir -p "$target/$path"
    chown "$owner" "$target/$path"
    chmod "$mode" "$target/$path"
  done < <(listed folder)
  while read -r name folder; do
    [ "$(volume_of "$name" "$folder")" = nobody ] || continue
    # Docker gives an empty volume the owner and mode of the image's folder; this file is in the way.
    printf 'prepared\n' >"$target/$folder/.homeport"
    chown --reference="$target/$folder" "$target/$folder/.homeport"
    chmod 444 "$target/$folder/.homeport"
    docker volume create --driver local --opt type=none --opt o=bind --opt device="$target/$folder" "$name" >/dev/null
  done < <(listed volume)
  while read -r name subnet gateway way; do
    docker network inspect "$name" >/dev/null 2>&1 && continue
    case $way in
      internal) way=--internal ;;
      inward) way=--opt=com.docker.network.bridge.enable_ip_masquerade=false ;;
      *) way=--internal=false ;;
    esac
    docker network create --driver bridge "$way" --subnet "$subnet" --gateway "$gateway" "$name" >/dev/null
  done < <(listed network)
}

# Programs that containers of any image are asked with, each out of an image that is never started.
programs() {
  local place image path carrier
  while read -r place image path; do
    carrier=$(docker create --network none --entrypoint /none "$image")
    docker cp "$carrier:$path" "$target/$place"
    docker rm -f "$carrier" >/dev/null
  done < <(listed program)
}

# --- Step 2: source files -------------------------------------------------------------------------

# Everything but secrets, keys, runtime data and what tools leave behind; paths below this folder.
sources() {
  local path
  local -a skip=(-path ./.git -o -path ./secrets -o -path ./files -o -name __pycache__)
  while read -r path _; do skip+=(-o -path "./${path%%/*}"); done < <(listed folder)
  (cd "$here" && find . \( "${skip[@]}" \) -prune -o -type f \
    ! \( -name '.env' -o -name '.env.*' ! -name '.env.example' ! -name '.env.global' \) ! -name '.deployed' \
    ! -name '*.pem' ! -name '*.key' ! -name '*.crt' ! -name 'id_rsa*' ! -name 'id_ed25519*' -print) | LC_ALL=C sort
}

# Written beside and moved over: a killed run leaves the old file or the new one.
put() {
  local path=$1 mode=$2 owner=$3
  mkdir -p "$(dirname "$path")"
  cat >"$path.new"
  chown "$owner" "$path.new"
  chmod "$mode" "$path.new"
  if [ -f "$path" ] && cmp -s "$path" "$path.new"; then
    rm "$path.new"
    chown "$owner" "$path"
    chmod "$mode" "$path"
  else
    mv -f "$path.new" "$path"
  fi
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

# --- Step 3: secrets, owners, modes ---------------------------------------------------------------

# Passwords that nobody has to know are made once and kept; .env comes first.
generate() {
  local name kind need kept=$target/secrets/generated.env
  local -A set_in_env=()
  mkdir -p "$target/secrets"
  for name in "${!value[@]}"; do set_in_env[$name]=${value[$name]}; done
  if [ -f "$kept" ]; then read_env "$kept"; fi
  while read -r name kind need _; do
    if [ "$need" = generated ] && [ -z "${value[$name]:-}" ]; then
      case $kind in
        hex32) value[$name]=$(openssl rand -hex 16) ;;
        base64) value[$name]=$(openssl rand -base64 32) ;;
        ed25519) value[$name]=$(ssh_key) ;;
        *) value[$name]=$(openssl rand -hex 32) ;;
      esac
      printf '%s=%s\n' "$name" "${value[$name]}" >>"$kept"
    fi
  done < <(listed variable)
  for name in "${!set_in_env[@]}"; do if [ -n "${set_in_env[$name]}" ]; then value[$name]=${set_in_env[$name]}; fi; done
  if [ -f "$kept" ]; then chmod 600 "$kept"; fi
  # Not kept: of a new secret a new token is made.
  while read -r name need kind; do
    if [ -z "${value[$name]:-}" ]; then value[$name]=$(signed "${value[$need]}" "$kind"); fi
  done < <(listed signed)
  while read -r name need; do
    if [ -z "${value[$name]:-}" ]; then value[$name]=$(public_half "${value[$need]}"); fi
  done < <(listed public)
  while read -r name need; do
    if [ -z "${value[$name]:-}" ]; then value[$name]=${value[$need]}; fi
  done < <(listed same)
}

# A new SSH key as one line: what its file has between the first line and the last.
ssh_key() {
  local folder
  command -v ssh-keygen >/dev/null || refuse "ssh-keygen is not on the PATH: install OpenSSH's client"
  folder=$(mktemp -d)
  ssh-keygen -q -t ed25519 -N '' -C homeport -f "$folder/key"
  sed '1d;$d' "$folder/key" | tr -d '\n'
  rm -r "$folder"
}

# The public half of such a key, which it has in plain behind 43 bytes (OpenSSH's PROTOCOL.key): public_half KEY
public_half() { base64 -d <<<"$1" | tail -c +44 | head -c 51 | base64 -w 0; }

# A file with {$VARIABLE} for host names filled in, and {$VARIABLE_BELOW} with whether HTTPS holds for the names below it:
# only below a name that homeport made; below any other, somebody else may have names.
with_hosts() {
  local text name ours below
  IFS= read -r -d '' text <"$1" || true
  while read -r name _ _ _ _ ours; do
    below=''
    if [ "${value[$name]}" = "$ours" ]; then below='; includeSubDomains'; fi
    text=${text//"{\$$name}"/"${value[$name]}"} text=${text//"{\$${name}_BELOW}"/"$below"}
  done < <(listed route)
  printf '%s' "$text"
}

# A bcrypt hash, as sign-in pages keep it. Its salt is made of the password and of what stays here, so that it is another
# one when the password is, and only then. The salt is no secret, and may be seen among the processes.
bcrypt() {
  local salt kept=$target/secrets/salt
  [ -s "$kept" ] || openssl rand -hex 32 >"$kept"
  salt=$({ cat "$kept"; printf %s "$1"; } | openssl dgst -sha256 -binary | head -c 16 | base64 | tr -d '=\n' |
    tr 'A-Za-z0-9+/' './A-Za-z0-9')
  printf %s "$1" | perl -e 'local $/; print crypt(<STDIN>, $ARGV[0])' "\$2b\$10\$$salt"
}

# A template with its {secret}, {secret|basic:user}, {secret|prefix:text} and {secret|bcrypt} filled in.
filled() {
  local text out='' name user prefix hash place
  IFS= read -r -d '' text <"$1" || true
  while [[ $text =~ \{([a-z][a-z0-9-]*)(\|basic:([a-z0-9_.@-]+)|\|prefix:([a-z0-9_.@-]+)|(\|bcrypt))?\} ]]; do
    place=${BASH_REMATCH[0]} name=${BASH_REMATCH[1]}
    user=${BASH_REMATCH[3]} prefix=${BASH_REMATCH[4]} hash=${BASH_REMATCH[5]}
    [ -n "${variable[$name]:-}" ] || fail "$1 asks for the unknown secret $name"
    name=${value[${variable[$name]}]:-}
    if [ -n "$user" ]; then name=$(printf '%s:%s' "$user" "$name" | base64 | tr -d '\n'); fi
    if [ -n "$prefix" ]; then name=$prefix${name#"$prefix"}; fi
    if [ -n "$hash" ]; then name=$(bcrypt "$name"); fi
    # What is filled in is not looked at again: a value may look like a name.
    out+=${text%%"$place"*}$name text=${text#*"$place"}
  done
  printf '%s' "$out$text"
}

permissions() {
  local source path owner mode
  local -A listed_files=()
  if [ "$env_file" != "$target/.env" ]; then
    put "$target/.env" 600 0:0 <"$env_file"
  else
    chown 0:0 "$env_file"
    chmod 600 "$env_file"
  fi
  generate
  while read -r _ path _; do listed_files["$target/$path"]=yes; done < <(listed file; listed secret)
  # What a container reads is all in one folder, which nobody but it enters; files of an earlier export go.
  while read -r source path owner mode; do
    folder "$path" "$owner"
    with_hosts "$target/$source" | put "$target/$path" "$mode" "$owner"
  done < <(listed file)
  while read -r source path owner mode; do
    folder "$path" "$owner"
    filled "$target/$source" | put "$target/$path" "$mode" "$owner"
  done < <(listed secret)
  if [ -d "$target/files" ]; then
    find "$target/files" -type f -print0 | while IFS= read -r -d '' path; do
      if [ -z "${listed_files[$path]:-}" ]; then rm -f "$path"; fi
    done
    find "$target/files" -mindepth 1 -type d -exec chmod 550 {} +
  fi
}

# The folders that lead to a container's file, owned by its user.
folder() {
  local path owner=$2
  path=$(dirname "$1")
  while [ "$path" != files ]; do
    mkdir -p "$target/$path"
    chown "$owner" "$target/$path"
    chmod 750 "$target/$path"
    path=$(dirname "$path")
  done
  chmod 755 "$target/files"
}

# --- Step 4: restart, then look -------------------------------------------------------------------

# .env comes after what is shared, and wins; what an environment publishes is in its own file.
compose() {
  local -a layers=()
  [ ! -f "$target/.env.global" ] || layers=(--env-file .env.global --env-file .env)
  [ ! -f "$target/networks.yml" ] ||
    layers+=(-f docker-compose.yml -f "docker-compose.override.${HOMEPORT_OVERRIDE:-private}.yml")
  (cd "$target" && docker compose "${layers[@]}" "$@")
}

# Says what runs: another text means that containers must be made anew, for they hold the old files.
stamp() {
  local path
  { while IFS= read -r path; do (cd "$target" && sha256sum "$path"); done < <(sources)
    while read -r _ path _; do (cd "$target" && sha256sum "$path"); done < <(listed file; listed secret)
    (cd "$target" && sha256sum .env); } | sha256sum | cut -d ' ' -f 1
}

restart() {
  local now server path name
  local -a again=() others=(); local -A servers=()
  now=$(stamp)
  if [ "$(cat "$target/.deployed" 2>/dev/null || true)" != "$now" ]; then again=(--force-recreate); fi
  while read -r server path; do
    compose up -d --wait --wait-timeout 300 "${again[@]}" "$server"
    # shellcheck disable=SC2016 # the container's own shell expands it
    filled "$target/$path" | compose exec -T "$server" sh -c 'exec psql -X -q -U "${POSTGRES_USER:-postgres}" \
      -d postgres -v ON_ERROR_STOP=1 -v VERBOSITY=terse -f -' >/dev/null
    servers[$server]=yes
  done < <(listed sql)
  # By name: otherwise the database, which is new already, would be made anew a second time.
  while read -r _ name; do if [ -z "${servers[$name]:-}" ]; then others+=("$name"); fi; done < <(listed container)
  compose up -d --remove-orphans --wait --wait-timeout 600 "${again[@]}" "${others[@]}"
  printf '%s\n' "$now" | put "$target/.deployed" 600 0:0
}

check_after() {
  local name state variable address port code root
  local format='{{.State.Status}} {{if .State.Health}}{{.State.Health.Status}}{{else}}healthy{{end}}'
  local -a bad=()
  while read -r name _; do
    state=$(docker inspect -f "$format" "$name" 2>/dev/null || echo 'not there')
    if [ "$state" != 'running healthy' ]; then bad+=("$name is $state: docker compose logs $name"); fi
  done < <(listed container)
  [ ${#bad[@]} -eq 0 ] || fail "${bad[@]}"
  while read -r variable address port code root _; do
    check_route "${value[$variable]}" "$address" "$port" "$code" "$root"
  done < <(listed route)
}

# Whether a host name answers over HTTPS as it must to somebody without a password: 401, it is there and asks who comes.
check_route() {
  local host=$1 address=$2 port=$3 expected=$4 root=$5 code='' end
  local -a trust=()
  if [ "$root" != - ]; then
    # The proxy is its own authority here; its root certificate is in its container.
    docker cp "$root" "$target/.root.crt" >/dev/null 2>&1 || true
    trust=(--cacert "$target/.root.crt")
  fi
  end=$((SECONDS + ${DEPLOY_WAIT:-120}))
  while :; do
    code=$(curl --silent --output /dev/null --max-time 10 --write-out '%{http_code}' "${trust[@]}" \
      --noproxy '*' --resolve "$host:$port:$address" "https://$host:$port/" || true)
    [ "$code" != "$expected" ] || return 0
    if [ "$expected" = any ] && [[ $code =~ ^[1-4] ]]; then return 0; fi
    [ "$SECONDS" -lt "$end" ] || break
    sleep 1
  done
  fail "https://$host:$port/ answered ${code:-nothing}, $expected was expected: docker compose logs"
}

env_file=$here/.env
if [ ! -f "$env_file" ]; then env_file=$target/.env; fi
[ -f "$env_file" ] || refuse "there is no .env: cp .env.example .env, and set every CHANGE_ME in it"
read_env "$env_file"
check_env
check_machine
check_data
if [ -n "$dry" ]; then
  say "1. would create below $target: $(listed folder | cut -d ' ' -f 1 | tr '\n' ' ')"
  say "2. would copy $(sources | wc -l) source files from $here"
  say "3. would set owners and modes: .env 600, and $(listed secret | wc -l) secret files 400"
  say "4. would run docker compose up in $target, and check $(listed container | wc -l) containers"
  exit 0
fi
say "1. runtime directories in $target"; directories; programs
say '2. source files'; if [ "$here" != "$target" ]; then sync; fi
say '3. secrets, owners and modes'; permissions
say '4. services'; restart
check_after
say "done: all $(listed container | wc -l) containers are healthy"
while read -r name _; do say "https://${value[$name]} answers"; done < <(listed route)
