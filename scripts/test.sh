#!/usr/bin/env bash
# Every check of the project, on a fresh Debian or Ubuntu machine with git and Rust; root not needed.
#
#   test.sh                formatting, clippy, all tests
#   test.sh --fast         formatting, clippy, and the tests that need no server (minutes)
#   test.sh --integration  the tests against real servers only
#   test.sh … -- FILTER    only tests whose name holds FILTER
#
# Real MariaDB and MySQL servers are started on free loopback ports in a temporary folder and
# stopped at the end, whatever happens. A server that is not installed is unpacked from the
# distribution's packages into a cache folder (scripts/common.sh). Last line: the counts.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd -P)
. "$here/common.sh"
cd "$repository"

part=all filter=
while [ $# -gt 0 ]; do
  case $1 in
    --fast) part=fast ;;
    --integration) part=integration ;;
    --) shift; filter=${1:-} ;;
    *) die "usage: test.sh [--fast|--integration] [-- FILTER]" ;;
  esac
  shift
done

# --- what must be there ------------------------------------------------------------------------

have cargo || PATH=$PATH:${CARGO_HOME:-${HOME:-/root}/.cargo}/bin
have cargo || die "no cargo: install Rust from https://rustup.rs"
as_root() { [ "$(id -u)" = 0 ] && have apt-get; }
apt_install() { as_root && DEBIAN_FRONTEND=noninteractive sh -c 'apt-get -qq update && apt-get -qq -y install "$@"' sh "$@" >/dev/null 2>&1; }
if ! have cc; then
  apt_install gcc libc6-dev || die "no C compiler: apt-get install gcc libc6-dev"
fi
for component in rustfmt clippy; do
  case $component in rustfmt) tool=cargo-fmt ;; *) tool=cargo-clippy ;; esac
  have "$tool" || { have rustup && rustup component add "$component"; } || die "no $component: rustup component add $component"
done
have tmux || apt_install tmux || say "NO tmux: tests on a real terminal are skipped (apt-get install tmux)"
nextest=0
if cargo nextest --version >/dev/null 2>&1; then nextest=1; else say "no cargo-nextest: using cargo test"; fi

# --- clean up, by process id, whatever happens -------------------------------------------------

work=$(mktemp -d "${TMPDIR:-/tmp}/taxi-test.XXXXXX")
mkdir "$work/tmp"
finish() {
  local rc=$? folder
  trap - EXIT INT TERM HUP
  # Servers of a test that was killed before it could end them.
  for folder in "$work"/tmp/taxi*/; do
    [ -d "$folder/db" ] && bash "$here/server.sh" kill "$folder"
  done
  bash "$here/servers.sh" down "$work/servers" || true
  rm -rf "$work"
  exit "$rc"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
trap 'exit 129' HUP

export TMPDIR=$work/tmp INSTA_UPDATE=no LC_ALL=C.UTF-8 DB_TAXI_SKIP_LOG=$work/skipped
: >"$DB_TAXI_SKIP_LOG"
passed=0 failed=0 skipped=0 problems=()

# --- steps -------------------------------------------------------------------------------------

check() { # NAME COMMAND...
  local name=$1; shift
  say "$name"
  if "$@"; then passed=$((passed + 1)); else failed=$((failed + 1)); problems+=("$name"); fi
}

# Runs tests and adds up what the runner counted.
tests() { # NAME TARGETS... [-- without MYSQL|MARIADB ...]
  local name=$1 targets=() without=() rc=0 log flavour; shift
  while [ $# -gt 0 ] && [ "$1" != -- ]; do targets+=("$1"); shift; done
  [ $# -eq 0 ] || { shift; without=("$@"); }
  log=$work/log
  say "$name"
  if [ $nextest = 1 ]; then
    local expression='all()'
    for flavour in "${without[@]}"; do expression="$expression and not test(/::$flavour\$/)"; done
    [ -z "$filter" ] || expression="$expression and test($filter)"
    cargo nextest run "${targets[@]}" -E "$expression" --no-tests=pass 2>&1 | tee "$log" || rc=$?
    # Summary [  1.2s] 13 tests run: 11 passed (1 slow), 1 failed, 1 timed out, 3 skipped
    count() { sed 's/\x1b\[[0-9;]*m//g' "$log" | grep -E '^ +Summary ' | { grep -oE "[0-9]+ $1" || true; } | awk '{ n += $1 } END { print n + 0 }'; }
    passed=$((passed + $(count passed)))
    failed=$((failed + $(count failed) + $(count 'timed out') + $(count 'exec failed')))
    [ -n "$filter" ] || skipped=$((skipped + $(count skipped)))
  else
    local skips=()
    for flavour in "${without[@]}"; do skips+=(--skip "::$flavour"); done
    cargo test --no-fail-fast "${targets[@]}" -- --test-threads=4 "${skips[@]}" ${filter:+"$filter"} 2>&1 | tee "$log" || rc=$?
    # test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 3 filtered out; finished in 0.1s
    count() { grep -E '^test result: ' "$log" | { grep -oE "[0-9]+ $1" || true; } | awk '{ n += $1 } END { print n + 0 }'; }
    passed=$((passed + $(count passed)))
    failed=$((failed + $(count failed)))
    skipped=$((skipped + $(count ignored)))
    [ -n "$filter" ] || skipped=$((skipped + $(count 'filtered out')))
  fi
  if [ $rc != 0 ]; then
    problems+=("$name")
    # A build that failed ran no test at all.
    [ "$failed" -gt 0 ] || failed=1
  fi
}

if [ $part != integration ]; then
  check formatting cargo fmt --all --check
  check clippy cargo clippy --all-targets --locked -- -D warnings
  check 'clippy with traces' cargo clippy --lib --bins --test otel --features otel --locked -- -D warnings
  others=()
  for file in tests/*.rs; do
    [ -e "$file" ] && { file=${file##*/}; others+=(--test "${file%.rs}"); }
  done
  for file in tests/*/main.rs; do
    file=${file%/main.rs}; file=${file##*/}
    # Need servers, and the latter a feature as well: below.
    case $file in integration | otel) ;; *) others+=(--test "$file") ;; esac
  done
  tests 'unit, command line and dashboard tests' --locked --lib --bins "${others[@]}"
  [ -n "$filter" ] || check packaging bash "$here/check-packaging.sh"
fi

if [ $part != fast ]; then
  if bash "$here/servers.sh" up "$work/servers"; then
    export DB_TAXI_TEST_SERVERS=$work/servers/servers.env DB_TAXI_TEST_REQUIRED=1
    # shellcheck disable=SC1090
    . "$DB_TAXI_TEST_SERVERS"
    missing=()
    [ -z "${MYSQL_MISSING:-}" ] || missing+=(mysql)
    [ -z "${MARIADB_MISSING:-}" ] || missing+=(mariadb)
    tests 'integration tests' --locked --test integration -- "${missing[@]}"
    tests 'tests of traces' --locked --features otel --test otel -- "${missing[@]}"
  else
    failed=$((failed + 1)); problems+=('no server for the integration tests')
  fi
fi

# --- the result --------------------------------------------------------------------------------

# Tests that found something missing by themselves passed as far as the runner knows.
noted=$(sort -u "$DB_TAXI_SKIP_LOG" | cut -f1 | sort -u | wc -l)
passed=$((passed - noted)) skipped=$((skipped + noted))
echo
if [ -n "${MYSQL_MISSING:-}" ]; then
  printf '%s\n' '#### NO MYSQL SERVER: every MySQL test was SKIPPED ####' "#### $MYSQL_MISSING"
fi
if [ -n "${MARIADB_MISSING:-}" ]; then
  printf '%s\n' '#### NO MARIADB SERVER: every MariaDB test was SKIPPED ####' "#### $MARIADB_MISSING"
fi
[ "$noted" = 0 ] || { echo 'skipped:'; sort -u "$DB_TAXI_SKIP_LOG" | sed 's/^/  /'; }
for problem in "${problems[@]}"; do printf 'FAILED: %s\n' "$problem"; done
printf '%s passed, %s failed, %s skipped\n' "$passed" "$failed" "$skipped"
[ "$failed" = 0 ]
