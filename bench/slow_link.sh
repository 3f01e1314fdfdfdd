#!/usr/bin/env bash
# A copy over a slow link: how close to the link's own speed does it come?
#
#   bench/slow_link.sh [mariadb|mysql] [MEGABYTES]     default: mariadb 600
#
# SPEED=20 LATENCY=50   megabytes a second over all connections together, milliseconds each way
# WORKERS=4             max_concurrency
# DB_TAXI_BIN           a program that is built already
#
# The source is reached through bench/slow_link.py (needs python3). The rows are large, so that the
# link is the limit and neither this machine nor its servers. Shown: the time that the link alone needs
# for the table's bytes, the time from start to the verified swap, and their ratio.
set -euo pipefail
. "$(dirname "$0")/../scripts/stage.sh"
flavour=${1:-mariadb} megabytes=${2:-600} speed=${SPEED:-20} latency=${LATENCY:-50}
source_db=bench target_db=bench_copy
have python3 || die "python3 is needed for the link"

begin_stage "$flavour"
rows=$((megabytes * 1000000 / 32768))
say "generating $rows rows of 32 KiB"
on_source <<SQL
CREATE DATABASE $source_db;
CREATE TABLE $source_db.large (id INT NOT NULL PRIMARY KEY, data MEDIUMBLOB NOT NULL) ENGINE=InnoDB;
CREATE TABLE $source_db.digits (d INT);
INSERT INTO $source_db.digits VALUES (0), (1), (2), (3), (4), (5), (6), (7), (8), (9);
INSERT INTO $source_db.large SELECT n, REPEAT(UNHEX(SHA2(n, 256)), 1024) FROM
  (SELECT 1 + a.d + 10 * b.d + 100 * c.d + 1000 * e.d + 10000 * f.d AS n FROM $source_db.digits a, $source_db.digits b,
   $source_db.digits c, $source_db.digits e, $source_db.digits f) numbers WHERE n <= $rows ORDER BY n;
DROP TABLE $source_db.digits;
ANALYZE TABLE $source_db.large;
SQL
python3 "$repository/bench/slow_link.py" "$source_port" "$speed" "$latency" >"$work/link" &
kill_later+=($!)
for _ in $(seq 50); do [ -s "$work/link" ] && break; sleep 0.1; done
source_direct=$source_port source_port=$(cat "$work/link")
DEMO_WORKERS=${WORKERS:-4} import_mapping >/dev/null
source_port=$source_direct
bytes=$(on_source -e "SELECT SUM(LENGTH(data)) FROM $source_db.large")

# The link as it really is: one client that reads the same rows through it and drops them.
link_port=$(cat "$work/link")
plain=$(now)
"$client" --no-defaults -h127.0.0.1 -uroot -P"$link_port" --quick --skip-column-names --raw -B -e "SELECT data FROM $source_db.large" >/dev/null
plain=$(awk -v a="$plain" -v z="$(now)" 'BEGIN { printf "%.2f", z - a }')

start=$(now)
db_taxi -q run shop
end=$(now)
differ=$(on_source -e "CHECKSUM TABLE $source_db.large" | cut -f2)
[ "$differ" = "$(on_local -e "CHECKSUM TABLE $target_db.large" | cut -f2)" ] || die "the copy differs"
awk -v b="$bytes" -v s="$speed" -v l="$latency" -v a="$start" -v z="$end" -v f="$flavour" -v p="$plain" 'BEGIN {
  link = b / (s * 1e6); took = z - a
  printf "%s: %.0f MB over %s MB/s with %s ms each way: link alone %.1f s, read by one client in %.1f s, copied and compared in %.1f s: %.2fx of the link\n", f, b / 1e6, s, l, link, p, took, took / link }'
