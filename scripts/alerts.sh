#!/usr/bin/env bash
# Checks what is in packaging/prometheus by promtool (Debian: apt-get install prometheus).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd -P)
. "$here/common.sh"
cd "$repository"
have promtool || die "no promtool: apt-get install prometheus, or put it on the PATH"
promtool check rules packaging/prometheus/alerts.yml
promtool check config --syntax-only packaging/prometheus/prometheus.yml
