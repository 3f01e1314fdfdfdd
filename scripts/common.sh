# What the scripts share; sourced, never run.
#
# Cache folder: DB_TAXI_CACHE, else XDG_CACHE_HOME/db-taxi, else ~/.cache/db-taxi. It holds fetched
# servers and initialized data folders, lies outside the repository and may be removed at any time.

die() { printf '%s: %s\n' "${0##*/}" "$*" >&2; exit 1; }
say() { printf '\033[1m==>\033[0m %s\n' "$*" >&2; }
have() { command -v "$1" >/dev/null 2>&1; }

repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
cache=${DB_TAXI_CACHE:-${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/db-taxi}

# A TCP port of the loopback address that nobody uses, chosen by the kernel.
# Another process may take it before we do, so callers try again when binding fails.
free_port() {
  if have perl; then
    perl -MIO::Socket::INET -e 'my $s = IO::Socket::INET->new(Listen => 1, LocalAddr => "127.0.0.1") or exit 1; print $s->sockport' && return
  fi
  if have python3; then
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])' && return
  fi
  # Nobody who could ask the kernel: a random port where nothing answers.
  local port
  while :; do
    port=$((20000 + (RANDOM * 32768 + RANDOM) % 12000))
    (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || { printf '%s' "$port"; return; }
  done
}

# Seconds since the epoch with milliseconds, and the difference of two of them.
now() { date +%s.%3N; }
since() { awk -v a="$1" -v b="$(now)" 'BEGIN { printf "%.1f", b - a }'; }
