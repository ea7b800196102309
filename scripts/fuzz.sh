#!/usr/bin/env bash
# Runs every fuzz target of the module, one after another. Usage: scripts/fuzz.sh TIME-PER-TARGET
set -euo pipefail
for package in $(go list ./...); do
  for target in $(go test -list '^Fuzz' "$package" | grep '^Fuzz' || true); do
    echo "== $package $target"
    # Minimizing one interesting token can take the whole time: go's default for that is a minute.
    go test -run '^$' -fuzz "^$target\$" -fuzztime "${1:-60s}" -fuzzminimizetime 10x "$package"
  done
done
