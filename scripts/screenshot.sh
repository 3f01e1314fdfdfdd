#!/usr/bin/env bash
# Makes docs/dashboard.svg again: the real dashboard in a real terminal (tmux), over the made-up shop
# of tests/dashboard, which needs no server and looks the same each time.
#
#   screenshot.sh                      docs/dashboard.svg, 110x32
#   screenshot.sh FILE COMMAND...      a picture of any command, for looking at it; SIZE=120x40
#
# WAIT=8 seconds before the picture; KEYS="j Enter" are pressed first (names as for tmux send-keys).
set -euo pipefail
cd "$(dirname "$0")/.."

command -v tmux >/dev/null || { echo "screenshot.sh: tmux is not installed" >&2; exit 2; }
command -v python3 >/dev/null || { echo "screenshot.sh: python3 is not installed" >&2; exit 2; }

file=${1:-docs/dashboard.svg}
[ $# -gt 0 ] && shift
size=${SIZE:-110x32}
if [ $# -eq 0 ]; then
  program=$(cargo test --test dashboard --no-run --message-format=json 2>/dev/null |
    python3 -c 'import json, sys
for line in sys.stdin:
    made = json.loads(line)
    if made.get("target", {}).get("name") == "dashboard" and made.get("executable"):
        print(made["executable"])')
  set -- "$program" --ignored --nocapture show_the_shop
fi

work=$(mktemp -d)
terminal() { tmux -f /dev/null -S "$work/tmux" "$@"; }
trap 'terminal kill-server 2>/dev/null || true; rm -rf "$work"' EXIT

terminal new-session -d -x "${size%x*}" -y "${size#*x}" \
  env -u NO_COLOR TERM=tmux-256color LC_ALL=C.UTF-8 DBT_SHOW_TOLD="$work/told" "$@"
sleep 2
for key in ${KEYS:-}; do terminal send-keys "$key"; sleep 0.3; done
sleep "${WAIT:-25}"
mkdir -p "$(dirname "$file")"
terminal capture-pane -e -p | python3 scripts/screenshot.py "${size%x*}" >"$work/picture.svg"
mv "$work/picture.svg" "$file"
echo "made $file"
