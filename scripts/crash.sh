#!/usr/bin/env bash
# Kills db-taxi (SIGKILL) at random moments of a copy of a million rows, resumes it each time, by
# turns from one of two installations, and judges the result by none of its code.
#
#   crash.sh [--flavour mariadb|mysql] [--kills 20] [--seed 1]
#
# The moments are the same for the same seed. A copy that ends before its turn to be killed starts
# again from nothing. DEMO_ROWS, DB_TAXI_BIN: as for demo.sh.
set -euo pipefail
. "$(dirname "$0")/stage.sh"

flavour=mariadb kills=20 seed=1
while [ $# -gt 0 ]; do
  case $1 in
    --flavour) flavour=${2:?} ;;
    --kills) kills=${2:?} ;;
    --seed) seed=${2:?} ;;
    *) die "usage: crash.sh [--flavour mariadb|mysql] [--kills N] [--seed N]" ;;
  esac
  shift 2
done

begin_stage "$flavour" 2
say "filling the source"
load_shop
import_mapping >/dev/null

say "one copy without a kill, to know how long it takes"
start=$(now)
db_taxi -q run shop
length=$(since "$start")
say "$shop_rows rows in $length s; seed $seed"
again() { on_local -e "DROP DATABASE IF EXISTS $target_db"; }
again

sessions="SELECT COUNT(*) FROM information_schema.processlist WHERE user = 'root' AND id <> CONNECTION_ID()"
RANDOM=$seed
killed=0 ended=0
while [ "$killed" -lt "$kills" ]; do
  home=$work/home$((1 + killed % 2))
  # Anywhere in a whole copy, so that late steps are hit too although each start goes on.
  moment=$(awk -v r="$RANDOM" -v l="$length" 'BEGIN { printf "%.2f", 0.05 + l * r / 32768 }')
  env -u DBT_CONFIG HOME="$home" XDG_CONFIG_HOME="$home" "$taxi" --config "$home/config.yaml" --log-level warn run shop >"$work/run.log" 2>&1 &
  pid=$!
  kill_later=("$pid")
  # The clock starts with the first session on the source: before, the start waits for the lease of
  # the process that was killed.
  while kill -0 "$pid" 2>/dev/null && [ "$(on_source -e "$sessions")" = 0 ]; do sleep 0.02; done
  end=$(awk -v a="$(now)" -v m="$moment" 'BEGIN { printf "%.3f", a + m }')
  while kill -0 "$pid" 2>/dev/null && awk -v a="$(now)" -v e="$end" 'BEGIN { exit !(a < e) }'; do sleep 0.02; done
  if kill -KILL "$pid" 2>/dev/null; then
    wait "$pid" 2>/dev/null || true
    killed=$((killed + 1))
    printf '  kill %2d after %5s s\n' "$killed" "$moment"
  else
    rc=0
    wait "$pid" || rc=$?
    [ "$rc" = 0 ] || { cat "$work/run.log" >&2; die "a resumed run ended with $rc"; }
    judge || die "a resumed copy is not equal"
    ended=$((ended + 1))
    again
  fi
done

say "the last start goes on to the end"
rc=0
db_taxi --log-level warn run shop || rc=$?
[ "$rc" = 0 ] || die "the last run ended with $rc"
judge || die "the copy is not equal"
left=$(leftovers)
[ -z "$left" ] || die "left over: $left"
db_taxi -q verify shop || die "verify found differences"
echo "crash: $killed kills, $((ended + 1)) copies of $shop_rows rows ended, all equal by an independent judge, nothing left over"
