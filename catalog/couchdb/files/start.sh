#!/bin/bash
# CouchDB with LiveSync's settings, its administrator, and the user of the vault; then it is the image's own start.
# CouchDB writes its administrator's hash beside the settings, so they are laid where it may write.
set -eu

cp /etc/homeport/livesync.ini /opt/couchdb/etc/local.d/10-livesync.ini
COUCHDB_PASSWORD=$(cat /etc/homeport/admin_password)
COUCHDB_SECRET=$(cat /etc/homeport/session_secret)
export COUCHDB_PASSWORD COUCHDB_SECRET

bash /etc/homeport/provision.sh &
exec /docker-entrypoint.sh /opt/couchdb/bin/couchdb
