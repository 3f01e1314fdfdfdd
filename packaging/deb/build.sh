#!/usr/bin/env bash
# Builds the Debian package from a built program, with dpkg-deb alone.
#
#   packaging/deb/build.sh [--binary FILE] [--out FOLDER]
#
# DB_TAXI_COMPRESSION=none is quicker than xz, for a try. FILE is target/dist/db-taxi, or else target/release/db-taxi, unless it is given; FOLDER is target/deb.
# Prints the path of the package.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd -P)
root=$(cd "$here/../.." && pwd -P)
die() { printf 'build.sh: %s\n' "$*" >&2; exit 1; }

binary= out=$root/target/deb
while [ $# -gt 0 ]; do
  case $1 in
    --binary) binary=${2:?}; shift ;;
    --out) out=${2:?}; shift ;;
    *) die "usage: build.sh [--binary FILE] [--out FOLDER]" ;;
  esac
  shift
done
if [ -z "$binary" ]; then
  for binary in "$root/target/dist/db-taxi" "$root/target/release/db-taxi"; do [ -x "$binary" ] && break; done
fi
[ -x "$binary" ] || die "no program at $binary: cargo build --locked --profile dist"
command -v dpkg-deb >/dev/null || die "no dpkg-deb: this is for Debian and Ubuntu"

version=$("$binary" --version | awk '{ print $2 }')
# 1.0.0-rc.1 comes before 1.0.0.
version=${version/-/\~}
architecture=$(dpkg --print-architecture)
tree=$(mktemp -d "${TMPDIR:-/tmp}/db-taxi-deb.XXXXXX")
trap 'rm -rf "$tree"' EXIT
umask 022
chmod 0755 "$tree"

install -D -m 0755 "$binary" "$tree/usr/bin/db-taxi"
if command -v strip >/dev/null; then strip --strip-unneeded "$tree/usr/bin/db-taxi"; fi
install -D -m 0644 "$root/packaging/systemd/db-taxi.service" "$tree/lib/systemd/system/db-taxi.service"
install -D -m 0644 "$root/packaging/systemd/db-taxi.sysusers" "$tree/usr/lib/sysusers.d/db-taxi.conf"
install -D -m 0640 "$here/config.yaml" "$tree/etc/db-taxi/config.yaml"
chmod 0750 "$tree/etc/db-taxi"

doc=$tree/usr/share/doc/db-taxi
install -d "$doc" "$tree/usr/share/man/man1"
"$binary" man --dir "$tree/usr/share/man/man1"
gzip -9n "$tree/usr/share/man/man1/"*
install -d "$tree/usr/share/bash-completion/completions" "$tree/usr/share/zsh/vendor-completions" "$tree/usr/share/fish/vendor_completions.d"
"$binary" completions bash >"$tree/usr/share/bash-completion/completions/db-taxi"
"$binary" completions zsh >"$tree/usr/share/zsh/vendor-completions/_db-taxi"
"$binary" completions fish >"$tree/usr/share/fish/vendor_completions.d/db-taxi.fish"
install -m 0644 "$root/config.example.yaml" "$root"/docs/*.md "$doc/"
cp -r "$root/docs/reference" "$doc/"
for folder in grafana prometheus kubernetes; do
  [ -d "$root/packaging/$folder" ] && { install -d "$doc/examples"; cp -r "$root/packaging/$folder" "$doc/examples/"; }
done
{
  printf 'Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\nUpstream-Name: db-taxi\n\nFiles: *\n'
  sed -n 's/^Copyright (c) /Copyright: /p' "$root/LICENSE"
  printf 'License: Expat\n'
  sed '1,/^Copyright/d; s/^$/./; s/^/ /' "$root/LICENSE" | sed '1{/^ \.$/d}'
} >"$doc/copyright"
{
  printf 'db-taxi (%s) unstable; urgency=medium\n\n  * See /usr/share/doc/db-taxi/CHANGELOG.md.gz.\n\n' "$version"
  printf ' -- DB-Taxi <db-taxi@localhost>  %s\n' "$(date -R -d "@${SOURCE_DATE_EPOCH:-$(stat -c %Y "$root/CHANGELOG.md")}")"
} | gzip -9n >"$doc/changelog.gz"
gzip -9nc "$root/CHANGELOG.md" >"$doc/CHANGELOG.md.gz"
find "$tree" -type d -exec chmod u=rwx,go=rx {} +
chmod 0750 "$tree/etc/db-taxi"
find "$doc" -type f -exec chmod 0644 {} +

# What the program needs of the C library: the youngest symbol that it names.
libc=$(grep -aoE 'GLIBC_2\.[0-9]+' "$binary" | sort -uV | tail -1 | cut -d_ -f2)
mkdir "$tree/DEBIAN"
cat >"$tree/DEBIAN/control" <<END
Package: db-taxi
Version: $version
Section: database
Priority: optional
Architecture: $architecture
Installed-Size: $(du -ks --exclude=DEBIAN "$tree" | cut -f1)
Maintainer: DB-Taxi <db-taxi@localhost>
Depends: libc6 (>= ${libc:-2.36}), libgcc-s1, adduser
Recommends: ca-certificates
Suggests: mariadb-server | default-mysql-server
Description: keeps local copies of MySQL and MariaDB tables in step
 DB-Taxi copies tables of remote MySQL and MariaDB servers to a local server
 and keeps them in step: whole tables at one point in time, or only what
 changed. It compares what it wrote, goes on where it was stopped, and runs as
 a command, as a terminal dashboard, or as this service.
END
printf '/etc/db-taxi/config.yaml\n' >"$tree/DEBIAN/conffiles"
for script in postinst prerm postrm; do install -m 0755 "$here/$script" "$tree/DEBIAN/$script"; done
(cd "$tree" && find . -path ./DEBIAN -prune -o -type f -printf '%P\0' | LC_ALL=C sort -z | xargs -0 md5sum) >"$tree/DEBIAN/md5sums"
chmod 0644 "$tree"/DEBIAN/{control,conffiles,md5sums}

mkdir -p "$out"
package=$out/db-taxi_${version}_$architecture.deb
dpkg-deb --root-owner-group -Z"${DB_TAXI_COMPRESSION:-xz}" --build "$tree" "$package" >/dev/null
printf '%s\n' "$package"
