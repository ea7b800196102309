#!/usr/bin/env bash
# Runs every fuzz target of the module, one after another. Usage: scripts/fuzz.sh TIME-PER-TARGET
set -euo pipefail
log=$(mktemp)
trap 'rm -f "$log"' EXIT
for package in $(go list ./...); do
  for target in $(go test -list '^Fuzz' "$package" | grep '^Fuzz' || true); do
    echo "== $package $target"
    # Minimizing one interesting token can take the whole time: go's default for that is a minute.
    if go test -run '^$' -fuzz "^$target\$" -fuzztime "${1:-60s}" -fuzzminimizetime 10x "$package" | tee "$log"; then continue; fi
    # On a busy machine go may call it a failure that the time is up (https://go.dev/issue/75804). No input has failed then.
    if ! grep -q '^    context deadline exceeded$' "$log" || grep -q 'Failing input\|^        ' "$log"; then exit 1; fi
  done
done
