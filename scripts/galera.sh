#!/usr/bin/env bash
# A throw-away Galera cluster of three MariaDB nodes on the loopback address.
#
#   galera.sh up   DIR    starts it, writes DIR/galera.env (GALERA_<n>_PORT, _PID, _DATA for n = 1 to 3)
#   galera.sh down DIR    stops all nodes, by process id
#
# DIR must not be in the repository and needs a short path (sockets). The provider library is the
# installed one, else the package galera-4 of this machine's own archive, unpacked into the cache
# folder; nothing is installed. Where it can't be had, `up` says why and ends with 3.
#
# All nodes begin from the same data and the same saved state, so that none has to be copied to
# another one when it joins.
#
# DB_TAXI_FETCH=0   never downloads
# DB_TAXI_GALERA    path of libgalera_smm.so
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd -P)
. "$here/common.sh"
[ $# -eq 2 ] || die "usage: galera.sh up DIR | down DIR"
verb=$1 dir=$2

down() {
  local n
  # One after the other: each hands over in order.
  for n in 3 2 1; do
    [ -d "$dir/node$n" ] && bash "$here/server.sh" stop "$dir/node$n"
  done
  return 0
}
case $verb in
  down) [ -d "$dir" ] || exit 0; dir=$(cd "$dir" && pwd -P); down; exit 0 ;;
  up) ;;
  *) die "unknown verb '$verb'" ;;
esac
cannot() { printf '%s: NO GALERA CLUSTER: %s\n' "${0##*/}" "$*" >&2; exit 3; }

provider() {
  local file
  for file in "${DB_TAXI_GALERA:-}" /usr/lib/galera/libgalera_smm.so /usr/lib/*/galera/libgalera_smm.so \
              /usr/lib64/galera-4/libgalera_smm.so "$cache"/galera/usr/lib/galera/libgalera_smm.so; do
    [ -n "$file" ] && [ -r "$file" ] && { printf '%s' "$file"; return; }
  done
  [ "${DB_TAXI_FETCH:-1}" != 0 ] || { echo 'the library is not installed, and DB_TAXI_FETCH=0 forbids downloads' >&2; return 1; }
  have apt-get && have dpkg-deb || { echo 'the library is not installed, and this is no Debian or Ubuntu machine' >&2; return 1; }
  mkdir -p "$cache/galera.new"
  (cd "$cache/galera.new" && apt-get -qq download galera-4 >&2 && dpkg-deb -x galera-4_*.deb .) || return 1
  rm -rf "$cache/galera"
  mv "$cache/galera.new" "$cache/galera"
  file=$cache/galera/usr/lib/galera/libgalera_smm.so
  [ -r "$file" ] && printf '%s' "$file"
}
program=$(PATH=$PATH:/usr/sbin:/usr/local/sbin command -v mariadbd) || cannot "no mariadbd on the PATH"
case $("$program" --no-defaults --version 2>&1) in *MariaDB*) ;; *) cannot "$program is no MariaDB" ;; esac
library=$(provider) || cannot "no galera-4"

mkdir -p "$dir"
dir=$(cd "$dir" && pwd -P)
export SERVER_TEMPLATE=${SERVER_TEMPLATE:-$cache/templates}
trap 'rc=$?; if [ $rc != 0 ]; then down; fi; exit $rc' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# What a node does to be sent the state it lacks: nothing, since it has the data. What happened since
# (that nodes joined) comes to it by itself.
mkdir -p "$dir/bin"
cat >"$dir/bin/wsrep_sst_none_needed" <<'SST'
#!/bin/sh
while [ $# -gt 0 ]; do
  case $1 in
    --role) role=$2 ;;
    --gtid) gtid=$2 ;;
  esac
  shift
done
case $role in
  joiner)
    echo "ready 127.0.0.1"
    # The server knows its position itself.
    echo 00000000-0000-0000-0000-000000000000:-1 ;;
  donor) echo "done $gtid" ;;
esac
SST
chmod 755 "$dir/bin/wsrep_sst_none_needed"
export PATH=$dir/bin:$PATH

name=taxi-$(head -c 4 /proc/sys/kernel/random/uuid)-$$
node() { # NUMBER MEMBERS
  local port ist
  port=$(free_port) ist=$(free_port)
  bash "$here/server.sh" start "$dir/node$1" 0 "$program" -- \
    --wsrep-on=ON --wsrep-provider="$library" --wsrep-cluster-name="$name" --wsrep-cluster-address="gcomm://$2" \
    --wsrep-node-name="node$1" --wsrep-node-address=127.0.0.1 --wsrep-sst-method=none_needed --wsrep-slave-threads=2 \
    --wsrep-provider-options="gmcast.listen_addr=tcp://127.0.0.1:$port;ist.recv_addr=127.0.0.1:$ist;gcache.size=64M" \
    --binlog-format=ROW --innodb-autoinc-lock-mode=2 --local-infile=ON --max-allowed-packet=128M --max-connections=300 \
    --character-set-server=utf8mb4
  members=$2${2:+,}127.0.0.1:$port
}
if [ ! -d "$dir/node3/db" ]; then
  # A cluster of one leaves the state behind that all begin with.
  node 1 ''
  bash "$here/server.sh" stop "$dir/node1"
  for n in 2 3; do
    mkdir -p "$dir/node$n"
    cp -a --reflink=auto --sparse=always "$dir/node1/db" "$dir/node$n/db"
    rm -f "$dir/node$n/db/gvwstate.dat"
  done
fi
members=
for n in 1 2 3; do node "$n" "$members"; done
{
  for n in 1 2 3; do
    printf 'GALERA_%s_DATA=%s\nGALERA_%s_PORT=%s\nGALERA_%s_PID=%s\n' "$n" "$dir/node$n" "$n" "$(cat "$dir/node$n/port")" "$n" "$(cat "$dir/node$n/pid")"
  done
} >"$dir/galera.env.new"
mv "$dir/galera.env.new" "$dir/galera.env"
say "a Galera cluster of three nodes is up ($dir/galera.env)"
