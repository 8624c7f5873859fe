#!/bin/sh
# Hands Infisical its secrets, which it takes from its environment alone, and goes on as the image does.
set -eu

# secret VARIABLE FILE
secret() {
  value=$(cat "/etc/homeport/$2")
  export "$1=$value"
}

secret ENCRYPTION_KEY encryption_key
secret AUTH_SECRET auth_secret
secret DB_CONNECTION_URI database_url
secret REDIS_URL redis_url

exec /backend/standalone-entrypoint.sh
