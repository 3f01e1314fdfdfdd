#!/usr/bin/env bash
# 500 slow clients (heads and bodies that never end, readers that never read) and 10,000 wrong tokens while a job
# runs: the job ends equal and /health/live answers within a second.
#   scripts/hostile.sh [CLIENTS [TOKENS]]
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/common.sh
clients=${1:-500} tokens=${2:-10000}
folder=$(mktemp -d)
trap 'scripts/servers.sh down "$folder" || true; rm -rf "$folder"' EXIT
ulimit -n 4096 2>/dev/null || true
scripts/servers.sh up "$folder" mariadb
DB_TAXI_TEST_SERVERS=$folder/servers.env DB_TAXI_CROWD=$clients DB_TAXI_GUESSES=$tokens DB_TAXI_LIVE_MS=${DB_TAXI_LIVE_MS:-1000} \
  cargo test --locked --test integration -- --nocapture --exact api::crowds::slow_clients_and_guessers_hold_up_neither_jobs_nor_health
