#!/usr/bin/env bash
# Walks through the dashboard in a real terminal with nothing but the keys that stand on the screen
# at that moment: an empty installation, a connection, a config, a run, why a table failed, the fix,
# the retry, a comparison, the way out. Real servers, an account that may not read one table.
#
#   walk.sh [--flavour mariadb|mysql]... [--size 80x24]...
#
# Without arguments: both flavours, at 80x24 and at 120x40. DB_TAXI_BIN=PATH uses a program that is
# built already, SHOW=1 prints the screens on the way. Exit 0 when every walk came through.
set -euo pipefail
scripts_here=$(cd "$(dirname "$0")" && pwd -P)

flavours=() sizes=()
while [ $# -gt 0 ]; do
  case $1 in
    --flavour) flavours+=("${2:-}"); shift ;;
    --size) sizes+=("${2:-}"); shift ;;
    *) echo "usage: walk.sh [--flavour mariadb|mysql]... [--size 80x24]..." >&2; exit 2 ;;
  esac
  shift
done
[ ${#flavours[@]} -gt 0 ] || flavours=(mariadb mysql)
[ ${#sizes[@]} -gt 0 ] || sizes=(80x24 120x40)

password=canary-4711
walk() { # FLAVOUR SIZE
  . "$scripts_here/stage.sh"
  . "$scripts_here/terminal.sh"
  DEMO_ROWS=${DEMO_ROWS:-200000}
  export DEMO_ROWS
  begin_stage "$1"
  load_shop
  on_source <<SQL
CREATE USER clerk@'%' IDENTIFIED BY '$password';
GRANT SHOW VIEW ON $source_db.* TO clerk@'%';
$(grep -v '^payments$' "$work/tables" | sed "s/.*/GRANT SELECT ON $source_db.& TO clerk@'%';/")
SQL
  # Finds a table by a few of its letters and marks it.
  choose() { # LETTERS
    press / filter
    type_text "$1"
    wait_for ' of 11,'
    press enter 'keeps it'
    press space mark
    wait_for '[x]'
  }
  show() { [ -z "${SHOW:-}" ] || { printf '\n--- %s\n' "$1"; screen; }; }

  say "$1 $2: first start"
  pressed=0
  open_terminal "$2"
  wait_for 'Nothing is set up yet'
  show 'an empty installation'
  press n new
  field Name production
  field Host 127.0.0.1
  field Port "$source_port"
  field User clerk
  field Password "$password" unseen
  field Database "$source_db"
  field 'Local database' "$target_db"
  press ctrl-s test
  wait_for 'SELECT missing'
  wait_for "GRANT SELECT ON \`$source_db\`.\`payments\`"
  show 'the test names what is missing'
  press ctrl-s 'save, go on'
  wait_for 'which tables'
  choose countr
  wait_for '1 chosen'
  press enter done
  wait_for 'Plan of production-copy'
  press s start
  wait_for '✓ completed'
  show 'the first copy'

  say "$1 $2: a config"
  press q back
  press 2 'Sync configs'
  press n new
  wait_for 'which tables'
  choose custom
  press esc back
  choose orders
  press esc back
  choose pay
  wait_for '3 chosen'
  press enter done
  wait_for 'name, mode, schedule'
  field Name nightly
  press ctrl-s 'take it'
  wait_for 'not saved'
  press p plan
  wait_for 'Plan of nightly'
  wait_for 'GRANT SELECT'
  show 'the plan'
  press esc close
  press w 'save…'
  press w 'make it'
  wait_for 'never ran'
  press s start
  # A gauge that moves, of a job that runs.
  wait_for 'ranges'
  wait_for '█'
  show 'it runs'
  wait_for 'completed with errors'

  say "$1 $2: why, fix, retry"
  wait_for 'may not read'
  show 'why a table failed'
  press enter details
  wait_for '1142'
  show 'the failed table'
  press esc close
  wait_for 'to do: GRANT SELECT ON'
  grant=$(screen | grep -o 'GRANT SELECT ON [^;]*;' | head -n 1)
  say "as the screen says: $grant"
  printf '%s\n' "$grant" | on_source
  press t 'try again'
  wait_for '1 of 1'
  wait_for '✓ completed'
  show 'retried'

  say "$1 $2: verify, quit"
  press v verify
  wait_for 'verify'
  wait_for '3 of 3'
  wait_for '✓ completed'
  show 'verified'
  press q back
  press q quit
  [ "$(wait_for_end)" = 0 ] || die "it ended with $(cat "$work/ended")"
  printf '%s\n' countries customers orders payments >"$work/tables"
  judge || die "source and target differ"
  ! grep -rq "$password" "$home/logs" || die "the password stands in a log"
  say "$1 $2: came through with $pressed keys, each of them on the screen"
}

for flavour in "${flavours[@]}"; do
  for size in "${sizes[@]}"; do
    # A process of its own for each: servers, files and terminal end with it.
    (walk "$flavour" "$size") || { echo "walk: $flavour at $size did not come through" >&2; exit 1; }
  done
done
echo "walk: ${flavours[*]} at ${sizes[*]}: came through"
