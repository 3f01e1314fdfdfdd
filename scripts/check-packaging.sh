#!/usr/bin/env bash
# Checks what is in packaging/: the unit by systemd-analyze, the manifests by the schemas of Kubernetes, the
# installer and the Debian package in temporary folders. What can't be checked here is said loudly.
#
#   check-packaging.sh [--fetch] [--binary FILE]
#
# --fetch gets the schemas (kubernetes-validate from PyPI) and systemd's tools (from the distribution) into the
# cache folder, where they are found from then on. FILE is any build of the program; without one, and without a
# build in target/, installer and package are not tried. Last line: `packaging: N checked, N failed, N skipped`.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd -P)
. "$here/common.sh"
cd "$repository"

fetch= binary=
while [ $# -gt 0 ]; do
  case $1 in
    --fetch) fetch=1 ;;
    --binary) binary=${2:?}; shift ;;
    *) die "usage: check-packaging.sh [--fetch] [--binary FILE]" ;;
  esac
  shift
done
if [ -z "$binary" ]; then
  target=${CARGO_TARGET_DIR:-target}
  for binary in "$target"/{dist,release,debug}/db-taxi; do [ -x "$binary" ] && break; done
fi
[ ! -x "$binary" ] || binary=$(readlink -f "$binary")

kubernetes=1.30
work=$(mktemp -d "${TMPDIR:-/tmp}/taxi-packaging.XXXXXX")
trap 'rm -rf "$work"' EXIT
checked=0 failed=0 skipped=0
try() { # WHAT COMMAND...
  local what=$1 rc=0; shift
  # In the background, since `set -e` means nothing within a condition.
  (set -e; "$@") >"$work/out" 2>&1 &
  wait $! || rc=$?
  if [ $rc = 0 ]; then
    checked=$((checked + 1)); printf 'ok      %s\n' "$what"
  else
    failed=$((failed + 1)); printf 'FAILED  %s\n' "$what"; sed 's/^/        /' "$work/out"
  fi
}
skip() { skipped=$((skipped + 1)); printf '#### SKIPPED  %s ####\n' "$*"; }

# --- systemd -----------------------------------------------------------------------------------

analyze=
if have systemd-analyze; then analyze=systemd-analyze
else
  found=$(find "$cache/systemd" -name systemd-analyze -type f 2>/dev/null | head -1)
  if [ -z "$found" ] && [ -n "$fetch" ] && have apt-get; then
    mkdir -p "$cache/systemd"
    (cd "$cache/systemd" && apt-get -qq download systemd libsystemd-shared && for deb in ./*.deb; do dpkg-deb -x "$deb" .; done && rm -f ./*.deb) || true
    found=$(find "$cache/systemd" -name systemd-analyze -type f 2>/dev/null | head -1)
  fi
  if [ -n "$found" ]; then
    libraries=$(dirname "$(find "$cache/systemd" -name 'libsystemd-shared*.so' | head -1)")
    analyze() { LD_LIBRARY_PATH=$libraries "$found" "$@"; }
    analyze=analyze
  fi
fi
unit() {
  # The program may not be installed here.
  sed 's|/usr/bin/db-taxi|/bin/true|' packaging/systemd/db-taxi.service >"$work/db-taxi.service"
  "$analyze" verify --man=no "$work/db-taxi.service" && [ ! -s "$work/out" ]
}
exposure() {
  local said
  said=$("$analyze" security --offline=true --no-pager "$work/db-taxi.service" | tail -1)
  echo "$said"
  # 0 is the best, 10 the worst; a service that opens sockets can't do without 1.0.
  awk -v said="$said" 'BEGIN { match(said, /[0-9]+\.[0-9]+/); exit !(substr(said, RSTART, RLENGTH) + 0 <= 1.5) }'
}
stop_time() {
  local given=$(sed -n 's/^TimeoutStopSec=\([0-9]*\)s$/\1/p' packaging/systemd/db-taxi.service)
  local one=$(sed -n 's/^  shutdown_timeout: \([0-9]*\)s.*/\1/p' config.example.yaml)
  echo "TimeoutStopSec=$given, server.shutdown_timeout=$one"
  [ "$given" -gt $((2 * one)) ]
}
if [ -n "$analyze" ]; then
  try 'systemd unit: systemd-analyze verify' unit
  try 'systemd unit: exposure at most 1.5' exposure
else
  skip 'systemd unit: no systemd-analyze (check-packaging.sh --fetch)'
fi
try 'systemd unit: TimeoutStopSec is more than twice server.shutdown_timeout' stop_time

# --- Kubernetes --------------------------------------------------------------------------------

validate() { PYTHONPATH=$cache/python python3 -W ignore -m kubernetes_validate -k "$kubernetes" --strict "$@"; }
if ! validate --help >/dev/null 2>&1 && [ -n "$fetch" ] && have pip; then
  pip install -q --root-user-action=ignore --target "$cache/python" kubernetes-validate==1.37.0 || true
fi
if validate --help >/dev/null 2>&1; then
  for file in packaging/kubernetes/*.yaml; do
    # A type of the Prometheus operator: not one of Kubernetes.
    [ "${file##*/}" != servicemonitor.yaml ] || continue
    try "manifest: ${file##*/} fits the schema of Kubernetes $kubernetes" validate "$file"
  done
else
  skip 'manifests: no kubernetes-validate (check-packaging.sh --fetch)'
fi
if have python3 && PYTHONPATH=$cache/python python3 -c 'import yaml' 2>/dev/null; then
  try 'manifests and compose file: what they name is there' env PYTHONPATH="$cache/python" python3 "$here/check_manifests.py"
else
  skip 'manifests: no python3 with yaml'
fi

# --- scripts -----------------------------------------------------------------------------------

for script in packaging/install.sh packaging/deb/build.sh scripts/soak.sh; do
  try "shell: $script" bash -n "$script"
done
for script in postinst prerm postrm; do try "shell: deb/$script" sh -n "packaging/deb/$script"; done
if have shellcheck; then
  try 'shellcheck' shellcheck -S warning packaging/install.sh packaging/deb/build.sh packaging/deb/post* packaging/deb/prerm
fi

# --- installer and package ---------------------------------------------------------------------

installed() {
  local prefix=$work/prefix
  printf 'pass word\n' >"$work/password"
  bash packaging/install.sh --binary "$binary" --prefix "$prefix" --dry-run
  [ ! -e "$prefix" ] || { echo 'a dry run wrote something'; return 1; }
  bash packaging/install.sh --binary "$binary" --prefix "$prefix" --database db.example.com:3307 --password-file "$work/password"
  "$prefix/usr/local/bin/db-taxi" config check --config "$prefix/etc/db-taxi/config.yaml"
  "$prefix/usr/local/bin/db-taxi" config show --config "$prefix/etc/db-taxi/config.yaml" | grep -E '^database.port +3307 '
  grep -q 'ExecStart=/usr/local/bin/db-taxi ' "$prefix/etc/systemd/system/db-taxi.service"
  # An upgrade keeps what an administrator wrote.
  echo '# mine' >>"$prefix/etc/db-taxi/config.yaml"
  bash packaging/install.sh --binary "$binary" --prefix "$prefix"
  grep -q '^# mine$' "$prefix/etc/db-taxi/config.yaml"
  bash packaging/install.sh --binary "$binary" --prefix "$prefix" --uninstall
  [ ! -e "$prefix/usr/local/bin/db-taxi" ] && [ -e "$prefix/etc/db-taxi/config.yaml" ]
}
package() {
  local deb root=$work/root
  deb=$(DB_TAXI_COMPRESSION=none bash packaging/deb/build.sh --binary "$binary" --out "$work/deb")
  dpkg-deb -I "$deb"
  dpkg-deb -c "$deb" >"$work/list"
  for path in ./usr/bin/db-taxi ./lib/systemd/system/db-taxi.service ./etc/db-taxi/config.yaml \
    ./usr/share/man/man1/db-taxi.1.gz ./usr/share/doc/db-taxi/copyright ./usr/share/doc/db-taxi/changelog.gz \
    ./usr/share/bash-completion/completions/db-taxi ./usr/lib/sysusers.d/db-taxi.conf; do
    grep -qE " $path\$" "$work/list" || { echo "the package lacks $path"; return 1; }
  done
  # The settings may hold a password; everything belongs to root.
  grep -qE '^-rw-r----- root/root .* ./etc/db-taxi/config.yaml$' "$work/list" || { grep config.yaml "$work/list"; return 1; }
  ! grep -vE ' root/root ' "$work/list" || return 1
  ! grep -E '^-..s|^-.....s|^.......w' "$work/list" | grep -v ' -> ' || { echo 'odd rights'; return 1; }
  # Unpacked by dpkg into a root of its own, where that is allowed; scripts are not run there.
  mkdir -p "$root/var/lib/dpkg/updates" "$root/var/lib/dpkg/info" "$root/etc"
  : >"$root/var/lib/dpkg/status"; : >"$root/var/lib/dpkg/available"
  if [ "$(id -u)" = 0 ] && dpkg --root="$root" --force-depends --unpack "$deb"; then
    [ -e "$root/etc/db-taxi/config.yaml.dpkg-new" ] || [ -e "$root/etc/db-taxi/config.yaml" ]
    dpkg --root="$root" --status db-taxi | grep '^Status: install ok unpacked'
  else
    dpkg-deb -x "$deb" "$root"
  fi
  "$root/usr/bin/db-taxi" --version
  # Every file is as its sum says.
  dpkg-deb -e "$deb" "$work/control"
  (cd "$root" && grep -v ' etc/' "$work/control/md5sums" | md5sum -c --quiet)
}
if [ ! -x "$binary" ]; then
  skip 'installer and Debian package: no build of the program'
else
  try 'installer: into a folder, again, and away' installed
  if have dpkg-deb; then
    try 'Debian package: built, listed, unpacked' package
  else
    skip 'Debian package: no dpkg-deb'
  fi
fi

printf 'packaging: %s checked, %s failed, %s skipped\n' "$checked" "$failed" "$skipped"
[ "$failed" = 0 ]
