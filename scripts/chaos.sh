#!/usr/bin/env bash
# Three services, one control database, thirty configs, a writer on the source: each round kills,
# freezes or cuts one of the services off from all servers, waits until its work is taken over, and lets
# it come back. At the end every table must equal its source, and the local server's binlog must show no
# row that was written without the newest fence.
#
#   chaos.sh [ROUNDS [SEED [mariadb|mysql]]]      50 rounds, seed 1, mariadb
set -euo pipefail
. "$(dirname "$0")/common.sh"
rounds=${1:-50} seed=${2:-1} flavour=${3:-mariadb}
have cargo || PATH=$PATH:${CARGO_HOME:-${HOME:-/root}/.cargo}/bin
have cargo || die "no cargo: install Rust from https://rustup.rs"
cd "$repository"
work=$(mktemp -d "${TMPDIR:-/tmp}/taxi-chaos.XXXXXX")
end() { bash scripts/servers.sh down "$work"; rm -rf "$work"; }
trap end EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
bash scripts/servers.sh up "$work" "$flavour"
DB_TAXI_TEST_SERVERS=$work/servers.env DB_TAXI_TEST_REQUIRED=1 DB_TAXI_CHAOS="$rounds $seed" DB_TAXI_CHAOS_FLAVOUR=$flavour \
  cargo test --locked --test integration crew::chaos -- --nocapture
