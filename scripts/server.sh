#!/usr/bin/env bash
# Runs a throw-away MySQL or MariaDB server, from nothing.
#
#   server.sh start DATA PORT [PROGRAM] [-- more server options]
#   server.sh stop  DATA      ends it cleanly (2 to 4 s)
#   server.sh kill  DATA      ends it at once, as a crash would
#
# DATA     a folder of its own; made and initialized when it is not there
# PORT     on the loopback address, 0 for any free one; DATA/port says which. The socket is DATA/sock
# PROGRAM  mysqld or mariadbd (default: mariadbd on the PATH); a wrapper of
#          fetch-server.sh works as it is
#
# start returns when the server answers. The account root has no password, on
# the socket and on the loopback address. Nothing in DATA survives a power cut:
# disks are never waited for. A killed server loses nothing: the kernel has every commit.
#
# SERVER_TEMPLATE=DIR  keeps a freshly initialized data folder in DIR and copies
#                      it for each later start (initializing is the slow part)
set -euo pipefail
. "$(dirname "$0")/common.sh"
[ $# -ge 2 ] || die "usage: server.sh start DATA PORT [PROGRAM] [-- options] | stop DATA | kill DATA"
verb=$1 data=$2; shift 2

mkdir -p "$data"
data=$(cd "$data" && pwd -P)

# The process of this very folder: a process id alone may belong to another by now.
alive() {
  pid=$(cat "$data/pid" 2>/dev/null) && [ -n "$pid" ] || return 1
  tr '\0' ' ' 2>/dev/null <"/proc/$pid/cmdline" | grep -qF -- "--datadir=$data/db "
}
end() { # SIGNAL
  alive || return 0
  # A frozen process takes no other signal than this one.
  kill -CONT "$pid" 2>/dev/null || true
  kill -"$1" "$pid" 2>/dev/null || return 0
  # A dying process loses its command line, then its first thread, and only with its
  # last thread the port: wait until it is gone, or nothing but an exit code.
  for _ in $(seq 1200); do
    [ -r "/proc/$pid/status" ] || return 0
    awk '/^State:/ { dead = $2 == "Z" } /^Threads:/ { n = $2 } END { exit !(dead && n <= 1) }' "/proc/$pid/status" 2>/dev/null && return 0
    sleep 0.05
  done
  die "process $pid does not end"
}

case $verb in
stop) end TERM; exit 0 ;;
kill) end KILL; rm -f "$data/pid" "$data/sock" "$data/sock.lock"; exit 0 ;;
start) ;;
*) die "unknown verb '$verb'" ;;
esac

wanted=${1:?server.sh: start needs a port}; shift
program=mariadbd
if [ $# -gt 0 ] && [ "$1" != -- ]; then program=$1; shift; fi
[ "${1:-}" != -- ] || shift

# A Unix socket's path has at most 107 bytes.
[ ${#data} -le 95 ] || die "the path $data is too long for a socket; use a shorter folder (TMPDIR)"
if alive; then exit 0; fi
version=$("$program" --no-defaults --version 2>&1) || die "$program does not run: $version"
case $version in *MariaDB*) kind=mariadb ;; *) kind=mysql ;; esac

as=()
[ "$(id -u)" != 0 ] || as=(--user=root)

# What a test server need not do: survive a power cut, or measure itself.
common=(--performance-schema=OFF --sync-binlog=0 --innodb-flush-log-at-trx-commit=2
  --innodb-buffer-pool-size=64M --innodb-flush-method="${SERVER_FLUSH:-nosync}" --skip-name-resolve)
case $kind in
  mysql)   common+=(--loose-innodb-redo-log-capacity=32M --innodb-doublewrite=OFF --mysqlx=OFF --secure-file-priv=NULL) ;;
  mariadb) common+=(--innodb-log-file-size=16M --innodb-doublewrite=0) ;;
esac

initialize() { # DIR
  local dir=$1
  case $kind in
    mysql)
      printf '%s\n' "CREATE USER root@'127.0.0.1';" "GRANT ALL ON *.* TO root@'127.0.0.1' WITH GRANT OPTION;" >"$data/init.sql"
      "$program" --no-defaults "${as[@]}" --datadir="$dir" "${common[@]}" --init-file="$data/init.sql" --initialize-insecure >"$data/init.log" 2>&1 ||
        { tail -n 20 "$data/init.log" >&2; die "initializing failed"; } ;;
    mariadb)
      local share name sql
      share=$("$program" --no-defaults --help --verbose 2>/dev/null | awk '$1 == "character-sets-dir" { print $2; exit }')
      share=${share%/charsets*}
      name=mariadb
      [ -r "$share/${name}_system_tables.sql" ] || name=mysql
      [ -r "$share/${name}_system_tables.sql" ] || die "no system tables beside $program ($share)"
      mkdir -p "$dir/mysql"
      { printf '%s\n' 'create database if not exists mysql;' 'use mysql;'
        # root without a password and without the unix_socket log-in.
        echo "set @auth_root_socket=NULL;"
        for sql in "${name}_system_tables" "${name}_performance_tables" "${name}_system_tables_data" maria_add_gis_sp_bootstrap "${name}_sys_schema"; do
          cat "$share/$sql.sql"
        done
      } | "$program" --no-defaults --bootstrap "${as[@]}" --datadir="$dir" "${common[@]}" \
            --enforce-storage-engine= --max-allowed-packet=8M --net-buffer-length=16K >"$data/init.log" 2>&1 ||
        { tail -n 20 "$data/init.log" >&2; die "initializing failed"; } ;;
  esac
}

if [ ! -d "$data/db/mysql" ]; then
  if [ -n "${SERVER_TEMPLATE:-}" ]; then
    mkdir -p "$SERVER_TEMPLATE"
    template=$(cd "$SERVER_TEMPLATE" && pwd -P)
    key=$(printf '%s' "$version" | cksum | cut -d' ' -f1)
    ready=$template/$kind-$key
    if [ ! -d "$ready" ]; then
      rm -rf "$ready.$$"
      initialize "$ready.$$"
      # Each copy makes its own: two servers with one identity could not replicate.
      rm -f "$ready.$$/auto.cnf"
      mv -T "$ready.$$" "$ready" 2>/dev/null || rm -rf "$ready.$$"
    fi
    rm -rf "$data/db.new"
    cp -a --reflink=auto --sparse=always "$ready" "$data/db.new"
    mv -T "$data/db.new" "$data/db"
  else
    rm -rf "$data/db.new"
    initialize "$data/db.new"
    mv -T "$data/db.new" "$data/db"
  fi
fi

launch() { # PORT; 0 when it answers, 1 when it ended, 2 when it is not ready in time
  rm -f "$data/sock" "$data/sock.lock" "$data/pid" "$data/error.log"
  "$program" --no-defaults "${as[@]}" --datadir="$data/db" --socket="$data/sock" --pid-file="$data/pid" \
    --port="$1" --bind-address=127.0.0.1 --tmpdir="$data" --log-error="$data/error.log" \
    --server-id="$1" "${common[@]}" "${options[@]}" </dev/null >"$data/out" 2>&1 &
  local child=$!
  disown "$child"
  local _
  for _ in $(seq 1200); do
    # The socket is the last thing either server opens; the log line says it answers.
    if [ -S "$data/sock" ] && grep -q 'ready for connections' "$data/error.log" 2>/dev/null; then return 0; fi
    kill -0 "$child" 2>/dev/null || return 1
    sleep 0.05
  done
  kill -KILL "$child" 2>/dev/null || true
  return 2
}
complain() {
  cat "$data/out" >&2
  [ ! -r "$data/error.log" ] || tail -n 30 "$data/error.log" >&2
  die "$1"
}

options=("$@")
for attempt in 1 2 3 4 5; do
  port=$wanted
  [ "$wanted" != 0 ] || port=$(free_port)
  rc=0
  launch "$port" || rc=$?
  case $rc in
    0) printf '%s\n' "$port" >"$data/port"; exit 0 ;;
    2) complain "the server is not ready after 60 s" ;;
  esac
  # Somebody else took the port between our asking for it and the server's binding it.
  [ "$wanted" = 0 ] && grep -qi 'address already in use' "$data/error.log" "$data/out" 2>/dev/null || break
  say "port $port was taken meanwhile (attempt $attempt)"
done
complain "the server ended while starting"
