#!/usr/bin/env bash
# Builds the binary twice, in two folders and from two caches, and fails if a byte differs. LDFLAGS are those of the build.
set -euo pipefail
cd "$(dirname "$0")/.."
go=${GO:-go}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/elsewhere"
tar -c --exclude=./.git --exclude=./bin . | tar -x -C "$work/elsewhere"

build() { (cd "$1" && CGO_ENABLED=0 "$go" build -trimpath -buildvcs=false -ldflags "${LDFLAGS:-}" -o "$2" ./cmd/issuer); }
build . "$work/one"
GOCACHE="$("$go" env GOCACHE)-reproducible" build "$work/elsewhere" "$work/two"

sha256sum "$work/one" "$work/two" | sed "s|$work/||"
if ! cmp "$work/one" "$work/two"; then
	echo "reproducible: the two builds differ" >&2
	exit 1
fi
