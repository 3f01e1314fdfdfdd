#!/usr/bin/env bash
# The control database is killed under load and stays away: nothing is lost, the service comes back by itself and its
# health tells the truth throughout.
#   scripts/outage.sh [SECONDS]     default 300
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/common.sh
folder=$(mktemp -d)
trap 'scripts/servers.sh down "$folder" || true; rm -rf "$folder"' EXIT
scripts/servers.sh up "$folder" mariadb
DB_TAXI_TEST_SERVERS=$folder/servers.env DB_TAXI_OUTAGE=${1:-300} \
  cargo test --locked --test integration -- --nocapture --exact api::outages::an_outage_under_load_loses_nothing_and_health_tells_the_truth
