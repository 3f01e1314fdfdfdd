#!/usr/bin/env bash
# A paired comparison on one machine: db-taxi against `mysqldump --single-transaction --quick | mysql`,
# one whole table into an empty target database, from start to the verified swap (ours) or to the
# last statement (theirs, which verifies nothing).
#
#   bench/compare.sh [mariadb|mysql] [narrow|wide|small] [COUNT]     default: mariadb narrow 2000000
#
# REPS=3        pairs; each runs both in turn, the first of a pair alternates, ratios are taken within
#               a pair and their median is the result
# ONLY=taxi     runs db-taxi alone (for memory)
# DB_TAXI_BIN   a program that is built already (a debug build is no measure of anything)
#
# Private servers with durability off, so that both are measured against the server's own work, not
# a disk. Shown: wall time, CPU of the client's processes, CPU of both servers, largest resident
# memory of one client process. Every run is compared with the source by CHECKSUM TABLE.
set -euo pipefail
. "$(dirname "$0")/../scripts/stage.sh"
flavour=${1:-mariadb} shape=${2:-narrow} count=${3:-2000000} reps=${REPS:-3} only=${ONLY:-}
source_db=bench target_db=bench_copy

begin_stage "$flavour"
upper=${flavour^^}
dump=$(eval "printf '%s' \"\$${upper}_DUMP\"")
source_pid=$(eval "printf '%s' \"\$${upper}_SOURCE_PID\"") local_pid=$(eval "printf '%s' \"\$${upper}_LOCAL_PID\"")
say "generating $shape $count"
bash "$repository/bench/gen.sh" $source_db "$shape" "$count" | on_source
import_mapping >/dev/null
db_taxi migrate >/dev/null

ticks() { sed 's/.*) //' "/proc/$1/stat" | awk '{ printf "%.2f", ($12 + $13) / 100 }'; }
tree() { # PID: it and all below it
  local child
  printf '%s ' "$1"
  for child in $(cat "/proc/$1/task/$1/children" 2>/dev/null); do tree "$child"; done
}
# Runs a command; sets $wall, $cpu (its processes), $peak (MiB, largest process), $server_cpu, $rc.
measure() {
  local start pid process kib s0 l0
  peak=0 s0=$(ticks "$source_pid") l0=$(ticks "$local_pid")
  start=$(now)
  (TIMEFORMAT='%U %S'; time "$@" >"$work/out" 2>"$work/err") 2>"$work/times" &
  pid=$!
  while kill -0 "$pid" 2>/dev/null; do
    for process in $(tree "$pid"); do
      kib=$(awk '/^VmHWM/ { print $2 }' "/proc/$process/status" 2>/dev/null || true)
      [ "${kib:-0}" -le "$peak" ] || peak=$kib
    done
    sleep 0.1
  done
  rc=0
  wait "$pid" || rc=$?
  wall=$(awk -v a="$start" -v b="$(now)" 'BEGIN { printf "%.2f", b - a }')
  cpu=$(tail -n 1 "$work/times" | awk '{ printf "%.2f", $1 + $2 }')
  peak=$((peak / 1024))
  server_cpu=$(awk -v a="$s0" -v b="$(ticks "$source_pid")" -v c="$l0" -v d="$(ticks "$local_pid")" 'BEGIN { printf "%.2f", b - a + d - c }')
}
checksums() { # on_source|on_local DATABASE
  local table
  "$1" -e "SELECT table_name FROM information_schema.tables WHERE table_schema = '$2' ORDER BY 1" | while read -r table; do
    "$1" -e "CHECKSUM TABLE $2.$table" </dev/null | sed "s/^$2\.//"
  done
}
expected=$(checksums on_source $source_db)

# A second load would claim transactions that the target knows already.
dump_options=()
[ "$flavour" = mariadb ] || dump_options=(--set-gtid-purged=OFF)

run_taxi() { db_taxi -q run shop --fresh; }
run_dump() {
  on_local -e "CREATE DATABASE $target_db CHARACTER SET utf8mb4"
  "$dump" --no-defaults -h127.0.0.1 -uroot -P"$source_port" --single-transaction --quick "${dump_options[@]}" $source_db | on_local --max-allowed-packet=1G $target_db
}
contender() { # NAME PAIR
  on_local -e "DROP DATABASE IF EXISTS $target_db"
  measure "run_$1"
  local verdict=equal
  [ "$(checksums on_local $target_db)" = "$expected" ] || verdict=DIFFERENT
  [ "$rc" = 0 ] || { verdict="exit $rc"; tail -n 5 "$work/err" >&2; }
  printf '%-5s %4d %9s %11s %11s %9s   %s\n' "$1" "$2" "$wall" "$cpu" "$server_cpu" "$peak" "$verdict"
  printf '%s %d %s %s %s %s %s\n' "$1" "$2" "$wall" "$cpu" "$server_cpu" "$peak" "${verdict// /_}" >>"$work/results"
}

printf '%-5s %4s %9s %11s %11s %9s\n' who pair 'wall s' 'client cpu' 'server cpu' 'peak MiB'
for ((pair = 1; pair <= reps; pair++)); do
  order='taxi dump'
  [ $((pair % 2)) = 1 ] || order='dump taxi'
  for who in ${only:-$order}; do contender "$who" "$pair"; done
done
grep -qvE ' equal$' "$work/results" && { echo "not every run ended equal: no ratio"; exit 1; }

median() { sort -n | awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'; }
column() { awk -v who="$1" -v c="$2" '$1 == who { print $c }' "$work/results" | median; }
for who in ${only:-taxi dump}; do
  printf 'median %-5s wall %s s, client cpu %s s, server cpu %s s, peak %s MiB\n' "$who" "$(column "$who" 3)" "$(column "$who" 4)" "$(column "$who" 5)" "$(column "$who" 6)"
done
[ -n "$only" ] || printf 'mysqldump | mysql takes %sx the time of db-taxi (median of %s pairs; %s %s on %s)\n' \
  "$(awk '{ t[$1, $2] = $3; n = $2 > n ? $2 : n } END { for (i = 1; i <= n; i++) printf "%.2f\n", t["dump", i] / t["taxi", i] }' "$work/results" | median)" \
  "$reps" "$count" "$shape" "$flavour"
