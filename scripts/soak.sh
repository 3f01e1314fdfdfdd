#!/usr/bin/env bash
# Leaves the service alone with a writer and bad luck: two configs that run each minute, a random fault each
# minute, and at the end a comparison of everything by the program and by a judge that uses none of its code.
#
#   soak.sh DURATION [--seed N] [--rows N] [--faults 'kill freeze …']      DURATION: 90s, 30m, 2h
#
# Faults: kill (SIGKILL of the service; it is started again, as systemd would), term (SIGTERM, likewise),
# freeze (SIGSTOP for 8 to 20 s, longer than its leases last), cut (the way to the source takes nothing for 8 to
# 20 s), drop (its connections break), source and local (that server is stopped and started again), settings
# (the file is changed, broken, mended). Each minute prints what the service uses. It fails on a difference, a
# helper table that is left, jobs beyond their retention, and growth of memory, descriptors or connections.
#
# DB_TAXI_BIN as for demo.sh. SOAK_LOG=FILE keeps the log of the service. Needs python3 for the way to the source.
set -euo pipefail
. "$(dirname "$0")/stage.sh"

usage() { die "usage: soak.sh DURATION [--seed N] [--rows N] [--faults 'kill freeze …']"; }
seed=$RANDOM rows=20000 faults='kill term freeze cut drop source local settings'
[ $# -ge 1 ] || usage
case $1 in
  *s) duration=${1%s} ;; *m) duration=$((${1%m} * 60)) ;; *h) duration=$((${1%h} * 3600)) ;; *) usage ;;
esac
[ "$duration" -gt 0 ] 2>/dev/null || usage
shift
while [ $# -gt 0 ]; do
  case $1 in
    --seed) seed=${2:?} ;; --rows) rows=${2:?} ;; --faults) faults=${2:?} ;; *) usage ;;
  esac
  shift 2
done
export DEMO_ROWS=$rows BUFFER_POOL=${BUFFER_POOL:-128M}
have python3 || die "no python3"
RANDOM=$seed
retention=4 # minutes

begin_stage mariadb
say "filling the source"
load_shop

# --- the way to the source: may take nothing for a while, or break -------------------------------

cat >"$work/way.py" <<'PYTHON'
import asyncio, sys
target, port_file = int(sys.argv[1]), sys.argv[2]

async def pump(reader, writer):
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()

async def connect(reader, writer):
    try:
        there, back = await asyncio.open_connection("127.0.0.1", target)
    except OSError:
        writer.close()
        return
    await asyncio.gather(pump(reader, back), pump(there, writer))

async def main():
    port = int(sys.argv[3]) if len(sys.argv) > 3 else 0
    server = await asyncio.start_server(connect, "127.0.0.1", port)
    with open(port_file, "w") as file:
        file.write(str(server.sockets[0].getsockname()[1]))
    await server.serve_forever()

asyncio.run(main())
PYTHON
way_port=
start_way() {
  rm -f "$work/way.port"
  python3 "$work/way.py" "$source_port" "$work/way.port" ${way_port:+"$way_port"} 2>>"$work/way.log" &
  way=$!
  kill_later+=("$way")
  for _ in $(seq 200); do [ -s "$work/way.port" ] && break; sleep 0.05; done
  way_port=$(cat "$work/way.port")
}
start_way

# --- settings, configs, the service --------------------------------------------------------------

cat >>"$home/config.yaml" <<YAML
server:
  port: $(free_port)
  shutdown_timeout: 10s
YAML
sed -i "s/^sync:/sync:\n  cleanup_age: ${retention}m\n  retry_delay: 1s\n  health_interval: 10s/" "$home/config.yaml"
cp "$home/config.yaml" "$work/settings"
connection() { # NAME DATABASE
  printf '  - {name: %s, host: 127.0.0.1, port: %s, username: root, database: %s, local_db_name: %s}\n' "$1" "$way_port" "$source_db" "$2"
}
cat >"$work/mapping.yaml" <<YAML
version: 1
connections:
$(connection whole "$target_db")
$(connection often shop_often)
configs:
  - {name: whole, connection: whole, tables: "*", schedule: "* * * * *", options: {allow_empty_source: true, max_delete_percent: 100}}
  - {name: often, connection: often, sync_mode: incremental, schedule: "* * * * *", tables: "*", options: {allow_empty_source: true, max_delete_percent: 100}}
YAML
db_taxi -y -q mappings import "$work/mapping.yaml"

log=${SOAK_LOG:-$work/service.log}
: >"$log"
start_service() {
  env -u DBT_CONFIG HOME="$home" XDG_CONFIG_HOME="$home" "$taxi" --config "$home/config.yaml" --headless >>"$log" 2>&1 &
  service=$!
  kill_later+=("$service")
}
start_service

# The writer; a source that is away is tried again.
(
  n=0
  while :; do
    n=$((n + 1))
    bash "$scripts/shop.sh" trickle "$source_db" "$n" | on_source >/dev/null 2>&1 || true
    sleep 0.3
  done
) &
writer=$!
kill_later+=("$writer")

# --- faults ----------------------------------------------------------------------------------------

server() { # source|local kill|stop: ended and started again with the same arguments
  local data=$work/servers/mariadb-$1 pid args ask=on_$1
  pid=$(cat "$data/pid")
  mapfile -d '' -t args <"/proc/$pid/cmdline"
  bash "$scripts/server.sh" "$2" "$data"
  sleep $((RANDOM % 8))
  rm -f "$data/sock" "$data/sock.lock" "$data/pid"
  "${args[@]}" </dev/null >>"$data/out" 2>&1 &
  # Its end is no news.
  disown $!
  for _ in $(seq 600); do "$ask" -e 'DO 1' 2>/dev/null && return; sleep 0.1; done
  die "the $1 server does not come back"
}
again() { # TERM|KILL
  kill -"$1" "$service" 2>/dev/null || true
  wait "$service" 2>/dev/null || true
  sleep $((RANDOM % 4))
  start_service
}
declare -A counted=()
fault() { # KIND
  counted[$1]=$((${counted[$1]:-0} + 1))
  case $1 in
    kill) again KILL ;;
    term) again TERM ;;
    freeze) kill -STOP "$service"; sleep $((8 + RANDOM % 13)); kill -CONT "$service" ;;
    cut) kill -STOP "$way"; sleep $((8 + RANDOM % 13)); kill -CONT "$way" ;;
    drop) kill -KILL "$way"; wait "$way" 2>/dev/null || true; sleep $((RANDOM % 5)); start_way ;;
    source | local) server "$1" "$([ $((RANDOM % 2)) = 0 ] && echo kill || echo stop)" ;;
    settings)
      sed 's/retry_delay: 1s/retry_delay: 2s/' "$work/settings" >"$home/config.yaml"; sleep 3
      head -c 40 "$work/settings" >"$home/config.yaml"; sleep 3
      cp "$work/settings" "$home/config.yaml" ;;
    *) die "no fault '$1'" ;;
  esac
}

# --- what it uses -----------------------------------------------------------------------------------

sessions="SELECT COUNT(*) FROM information_schema.processlist WHERE user = 'root' AND id <> CONNECTION_ID() AND command <> 'Binlog Dump'"
number() { "$@" 2>/dev/null || echo -1; }
count() { number on_local -e "SELECT COUNT(*) FROM $control_db.$1"; }
printf '%s\n' 'minute  rss_MiB  fds  threads  local_sessions  source_sessions  jobs  runs  ranges  leases  logs  helpers  fault'
: >"$work/measured"
measure() { # MINUTE FAULT
  local rss fds threads local source helpers
  rss=$(awk '/^VmRSS/ { print int($2 / 1024) }' "/proc/$service/status" 2>/dev/null || echo 0)
  threads=$(awk '/^Threads/ { print $2 }' "/proc/$service/status" 2>/dev/null || echo 0)
  fds=$(find "/proc/$service/fd" -mindepth 1 2>/dev/null | wc -l || echo 0)
  local=$(number on_local -e "$sessions") source=$(number on_source -e "$sessions")
  helpers=$(number on_local -e "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema LIKE '\\_dbtaxi%'")
  printf '%6s  %7s  %3s  %7s  %14s  %15s  %4s  %4s  %6s  %6s  %5s  %7s  %s\n' "$1" "${rss:-0}" "$fds" "${threads:-0}" "$local" "$source" \
    "$(count sync_jobs)" "$(count sync_table_runs)" "$(count sync_ranges)" "$(count sync_leases)" "$(count sync_logs)" "$helpers" "$2" | tee -a "$work/measured"
}

# --- the time that it is left alone ---------------------------------------------------------------

read -r -a kinds <<<"$faults"
begin=$SECONDS minute=0
while [ $((SECONDS - begin)) -lt "$duration" ]; do
  next=$((begin + (minute + 1) * 60))
  # At any moment of the minute.
  sleep $((5 + RANDOM % 30))
  kind=${kinds[RANDOM % ${#kinds[@]}]}
  fault "$kind"
  kill -0 "$service" 2>/dev/null || { tail -n 30 "$log" >&2; die "the service has ended by itself after '$kind'"; }
  left=$((next - SECONDS))
  [ "$left" -le 0 ] || sleep "$left"
  minute=$((minute + 1))
  measure "$minute" "$kind"
done

# --- the judgement --------------------------------------------------------------------------------

say "the writer ends; what is under way may end, then each config runs once more"
kill "$writer" 2>/dev/null || true
wait "$writer" 2>/dev/null || true
for config in whole often; do db_taxi -q configs disable "$config"; done
for _ in $(seq 300); do
  [ "$(on_local -e "SELECT COUNT(*) FROM $control_db.sync_jobs WHERE state IN ('pending', 'running')")" = 0 ] && break
  sleep 1
done
for config in whole often; do
  db_taxi -q configs enable "$config"
  db_taxi -q run "$config" || die "the last run of $config ended with $?"
done
problems=()
db_taxi -q verify whole often || problems+=("verify found differences")
for target_db in shop_copy shop_often; do
  judge || problems+=("$target_db differs by the independent judge")
done
states=$(on_local -e "SELECT GROUP_CONCAT(CONCAT(n, ' ', state) ORDER BY state SEPARATOR ', ') FROM (SELECT state, COUNT(*) AS n FROM $control_db.sync_jobs GROUP BY state) AS s")
left=$(leftovers)
[ -z "$left" ] || problems+=("left over: ${left//$'\n'/ }")
old=$(on_local -e "SELECT COUNT(*) FROM $control_db.sync_jobs WHERE finished_at < UTC_TIMESTAMP() - INTERVAL $((retention + 3)) MINUTE")
[ "$old" = 0 ] || problems+=("$old jobs are older than they may be")
grep -a '"level":"ERROR"\|panicked' "$log" | grep -av 'settings' | tail -n 3 >"$work/errors" || true
! grep -aq panicked "$work/errors" || problems+=("a panic: $(cat "$work/errors")")
# The last third against the first: what is used goes up and down with the jobs, but does not creep.
grows() { # COLUMN NAME SLACK
  local verdict
  verdict=$(awk -v c="$1" -v slack="$3" '
    { value[NR] = $c }
    END {
      third = int(NR / 3); if (third < 2) exit
      for (i = 1; i <= third; i++) if (value[i] > first) first = value[i]
      for (i = NR - third + 1; i <= NR; i++) if (value[i] > last) last = value[i]
      if (last > first * 1.5 + slack) printf "%s -> %s", first, last
    }' "$work/measured")
  [ -z "$verdict" ] || problems+=("$2 grows: $verdict")
}
grows 2 'memory (MiB)' 32
grows 3 'file descriptors' 16
grows 4 threads 8
grows 5 'sessions on the local server' 10
grows 6 'sessions on the source' 10
grows 9 'rows of sync_ranges' 300
grows 10 'rows of sync_leases' 50
kill -TERM "$service" 2>/dev/null || true
rc=0
wait "$service" || rc=$?
[ "$rc" = 143 ] || problems+=("the service ended with $rc after SIGTERM")
sleep 1
gone=$(on_local -e "$sessions")
[ "$gone" -le 1 ] || problems+=("$gone sessions are left on the local server")

told=
for kind in "${!counted[@]}"; do told+="${counted[$kind]} $kind, "; done
echo "soak: $minute minutes, seed $seed, faults: ${told%, }; jobs kept: $states"
if [ ${#problems[@]} -gt 0 ]; then
  printf 'FAILED: %s\n' "${problems[@]}"
  exit 1
fi
echo "soak: 0 differences by verify and by an independent judge, nothing left over, no growth"
