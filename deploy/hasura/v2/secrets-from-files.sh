#!/bin/sh
# Hasura v2 reads its secrets from the environment only. This puts the content of each file that a variable NAME_FILE names
# into NAME, and then becomes the program that it is given. NAME is HASURA_GRAPHQL_… or …_DATABASE_URL.
#
#   HASURA_GRAPHQL_ADMIN_SECRET_FILE=/run/secrets/admin secrets-from-files.sh graphql-engine serve
set -eu
for name in $(env | sed -n 's/^\(HASURA_GRAPHQL_[A-Z0-9_]*\|[A-Z0-9_]*_DATABASE_URL\)_FILE=.*/\1/p'); do
  eval "path=\$${name}_FILE"
  value=$(cat "$path") # ends the script where there is no such file
  if [ -z "$value" ]; then
    echo "${name}_FILE names an empty file" >&2
    exit 1
  fi
  export "$name=$value"
  unset "${name}_FILE"
done
exec "$@"
