#!/usr/bin/env bash
# PostgreSQL's start in a container, by the contract of the official image (its README on "How to extend this image"):
# first start makes the cluster, the database and runs /docker-entrypoint-initdb.d; later starts only serve.
set -Eeuo pipefail

say() { printf 'entrypoint: %s\n' "$*" >&2; }

# A variable, or the content of the file that <variable>_FILE names; both at once is a mistake of the caller.
value_or_file() {
  local name=$1 fallback=${2:-} file_name="${1}_FILE"
  if [ -n "${!name:-}" ] && [ -n "${!file_name:-}" ]; then
    say "error: both $name and $file_name are set: keep one"
    exit 1
  fi
  local found=${!name:-$fallback}
  if [ -n "${!file_name:-}" ]; then found=$(<"${!file_name}"); fi
  export "$name=$found"
  unset "$file_name"
}

make_cluster() {
  local method=${POSTGRES_HOST_AUTH_METHOD:-scram-sha-256}
  if [ -z "$POSTGRES_PASSWORD" ] && [ "$method" != trust ]; then
    say "error: the first start needs POSTGRES_PASSWORD or POSTGRES_PASSWORD_FILE"
    exit 1
  fi
  local -a extra=()
  if [ -n "${POSTGRES_INITDB_ARGS:-}" ]; then eval "extra=($POSTGRES_INITDB_ARGS)"; fi
  if [ -n "${POSTGRES_INITDB_WALDIR:-}" ]; then extra+=(--waldir "$POSTGRES_INITDB_WALDIR"); fi
  # initdb asks for its user's name. For a uid without one the official image makes one up, with this library.
  local -a named=()
  if ! getent passwd "$(id -u)" > /dev/null; then
    local library passwd group
    library=$(find /usr/lib -name libnss_wrapper.so | head -n 1)
    if [ -z "$library" ]; then say "error: uid $(id -u) has no name here, and initdb needs one"; exit 1; fi
    passwd=$(mktemp) group=$(mktemp)
    echo "postgres:x:$(id -u):$(id -g):PostgreSQL:$PGDATA:/bin/false" > "$passwd"
    echo "postgres:x:$(id -g):" > "$group"
    named=(env "LD_PRELOAD=$library" "NSS_WRAPPER_PASSWD=$passwd" "NSS_WRAPPER_GROUP=$group")
  fi
  # A pipe, not an argument: the process list never shows the password.
  "${named[@]}" initdb --username="$POSTGRES_USER" --pwfile=<(printf '%s\n' "$POSTGRES_PASSWORD") "${extra[@]}"
  # initdb writes the compiled default, /tmp, whatever the sample file says.
  sed -i "s|^#unix_socket_directories = .*|unix_socket_directories = '/var/run/postgresql'|" "$PGDATA/postgresql.conf"
  printf '\nhost all all all %s\n' "$method" >> "$PGDATA/pg_hba.conf"
}

query() { psql -v ON_ERROR_STOP=1 --no-password --no-psqlrc --username "$POSTGRES_USER" "$@"; }

run_init_files() {
  local file
  for file in /docker-entrypoint-initdb.d/*; do
    case $file in
      *.sh)
        say "running $file"
        # shellcheck disable=SC1090
        if [ -x "$file" ]; then "$file"; else . "$file"; fi ;;
      *.sql) say "running $file"; query --dbname "$POSTGRES_DB" --file "$file" ;;
      *.sql.gz) say "running $file"; gunzip --stdout "$file" | query --dbname "$POSTGRES_DB" ;;
      */\*) ;;
      *) say "ignoring $file" ;;
    esac
  done
}

first_start() {
  value_or_file POSTGRES_PASSWORD
  value_or_file POSTGRES_USER postgres
  value_or_file POSTGRES_DB "$POSTGRES_USER"
  value_or_file POSTGRES_INITDB_ARGS
  make_cluster
  # Nobody outside is let in before the set-up is complete: the socket only.
  PGPASSWORD=$POSTGRES_PASSWORD
  export PGPASSWORD
  pg_ctl --pgdata "$PGDATA" --wait --options "-c listen_addresses='' -p ${PGPORT:-5432}" start
  if [ "$POSTGRES_DB" != postgres ]; then
    query --dbname postgres --set db="$POSTGRES_DB" <<< 'CREATE DATABASE :"db";'
  fi
  run_init_files
  pg_ctl --pgdata "$PGDATA" --mode fast --wait stop
  unset PGPASSWORD
  say "first start done; PostgreSQL is ready for start up"
}

[ $# -gt 0 ] && [ "${1:0:1}" = - ] && set -- postgres "$@"
for word in "$@"; do case $word in -\?|--help|--describe-config|-V|--version) exec "$@" ;; esac; done

if [ "${1:-}" = postgres ]; then
  mkdir -p "$PGDATA" /var/run/postgresql
  if [ "$(id -u)" = 0 ]; then
    find "$PGDATA" /var/run/postgresql \! -user postgres -exec chown postgres {} +
    chmod 0700 "$PGDATA"
    chmod 03775 /var/run/postgresql || true
    exec setpriv --reuid=postgres --regid=postgres --init-groups "$BASH_SOURCE" "$@"
  fi
  chmod 0700 "$PGDATA" || true
  if [ -s "$PGDATA/PG_VERSION" ]; then say "the cluster in $PGDATA is used as it is"; else first_start; fi
fi
exec "$@"
