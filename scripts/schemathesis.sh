#!/usr/bin/env bash
# Runs schemathesis (https://schemathesis.io), a fuzzer that reads the OpenAPI document, against a
# service of its own with servers of its own, on free ports.
#
#   schemathesis.sh [SECONDS] [FLAVOUR]   120 seconds and mariadb by default
#
# SCHEMATHESIS   the program; installed into a virtual environment in the cache folder where it is not given
# DB_TAXI_BIN    the program under test; built where it is not given
# Whatever the run makes is gone with its servers. Exit 0: no answer was a server error or is not
# documented.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/stage.sh"
seconds=${1:-120} flavour=${2:-mariadb}
[ "$seconds" -gt 0 ] 2>/dev/null || die "SECONDS must be a number above 0"

fuzzer=${SCHEMATHESIS:-}
if [ -z "$fuzzer" ]; then
  fuzzer=$cache/schemathesis/bin/schemathesis
  if [ ! -x "$fuzzer" ]; then
    have python3 || die "no python3, which schemathesis needs"
    say "installing schemathesis into ${fuzzer%/bin/*}"
    python3 -m venv "$cache/schemathesis"
    "$cache/schemathesis/bin/pip" install --quiet 'schemathesis>=4,<5'
  fi
fi

begin_stage "$flavour"
cd "$work"
on_source -e "CREATE DATABASE shop; CREATE TABLE shop.t (id INT PRIMARY KEY, v INT); INSERT INTO shop.t VALUES (1, 1), (2, 2)"
# Not by the function: it is this process that has to be ended.
env -u DBT_CONFIG HOME="$home" XDG_CONFIG_HOME="$home" "$taxi" --config "$home/config.yaml" \
  --headless --listen 127.0.0.1:0 2>"$work/service.log" &
kill_later+=($!)
service=$!
port=
for _ in $(seq 300); do
  port=$(sed -n 's/.*listening on http:\/\/127\.0\.0\.1:\([0-9]*\).*/\1/p' "$home"/logs/* 2>/dev/null | tail -n 1) || true
  [ -n "$port" ] && curl --silent --fail "http://127.0.0.1:$port/health/ready" >/dev/null && break
  kill -0 "$service" 2>/dev/null || { cat "$work/service.log" >&2; die "the service has ended"; }
  sleep 0.1
done
[ -n "$port" ] || die "the service did not start"
url=http://127.0.0.1:$port
call() { curl --silent --show-error --fail-with-body -H "Content-Type: application/json" "$@"; echo; }
id_of() { sed -n 's/^{"id":"\([^"]*\)".*/\1/p'; }
connection=$(call "$url/api/sync/connections" -d "{\"name\": \"source\", \"host\": \"127.0.0.1\", \"port\": $source_port, \"username\": \"root\", \"database\": \"shop\", \"local_db_name\": \"shop_copy\"}" | id_of)
config=$(call "$url/api/sync/configs" -d "{\"name\": \"all\", \"connection_id\": \"$connection\", \"tables\": \"*\"}" | id_of)
call "$url/api/sync/jobs" -d "{\"config_id\": \"$config\"}" >/dev/null

# Left out: streams, which do not end; the test of a connection that is not stored, which would ask name
# servers for what is made up. `positive_data_acceptance`: rules between fields (names that are taken,
# keys that are left out) are none of a schema. `use_after_free` and `ensure_resource_availability` take
# each PUT for a deletion or a creation.
# 502 is the truth about a source that is not there.
cat >schemathesis.toml <<'TOML'
[checks]
not_a_server_error.expected-statuses = ["2xx", "3xx", "4xx", "502"]
TOML
rc=0
"$fuzzer" run "$url/openapi.json" \
  --max-time "$seconds" --workers 2 --continue-on-failure --request-timeout 60 \
  --exclude-path-regex '/events$' --exclude-operation-id test_unsaved_connection \
  --checks not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,response_schema_conformance,negative_data_rejection,missing_required_header,unsupported_method,allow_header_conformance \
  || rc=$?
kill -0 "$service" 2>/dev/null || die "the service did not survive"
curl --silent --fail "$url/health/live" >/dev/null || die "the service does not answer any more"
say "the service lives; schemathesis ended with $rc"
exit "$rc"
