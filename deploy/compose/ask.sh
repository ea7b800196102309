#!/bin/sh
# Asks Hasura through the gateway: first as somebody who may, last as somebody who may not. Fails where an answer is not as it
# should be.
set -eu
TENANT=${TENANT:-http://127.0.0.1:18081}
GATEWAY=${GATEWAY:-https://gateway/v1/graphql}
answer=$(mktemp)
trap 'rm -f "$answer"' EXIT

# ask QUERY HEADER...: prints the status, and leaves the answer in $answer
ask() {
  query=$1
  shift
  for header in "$@"; do set -- "$@" --header "$header" && shift; done
  curl --silent --show-error --cacert "$CA" --max-time 20 --retry 30 --retry-connrefused --retry-delay 2 --output "$answer" \
    --write-out '%{http_code}' --header 'Content-Type: application/json' "$@" --data "{\"query\":\"$query\"}" "$GATEWAY"
}
# as PERSONA: the header with an Entra token of theirs
as() {
  printf 'Authorization: Bearer '
  curl --silent --show-error --fail --max-time 20 "$TENANT/personas/$1/token"
}
# expect STATUS TEXT WHAT: holds the last answer against what it should be
expect() {
  echo "$3: $status $(cat "$answer")"
  if [ "$status" != "$1" ] || { [ -n "$2" ] && ! grep -q "$2" "$answer"; }; then
    echo "that is not as it should be: wanted $1 $2" >&2
    exit 1
  fi
}

orders='query Orders { orders(order_by: {id: asc}) { id region total } }'
notes='query Notes { orders { id note } }'

status=$(ask "$orders" "$(as editor)")
expect 200 '"data"' 'an editor sees the orders of the regions that the grant names'
status=$(ask "$orders" "$(as reader)")
expect 200 '"data"' 'a reader sees their own orders'
status=$(ask "$notes" "$(as reader)")
expect 200 '"errors"' 'a reader sees no notes'
status=$(ask "$orders" "$(as reader)" 'X-Hasura-Role: editor')
expect 200 '"errors"' 'a reader is no editor, whatever they say'
status=$(ask "$orders" "$(as nobody)")
expect 403 '' 'nobody has no role'
status=$(ask "$orders")
expect 401 '' 'a stranger has no token'
echo 'all is as it should be'
