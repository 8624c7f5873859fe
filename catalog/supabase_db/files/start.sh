#!/bin/bash
# Starts the database in two steps. In the first it listens on its socket alone: the image's entry point makes the
# cluster where there is none, then the SQL beside this file makes what is missing and sets the roles' passwords. In the
# second it is there for everybody. A step that fails ends the container, with the reason in its log.
set -Eeuo pipefail

here=/etc/homeport run=/run/homeport socket=/var/run/postgresql

# The server's user may not look into the folder of this file.
install -m 0644 "$here/pg_hba.conf" "$run/pg_hba.conf"
install -m 0400 -o postgres "$here/vault_root_key" "$run/vault_root_key"
# Upstream's script makes a key in the image's own folder, which is gone with the container
# (supabase/postgres, ansible/files/pgsodium_getkey_urandom.sh.j2).
printf '#!/bin/sh\ncat %s/vault_root_key\n' "$run" > "$run/vault_root_key.sh"
chmod 0755 "$run/vault_root_key.sh"

server=(
  postgres
  -c config_file=/etc/postgresql/postgresql.conf
  -c "data_directory=$PGDATA"
  -c "hba_file=$run/pg_hba.conf"
  -c "unix_socket_directories=$socket"
  -c "pgsodium.getkey_script=$run/vault_root_key.sh"
  -c "vault.getkey_script=$run/vault_root_key.sh"
  # Realtime asks many times a second, and each statement would be a line.
  -c log_min_messages=fatal
)

POSTGRES_PASSWORD=$(<"$here/passwords/admin") docker-entrypoint.sh "${server[@]}" -c listen_addresses= &
first=$!
# By the server's own user: to send it a signal is no right that this one keeps.
end_first() {
  setpriv --reuid=postgres --regid=postgres --init-groups pg_ctl -s -w -m fast -D "$PGDATA" stop
  wait "$first" || true
}
trap 'end_first; exit 1' INT TERM
# While the cluster is made other processes serve; the entry point becomes the last one.
until [ "$(head -n 1 "$PGDATA/postmaster.pid" 2>/dev/null)" = "$first" ] && pg_isready -q -h "$socket"; do
  [ -d "/proc/$first" ] || { echo 'start.sh: the first step ended; see above' >&2; exit 1; }
  sleep 0.2
done
for file in "$here"/sql/*.sql; do
  psql -X -q -v ON_ERROR_STOP=1 -v VERBOSITY=terse -h "$socket" -U supabase_admin -d postgres -f "$file" ||
    { echo "start.sh: $file failed" >&2; end_first; exit 1; }
done
trap - INT TERM
end_first

exec docker-entrypoint.sh "${server[@]}" -c 'listen_addresses=*'
