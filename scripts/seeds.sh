#!/usr/bin/env bash
# Incremental runs beside a writer that does all that a watermark can't see, by seeds: what is missed
# must be what the promise excludes, and a comparison must count exactly that; runs by comparison
# must leave states that the source had.
#
#   seeds.sh watermark|checksum [N]   N seeds, 100 by default, half on each flavour
#
# FIRST=1   the first seed
# DB_TAXI_TEST_SERVERS   servers that are up already (see servers.sh)
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd -P)
. "$here/common.sh"
strategy=${1:-} count=${2:-100} first=${FIRST:-1}
case $strategy in watermark | checksum) ;; *) die "usage: seeds.sh watermark|checksum [N]" ;; esac
[ "$count" -gt 0 ] 2>/dev/null || die "N must be a number above 0"

cd "$here/.."
if [ -z "${DB_TAXI_TEST_SERVERS:-}" ]; then
  folder=$(mktemp -d /tmp/seeds.XXXXXX)
  trap 'bash "$here/servers.sh" down "$folder"; rm -rf "$folder"' EXIT
  bash "$here/servers.sh" up "$folder"
  export DB_TAXI_TEST_SERVERS=$folder/servers.env
fi
half=$(((count + 1) / 2))
run() { # FLAVOUR FROM TO
  [ "$2" -le "$3" ] || return 0
  DB_TAXI_SEEDS=$2-$3 cargo test --quiet --test integration -- --exact --nocapture \
    "incremental::seeds::${strategy}_beside_a_writer::$1"
}
run mariadb "$first" $((first + half - 1))
run mysql $((first + half)) $((first + count - 1))
say "$count seeds: all as promised"
