#!/usr/bin/env bash
# What the dashboard costs in a real terminal (tmux), over real servers: bytes a second that it
# writes, and how much of a core its process takes.
#
#   idle.sh [SECONDS]     10 seconds each by default; a release build, or DB_TAXI_BIN=PATH
#
# Idle on each tab with no job running; a job of twelve tables at once with its gauges open; the log
# of a job of 300 small tables, followed, which is as many lines as a job can make.
set -euo pipefail
. "$(dirname "$0")/../scripts/stage.sh"
. "$scripts/terminal.sh"
seconds=${1:-10}
begin_stage "${FLAVOUR:-mariadb}"

say "twelve tables on the source"
{
  echo "CREATE DATABASE $source_db CHARACTER SET utf8mb4; USE $source_db;"
  echo "CREATE TABLE n (i INT AUTO_INCREMENT PRIMARY KEY, pad CHAR(200) NOT NULL);"
  echo "INSERT INTO n (pad) VALUES ('x'), ('y');"
  for _ in $(seq 15); do echo "INSERT INTO n (pad) SELECT SHA2(i, 512) FROM n;"; done
  for table in $(seq 12); do echo "CREATE TABLE t$table LIKE n; INSERT INTO t$table SELECT * FROM n;"; done
  for table in $(seq 300); do echo "CREATE TABLE s$table (i INT PRIMARY KEY); INSERT INTO s$table VALUES (1);"; done
  echo "DROP TABLE n;"
} | on_source
cat >"$work/mapping.yaml" <<YAML
version: 1
connections:
  - {name: production, host: 127.0.0.1, port: $source_port, username: root, database: $source_db,
     local_db_name: $target_db, max_connections: 20, throttle: none}
configs:
  # Small batches by INSERT take their time, and every one of them moves a gauge.
  - {name: twelve, connection: production, tables: [{match: "t*"}], options: {max_concurrency: 12, batch_size: 50, writer: insert}}
  - {name: small, connection: production, tables: [{match: "s*"}], options: {max_concurrency: 12}}
YAML
db_taxi -y mappings import "$work/mapping.yaml" >/dev/null

# pipe-pane gets every byte that the program writes.
open_terminal 120x40 --log-level debug
wait_for 'local'
terminal pipe-pane "cat >>'$work/bytes'"
program=
for pid in $(terminal display-message -p '#{pane_pid}'); do
  program=$(cat "/proc/$pid/task/$pid/children")
  program=${program%% *}
done
[ "$(cat "/proc/$program/comm")" = db-taxi ] || die "no db-taxi in the terminal"
ticks() { awk '{ sub(/.*\) /, ""); print $12 + $13 }' "/proc/$program/stat"; }
per_second=$(getconf CLK_TCK)
measure() { # WHAT
  local bytes spent
  : >"$work/bytes"
  spent=$(ticks)
  sleep "$seconds"
  bytes=$(stat -c %s "$work/bytes")
  spent=$(($(ticks) - spent))
  awk -v w="$1" -v b="$bytes" -v t="$spent" -v s="$seconds" -v hz="$per_second" \
    'BEGIN { printf "%-44s %9.0f bytes/s %7.2f %% of a core\n", w, b / s, 100 * t / hz / s }'
}

echo "db-taxi $(db_taxi --version | awk '{ print $2 }') at 120x40, $seconds s each"
for tab in '1 Connections' '2 Sync configs' '3 Jobs' '4 Logs'; do
  press "${tab%% *}" "${tab#* }"
  # What was asked for on showing the tab has come, and the words in the footer have gone.
  sleep 15
  measure "idle: tab $tab"
done
start() { # CONFIG
  press 2 'Sync configs'
  wait_for 'EQUAL AS OF'
  # What was filtered by before goes first.
  ! names_key q back || press q back
  press / filter
  type_text "$1"
  press enter 'keeps it'
  press s start
}
start twelve
wait_for 'twelve · production'
wait_for '█'
measure 'a job: twelve gauges'
wait_for '✓ completed' 600
press q back
start small
wait_for 'small · production'
press 4 Logs
wait_for 'completed config=small' 300
measure 'a job of 300 small tables: its log, followed'
