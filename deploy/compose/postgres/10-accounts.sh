#!/bin/sh
# Run once by the Postgres image, on an empty data folder. Three databases, each with an account that sees only its own;
# hasura reads and changes orders but owns nothing there.
set -eu
secret() { cat "${SECRETS:-/run/secrets}/$1"; }

psql -v ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres \
  -v issuer="$(secret issuer-db)" -v metadata="$(secret metadata-db)" -v shop="$(secret shop-db)" <<'SQL'
CREATE ROLE issuer LOGIN PASSWORD :'issuer';
CREATE ROLE hasura_metadata LOGIN PASSWORD :'metadata';
CREATE ROLE hasura_shop LOGIN PASSWORD :'shop';
ALTER ROLE hasura_shop SET statement_timeout = '5s';
CREATE DATABASE issuer OWNER issuer;
CREATE DATABASE hasura_metadata OWNER hasura_metadata;
CREATE DATABASE shop;
REVOKE CONNECT ON DATABASE issuer, hasura_metadata, shop FROM PUBLIC;
GRANT CONNECT ON DATABASE shop TO hasura_shop;
SQL
psql -v ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname shop --file "$(dirname "$0")/shop/orders.sql"
