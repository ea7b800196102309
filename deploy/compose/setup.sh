#!/usr/bin/env bash
# Makes the secrets of the demo in the folder secrets, where they are missing. Nothing that is there is written over.
set -euo pipefail
cd "$(dirname "$0")"
# The folder keeps others out. The files in it are open, since the containers that they are mounted into have other accounts.
mkdir -p -m 0700 "${SECRETS:=secrets}"
cd "$SECRETS"
umask 022

put() { # put NAME VALUE
  if [ ! -e "$1" ]; then printf '%s\n' "$2" >"$1.new" && mv "$1.new" "$1"; fi
}
random() { openssl rand -hex 24; }

for name in hasura-admin issuer-db metadata-db postgres redis shop-db; do put "$name" "$(random)"; done
put issuer-kek "k1:$(openssl rand -base64 32)"
put issuer-database-url "postgres://issuer:$(cat issuer-db)@postgres:5432/issuer?sslmode=disable"
put issuer-redis-url "redis://:$(cat redis)@redis:6379/0"
put metadata-database-url "postgres://hasura_metadata:$(cat metadata-db)@postgres:5432/hasura_metadata"
put shop-database-url "postgres://hasura_shop:$(cat shop-db)@postgres:5432/shop"
if [ ! -e tls.crt ]; then
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 365 -subj /CN=gateway \
    -addext subjectAltName=DNS:gateway,DNS:localhost -keyout tls.key -out tls.crt.new 2>/dev/null
  chmod 0644 tls.key
  mv tls.crt.new tls.crt
fi
