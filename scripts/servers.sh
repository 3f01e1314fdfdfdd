#!/usr/bin/env bash
# The servers that tests, demo and benchmarks use: a source and a local server of each flavour.
#
#   servers.sh up   DIR [mariadb|mysql]...   fetches what is missing, starts, writes DIR/servers.env
#   servers.sh down DIR                      stops all of them, by process id
#
# DIR must not be in the repository and needs a short path (sockets). Ports are free ones of the
# loopback address. DIR/servers.env is read by shells (`. DIR/servers.env`) and by the tests
# (DB_TAXI_TEST_SERVERS=DIR/servers.env). A flavour that can't be had is named there as
# MYSQL_MISSING or MARIADB_MISSING with the reason; `up` fails only when none is left.
#
# DB_TAXI_FETCH=0   never downloads: uses what is installed or cached
# DB_TAXI_MARIADB, DB_TAXI_MYSQL   folder of an unpacked server (see fetch-server.sh), filled if empty
# BUFFER_POOL=128M  of each server
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd -P)
. "$here/common.sh"
[ $# -ge 2 ] || die "usage: servers.sh up DIR [mariadb|mysql]... | down DIR"
verb=$1 dir=$2; shift 2

down() {
  local server
  for server in "$dir"/mariadb-source "$dir"/mariadb-local "$dir"/mysql-source "$dir"/mysql-local; do
    [ -d "$server" ] && { bash "$here/server.sh" stop "$server" & }
  done
  wait
}
case $verb in
  down) [ -d "$dir" ] || exit 0; dir=$(cd "$dir" && pwd -P); down; exit 0 ;;
  up) ;;
  *) die "unknown verb '$verb'" ;;
esac

mkdir -p "$dir"
dir=$(cd "$dir" && pwd -P)
flavours=${*:-mariadb mysql}
export SERVER_TEMPLATE=${SERVER_TEMPLATE:-$cache/templates}

# A MySQL that somebody installed, where none can be fetched.
installed_mysql() { # FLAVOUR
  [ "$1" = mysql ] && program=$(PATH=$PATH:/usr/sbin:/usr/local/sbin command -v mysqld) || return 1
  case $("$program" --no-defaults --version 2>&1) in *MariaDB*) return 1 ;; esac
  have mysql && have mysqldump && have mysqlbinlog || return 1
  client=$(command -v mysql) dump=$(command -v mysqldump) binlog=$(command -v mysqlbinlog)
}

# Sets program, client, dump, binlog of a flavour; fails with a reason in $why.
find_programs() { # FLAVOUR
  local folder output
  case $1 in
    mariadb)
      # Debian keeps servers in sbin, which is not on everybody's PATH.
      if [ -z "${DB_TAXI_MARIADB:-}" ] && program=$(PATH=$PATH:/usr/sbin:/usr/local/sbin command -v mariadbd) && have mariadb && have mariadb-dump && have mariadb-binlog; then
        client=$(command -v mariadb) dump=$(command -v mariadb-dump) binlog=$(command -v mariadb-binlog)
        return 0
      fi
      folder=${DB_TAXI_MARIADB:-$cache/mariadb}
      set -- mariadbd mariadb mariadb-dump mariadb-binlog ;;
    mysql)
      folder=${DB_TAXI_MYSQL:-$cache/mysql}
      set -- mysqld mysql mysqldump mysqlbinlog ;;
    *) die "unknown flavour '$1' (mariadb or mysql)" ;;
  esac
  if [ ! -s "$folder/STAMP" ]; then
    [ "${DB_TAXI_FETCH:-1}" != 0 ] || {
      why="not in $folder, and DB_TAXI_FETCH=0 forbids downloads"
      installed_mysql "$folder_kind"
      return
    }
    say "fetching $1 into $folder (once)"
    mkdir -p "$folder"
    if ! output=$(bash "$here/fetch-server.sh" "${folder_kind:?}" "$folder" 2>&1); then
      printf '%s\n' "$output" >&2
      why=$(printf '%s\n' "$output" | tail -n 1)
      installed_mysql "$folder_kind"
      return
    fi
  fi
  program=$folder/bin/$1 client=$folder/bin/$2 dump=$folder/bin/$3 binlog=$folder/bin/$4
}

started=()
trap 'rc=$?; if [ $rc != 0 ]; then down; fi; exit $rc' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

quoted() { printf "'%s'" "${1//\'/\'\\\'\'}"; }
launch() { # FLAVOUR ROLE PROGRAM: one server
  local more=(--log-bin=binlog --binlog-format=ROW --local-infile=ON --max-allowed-packet=128M
    --innodb-buffer-pool-size="${BUFFER_POOL:-128M}" --max-connections=400 --character-set-server=utf8mb4)
  # Old binlogs are the bulk of a long run's disk use; a test that needs them reads them at once.
  [ "$1" = mariadb ] || more+=(--gtid-mode=ON --enforce-gtid-consistency=ON --loose-innodb-redo-log-capacity=256M)
  [ "$1" != mariadb ] || more+=(--innodb-log-file-size=128M)
  bash "$here/server.sh" start "$dir/$1-$2" 0 "$3" -- "${more[@]}"
}

env=$dir/servers.env
: >"$env.new"
for flavour in $flavours; do
  upper=${flavour^^} folder_kind=$flavour why=
  if ! find_programs "$flavour"; then
    say "NO $flavour SERVER: $why"
    printf '%s_MISSING=%s\n' "$upper" "$(quoted "$why")" >>"$env.new"
    continue
  fi
  say "starting $flavour: $("$program" --no-defaults --version 2>&1 | sed 's/.*Ver /Ver /')"
  # The first start makes the data folder that the second one copies.
  launch "$flavour" source "$program"
  launch "$flavour" local "$program"
  {
    for name in program client dump binlog; do printf '%s_%s=%s\n' "$upper" "${name^^}" "$(quoted "${!name}")"; done
    for role in source local; do
      data=$dir/$flavour-$role
      printf '%s_%s_DATA=%s\n' "$upper" "${role^^}" "$(quoted "$data")"
      printf '%s_%s_PORT=%s\n' "$upper" "${role^^}" "$(cat "$data/port")"
      printf '%s_%s_PID=%s\n' "$upper" "${role^^}" "$(cat "$data/pid")"
    done
  } >>"$env.new"
  started+=("$flavour")
done
[ ${#started[@]} -gt 0 ] || die "no server could be started"
{
  printf 'SERVER_TEMPLATE=%s\n' "$(quoted "$SERVER_TEMPLATE")"
  printf 'SERVER_SCRIPT=%s\n' "$(quoted "$here/server.sh")"
} >>"$env.new"
mv "$env.new" "$env"
say "servers are up: ${started[*]} ($env)"
