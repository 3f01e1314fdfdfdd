#!/usr/bin/env bash
# Shows DB-Taxi at work on two private servers: a shop of eleven tables and a million rows on the
# source, copied and kept equal on the local server.
#
#   demo.sh                      the dashboard, with a job running and a writer changing the source
#   demo.sh --headless           without a terminal: copy, change, bring over, verify, compare; a
#                                summary at the end, exit 0 when everything held
#   demo.sh … --flavour mysql    MySQL instead of MariaDB
#
# DEMO_ROWS=1000000  rows in the shop; DEMO_WORKERS=4 workers of a job; DB_TAXI_BIN=PATH uses a
# program that is built already. Needs nothing but Rust and a Debian or Ubuntu machine.
set -euo pipefail
. "$(dirname "$0")/stage.sh"

headless=0 flavour=mariadb
while [ $# -gt 0 ]; do
  case $1 in
    --headless) headless=1 ;;
    --flavour) flavour=${2:-}; shift ;;
    *) die "usage: demo.sh [--headless] [--flavour mariadb|mysql]" ;;
  esac
  shift
done
case $flavour in mariadb|mysql) ;; *) die "flavour is mariadb or mysql" ;; esac
if [ $headless = 0 ] && ! [ -t 1 ]; then
  say "no terminal: use scripts/demo.sh --headless"
  exit 2
fi

begin_stage "$flavour"
say "filling the source with ${DEMO_ROWS:-1000000} rows"
start=$(now)
load_shop
say "$(wc -l <"$work/tables") tables, $shop_rows rows in $(since "$start") s"
import_mapping >/dev/null

if [ $headless = 0 ]; then
  writer() {
    local n=0
    while bash "$scripts/shop.sh" trickle "$source_db" $n | on_source >/dev/null 2>&1; do n=$((n + 1)); sleep 0.3; done
  }
  writer &
  kill_later+=($!)
  db_taxi jobs start shop >/dev/null
  # Opens with the job that waits in the queue; ends with q.
  db_taxi
  exit
fi

failures=()
held() { if [ "$1" = 0 ]; then printf '  ok      %s\n' "$2"; else printf '  FAILED  %s\n' "$2"; failures+=("$2"); fi; }
step() { # NAME COMMAND...: sets $took and $rc
  local start; start=$(now)
  rc=0
  shift
  "$@" || rc=$?
  took=$(since "$start")
}

say "run 1: everything is copied"
step 1 db_taxi --log-level warn run shop; took1=$took rc1=$rc
say "a writer changes some thousand rows"
bash "$scripts/shop.sh" change "$source_db" 7 | on_source
say "run 2: what changed is found by comparison and brought over"
before2=$(binlog_end)
step 2 db_taxi --log-level warn run shop; took2=$took rc2=$rc
events2=$(target_events "$before2")
say "run 3: nothing changed"
before3=$(binlog_end)
step 3 db_taxi --log-level warn run shop; took3=$took rc3=$rc
events3=$(target_events "$before3")
say "verify"
step v db_taxi --log-level warn verify shop; tookv=$took rcv=$rc
say "an independent comparison: every value as hex, by the servers' own client"
step j judge; rcj=$rc
left=$(leftovers)
db_taxi status >"$work/status" || true

echo
echo "DB-Taxi demo on $flavour: $(wc -l <"$work/tables") tables, $shop_rows rows"
printf '  run 1 (copy)              %8s s   %s rows/s\n' "$took1" "$(awk -v r="$shop_rows" -v t="$took1" 'BEGIN { printf "%d", r / t }')"
printf '  run 2 (after changes)     %8s s   %s%% of run 1, %s changes written\n' "$took2" "$(awk -v a="$took2" -v b="$took1" 'BEGIN { printf "%d", 100 * a / b }')" "$events2"
printf '  run 3 (nothing changed)   %8s s   %s changes written\n' "$took3" "$events3"
printf '  verify                    %8s s\n' "$tookv"
echo
held "$rc1" "run 1 completed"
held "$rc2" "run 2 completed"
held "$((events2 == 0))" "run 2 wrote what had changed ($events2 row events on the target's tables)"
held "$(awk -v a="$took2" -v b="$took1" 'BEGIN { print !(a < b * 0.7) }')" "run 2 took a fraction of run 1's time"
held "$rc3" "run 3 completed"
held "$((events3 != 0))" "run 3 wrote no event on the target's tables"
held "$rcv" "verify found no difference"
held "$rcj" "source and target are equal by an independent judge: values in hex, as multisets, and definitions"
held "$([ -z "$left" ]; echo $?)" "no helper table or database is left over${left:+: $left}"
echo
if [ ${#failures[@]} -gt 0 ]; then
  echo "demo: ${#failures[@]} of the above did not hold"
  exit 1
fi
echo "demo: everything held"
