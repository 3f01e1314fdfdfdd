# What demo.sh and crash.sh share; sourced. Private servers, a sample shop on the source, an
# installation of db-taxi on the local server, and a judge that uses none of its code.
#
# begin_stage FLAVOUR [HOMES]  makes $work, starts the servers, sets $source_port, $local_port,
#                              $client, $binlog, finds or builds the program
# Everything is stopped by process id and $work removed at the end, whatever happens.

. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
scripts=$repository/scripts
source_db=shop target_db=shop_copy control_db=db_taxi

kill_later=()
end_stage() {
  local rc=$? pid
  trap - EXIT INT TERM HUP
  for pid in "${kill_later[@]}"; do kill "$pid" 2>/dev/null && wait "$pid" 2>/dev/null || true; done
  bash "$scripts/servers.sh" down "$work/servers" || true
  if [ "$rc" != 0 ] && [ -d "$work/home1/logs" ]; then
    say "logs of the program:"
    tail -n 15 "$work"/home*/logs/* >&2 || true
  fi
  rm -rf "$work"
  exit "$rc"
}

begin_stage() { # FLAVOUR [HOMES]
  local flavour=$1 homes=${2:-1} upper=${1^^} name
  work=$(mktemp -d "${TMPDIR:-/tmp}/taxi-demo.XXXXXX")
  trap end_stage EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM
  trap 'exit 129' HUP
  taxi=${DB_TAXI_BIN:-}
  if [ -z "$taxi" ]; then
    have cargo || PATH=$PATH:${CARGO_HOME:-${HOME:-/root}/.cargo}/bin
    have cargo || die "no cargo: install Rust from https://rustup.rs"
    say "building db-taxi (cargo build --release)"
    (cd "$repository" && cargo build --release --locked) >&2
    taxi=${CARGO_TARGET_DIR:-$repository/target}/release/db-taxi
  fi
  BUFFER_POOL=${BUFFER_POOL:-512M} bash "$scripts/servers.sh" up "$work/servers" "$flavour"
  # shellcheck disable=SC1091
  . "$work/servers/servers.env"
  for name in CLIENT BINLOG; do declare -g "${name,,}=$(eval "printf '%s' \"\$${upper}_$name\"")"; done
  for name in SOURCE LOCAL; do declare -g "${name,,}_port=$(eval "printf '%s' \"\$${upper}_${name}_PORT\"")"; done
  for name in $(seq "$homes"); do install_home "$work/home$name"; done
  home=$work/home1
}

# An installation: settings and folders. All share one key, as instances of one control database do.
install_home() { # DIR
  mkdir -p "$1"
  cat >"$1/config.yaml" <<YAML
database:
  host: 127.0.0.1
  port: $local_port
  username: root
  database: $control_db
sync:
  lease_ttl: 5s
logging:
  directory: $1/logs
security:
  key_file: $work/secret.key
YAML
}

on_source() { "$client" --no-defaults -h127.0.0.1 -uroot -P"$source_port" --default-character-set=utf8mb4 -N -B --raw "$@"; }
on_local() { "$client" --no-defaults -h127.0.0.1 -uroot -P"$local_port" --default-character-set=utf8mb4 -N -B --raw "$@"; }
# The program, in the current $home, without the caller's own settings.
db_taxi() { env -u DBT_CONFIG HOME="$home" XDG_CONFIG_HOME="$home" "$taxi" --config "$home/config.yaml" "$@"; }

load_shop() {
  bash "$scripts/shop.sh" create "$source_db" | on_source
  on_source -e "SELECT table_name FROM information_schema.tables WHERE table_schema = '$source_db' AND table_type = 'BASE TABLE' ORDER BY 1" >"$work/tables"
  shop_rows=0
  local table
  while read -r table; do
    shop_rows=$((shop_rows + $(on_source -e "SELECT COUNT(*) FROM $source_db.$table" </dev/null)))
  done <"$work/tables"
}

import_mapping() {
  cat >"$work/mapping.yaml" <<YAML
version: 1
connections:
  - name: production
    host: 127.0.0.1
    port: $source_port
    username: root
    database: $source_db
    local_db_name: $target_db
configs:
  - name: shop
    connection: production
    tables: "*"
    options: {max_concurrency: ${DEMO_WORKERS:-4}}
YAML
  db_taxi -y mappings import "$work/mapping.yaml"
}

# --- the judge: the servers' own client, every value as hex of its bytes, rows as a multiset --------

digest() { # on_source|on_local DATABASE TABLE: definition and rows as two hashes
  local expressions
  "$1" -e "SHOW CREATE TABLE $2.$3" | sed -E "1s/^[^\t]*\t//; 1s/\`$3\`//; s/ AUTO_INCREMENT=[0-9]+//" | sha256sum | cut -c1-16
  # A FLOAT shows all its digits only as a DOUBLE; ENUM and SET members may look alike.
  expressions=$("$1" -e "SET SESSION group_concat_max_len = 1000000;
    SELECT GROUP_CONCAT(CASE
      WHEN data_type = 'float' THEN CONCAT('HEX(CAST(\`', column_name, '\` * 1e0 AS CHAR))')
      WHEN data_type = 'bit' THEN CONCAT('HEX(CAST(\`', column_name, '\` + 0 AS CHAR))')
      WHEN data_type IN ('enum', 'set') THEN CONCAT('HEX(\`', column_name, '\`), HEX(CAST(\`', column_name, '\` + 0 AS CHAR))')
      WHEN data_type IN ('tinyint', 'smallint', 'mediumint', 'int', 'bigint', 'decimal', 'double', 'date', 'datetime', 'timestamp', 'time', 'year')
        THEN CONCAT('HEX(CAST(\`', column_name, '\` AS CHAR))')
      ELSE CONCAT('HEX(\`', column_name, '\`)') END ORDER BY ordinal_position SEPARATOR ', ')
    FROM information_schema.columns WHERE table_schema = '$2' AND table_name = '$3'")
  "$1" --quick --init-command="SET SESSION time_zone = '+00:00', sql_mode = ''" -e "SELECT $expressions FROM $2.$3" |
    LC_ALL=C sort -S 256M | sha256sum | cut -c1-16
}
judge() { # compares every table of the shop; says which differ
  local table different=0 source target
  while read -r table; do
    source=$(digest on_source "$source_db" "$table" </dev/null) || die "the judge can't read $table of the source"
    target=$(digest on_local "$target_db" "$table" </dev/null 2>/dev/null) || target='not readable'
    if [ "$source" != "$target" ]; then
      printf '  DIFFERENT: %s (definition and rows: %s / %s)\n' "$table" "${source//$'\n'/ }" "${target//$'\n'/ }"
      different=$((different + 1))
    fi
  done <"$work/tables"
  [ "$different" = 0 ]
}
# Helper tables and databases that are left over on the local server.
leftovers() { on_local -e "SELECT schema_name FROM information_schema.schemata WHERE schema_name LIKE '\\_dbtaxi%' UNION ALL SELECT CONCAT(table_schema, '.', table_name) FROM information_schema.tables WHERE table_name LIKE '\\_dbtaxi%'"; }

# --- what the local server's binlog says about the target database's tables --------------------------

binlog_end() { on_local -e 'SHOW BINARY LOG STATUS' 2>/dev/null || on_local -e 'SHOW MASTER STATUS'; }
target_events() { # POSITION, as binlog_end gave it: row events and definitions since then
  local file position
  read -r file position _ <<<"$1"
  "$binlog" --no-defaults -h127.0.0.1 -uroot -P"$local_port" --read-from-remote-server --base64-output=DECODE-ROWS --verbose \
    --to-last-log --start-position="$position" "$file" |
    grep -acE "^### (INSERT INTO|UPDATE|DELETE FROM) \`$target_db\`\.|^(CREATE|ALTER|DROP|RENAME|TRUNCATE) .*\`?$target_db\`?\." || true
}
