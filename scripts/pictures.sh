#!/usr/bin/env bash
# Makes the pictures of docs/pictures/ again: the real dashboard in a real terminal (tmux) over
# private servers, at 120x40, turned into SVG.
#
#   pictures.sh [NAME...]   all of them, or only these (jobs, plan, ...)
#
# DEMO_ROWS=1000000 rows in the shop; DB_TAXI_BIN=PATH uses a program that is built already;
# TEXT=DIR writes the screens as text as well.
set -euo pipefail
. "$(dirname "$0")/stage.sh"
. "$scripts/terminal.sh"
have python3 || die "python3 is not installed"
only=" $* "
size=120x40
mkdir -p "$repository/docs/pictures"

picture() { # NAME TITLE [PALETTE]
  [ -z "${TEXT:-}" ] || { mkdir -p "$TEXT"; screen >"$TEXT/$1.txt"; }
  [ "$only" = '  ' ] || [[ $only == *" $1 "* ]] || return 0
  colours | python3 "$scripts/picture.py" "${size%x*}" "${3:-dark}" "$2" >"$work/picture.svg"
  mv "$work/picture.svg" "$repository/docs/pictures/$1.svg"
  say "made docs/pictures/$1.svg"
}

export DEMO_ROWS=${DEMO_ROWS:-1000000}
begin_stage mariadb
sed -i 's/^sync:/&\n  health_interval: 10s/' "$home/config.yaml"
printf 'instance:\n  name: db1\n' >>"$home/config.yaml"
load_shop
on_source <<SQL
CREATE DATABASE crm CHARACTER SET utf8mb4; USE crm;
CREATE TABLE accounts (id INT AUTO_INCREMENT PRIMARY KEY, name VARCHAR(80) NOT NULL, since DATE);
CREATE TABLE contacts (id INT AUTO_INCREMENT PRIMARY KEY, account_id INT NOT NULL, email VARCHAR(120), KEY (account_id));
CREATE TABLE notes (id INT AUTO_INCREMENT PRIMARY KEY, account_id INT NOT NULL, body TEXT);
INSERT INTO accounts (name, since) SELECT name, born FROM $source_db.customers LIMIT 5000;
INSERT INTO contacts (account_id, email) SELECT 1 + id % 5000, email FROM $source_db.customers LIMIT 20000;
INSERT INTO notes (account_id, body) SELECT 1 + id % 5000, name FROM $source_db.customers LIMIT 8000;
CREATE USER sync_user@'%' IDENTIFIED BY 'shown-nowhere';
GRANT SELECT, SHOW VIEW, TRIGGER ON $source_db.* TO sync_user@'%';
GRANT BINLOG MONITOR, REPLICA MONITOR ON *.* TO sync_user@'%';
GRANT SHOW VIEW, TRIGGER ON crm.* TO sync_user@'%';
GRANT SELECT ON crm.accounts TO sync_user@'%';
GRANT SELECT ON crm.contacts TO sync_user@'%';
SQL
cat >"$work/mapping.yaml" <<YAML
version: 1
connections:
  - {name: production, host: 127.0.0.1, port: $source_port, username: sync_user, password: shown-nowhere,
     database: $source_db, local_db_name: $target_db}
  - {name: crm, host: 127.0.0.1, port: $source_port, username: sync_user, password: shown-nowhere,
     database: crm, local_db_name: crm_copy}
  - {name: reporting, host: 127.0.0.1, port: $source_port, username: sync_user, password: shown-nowhere,
     database: $source_db, local_db_name: reporting_copy}
  - {name: archive, host: 127.0.0.1, port: 1, username: sync_user, database: archive}
configs:
  - {name: shop-nightly, connection: production, tables: "*", options: {max_concurrency: 4}}
  - name: orders-live
    connection: reporting
    sync_mode: incremental
    tables: [countries, {source_table: customers, watermark_column: updated_at}, {source_table: orders, watermark_column: updated_at}]
  - {name: crm-full, connection: crm, tables: "*"}
  - {name: old-years, connection: archive, tables: [y2019, y2020], enabled: false}
YAML
db_taxi -y mappings import "$work/mapping.yaml" >/dev/null
say "some jobs of the past"
db_taxi -q run orders-live >/dev/null 2>&1 || true
db_taxi -q run orders-live >/dev/null 2>&1 || true
db_taxi -q run crm-full >/dev/null 2>&1 || true
db_taxi -q verify orders-live >/dev/null 2>&1 || true

# Behind a word in the footer the keys are not all there.
calm() { wait_until_gone "${1:?}"; }
# A page that has just opened is deaf to keys for a moment.
later() {
  while read_screen | grep -q 'esc later'; do
    press esc later
    sleep 0.5
  done
}

open_terminal "$size"
wait_for 'esc later'
picture night 'After a bad night: what failed, why, and what to do'
later
press 1 Connections
wait_for 'connections 3/4'
press t test
wait_for 'Test of archive: failed'
press esc close
wait_for '✗'
picture connections 'Connections'
press / filter
type_text prod
press enter 'keeps it'
press e edit
press ctrl-t test
wait_for 'Test: ok'
picture form 'A connection and its test'
press esc 'back to the form'
press esc close
press 2 'Sync configs'
wait_for 'shop-nightly'
picture configs 'Sync configs'
press / filter
type_text shop
press enter 'keeps it'
press p plan
wait_for 'Plan of shop-nightly'
picture plan 'A plan'
press s start
for _ in $(seq 600); do
  # Between a third and two thirds of it are done.
  screen | grep -qE '(3[5-9]|[45][0-9]|6[0-5]) % +[0-9,]+ of about' && break
  sleep 0.05
done
picture running 'A running job'
press q back
wait_for 'shop-nightly'
picture jobs 'Jobs, one of them running'
press enter tables
wait_for '✓ completed' 600
calm 'shop-nightly: completed'
picture result 'What came of a job'
press l log
wait_for 'completed:'
picture logs 'The log of a job'
press q back
wait_for 'equal as of'
press q back
press q quit
wait_for_end >/dev/null

open_terminal "$size" --theme light
wait_for 'connections 3/4'
! read_screen | grep -q 'esc later' || later
press 3 Jobs
wait_for 'shop-nightly'
press / filter
type_text crm
press enter 'keeps it'
press enter tables
wait_for 'may not read'
picture light 'A table that failed, in the light theme' light
