#!/usr/bin/env bash
# Starts everything, asks what ask.sh asks, and leaves it running. `docker compose down --volumes` takes it away again.
set -euo pipefail
cd "$(dirname "$0")"
./setup.sh
docker compose up --build --detach
docker compose run --rm ask
