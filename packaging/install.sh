#!/usr/bin/env bash
# From a built program, or what a release archive or a Debian package holds, to a running systemd service:
#
#   sudo packaging/install.sh --database 127.0.0.1:3306 --username db_taxi --password-file ./password
#
# Again with a newer program it upgrades: settings, key and account stay as they are. Nothing is downloaded.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd -P)

usage() {
  cat <<'END'
usage: install.sh [--binary FILE | --deb FILE] [--prefix FOLDER] [--database HOST:PORT] [--username NAME]
                  [--password-file FILE] [--no-start] [--dry-run] [--uninstall]

  --binary FILE         the program; by default the one beside this script, or of a build in this tree
  --deb FILE            install this Debian package instead
  --prefix FOLDER       put everything below FOLDER (a test, an image); nothing is started, no account made
  --database HOST:PORT  the local server, for settings that are not there yet [127.0.0.1:3306]
  --username NAME       account on it [db_taxi]
  --password-file FILE  its password; copied to /etc/db-taxi/database-password
  --no-start            install only
  --dry-run             say what would be done
  --uninstall           stop and remove; settings, key and account stay
END
}
die() { printf 'install.sh: %s\n' "$*" >&2; exit 2; }

binary= deb= prefix= database=127.0.0.1:3306 username=db_taxi password= start=1 dry= remove=
while [ $# -gt 0 ]; do
  case $1 in
    --binary) binary=${2:?}; shift ;;
    --deb) deb=${2:?}; shift ;;
    --prefix) prefix=${2:?}; shift ;;
    --database) database=${2:?}; shift ;;
    --username) username=${2:?}; shift ;;
    --password-file) password=${2:?}; shift ;;
    --no-start) start= ;;
    --dry-run) dry=1 ;;
    --uninstall) remove=1 ;;
    -h | --help) usage; exit 0 ;;
    *) usage >&2; die "unknown argument $1" ;;
  esac
  shift
done
prefix=${prefix%/}
case $prefix in '' | /*) ;; *) prefix=$PWD/$prefix ;; esac
[ -z "$prefix" ] || start=
[ -n "$prefix" ] || [ -n "$dry" ] || [ "$(id -u)" = 0 ] || die "needs root: sudo $0 (or --prefix FOLDER)"
case $database in *:*) ;; *) die "--database $database is not HOST:PORT" ;; esac
[ -z "$password" ] || [ -r "$password" ] || die "$password can't be read"

# Does a step, or says it.
step() { if [ -n "$dry" ]; then printf 'would: %s\n' "$*"; else "$@"; fi; }
say() { printf '%s\n' "$*"; }
# Whether systemd runs this machine.
systemd() { [ -z "$prefix" ] && [ -d /run/systemd/system ]; }

settings=$prefix/etc/db-taxi/config.yaml
unit=$prefix/etc/systemd/system/db-taxi.service

if [ -n "$remove" ]; then
  if systemd; then step systemctl disable --now db-taxi.service || true; fi
  step rm -f "$unit" "$prefix/usr/local/bin/db-taxi" "$prefix/usr/local/share/man/man1/"db-taxi*.1 \
    "$prefix/usr/local/share/bash-completion/completions/db-taxi"
  if systemd; then step systemctl daemon-reload; fi
  say "removed; $prefix/etc/db-taxi and $prefix/var/lib/db-taxi (the key) stay"
  exit 0
fi

if [ -n "$deb" ]; then
  [ -z "$prefix" ] || die "--deb and --prefix exclude each other: dpkg-deb -x unpacks a package anywhere"
  [ -r "$deb" ] || die "$deb can't be read"
  step apt-get install -y "$(readlink -f "$deb")"
else
  if [ -z "$binary" ]; then
    for binary in "$here/db-taxi" "$here/../db-taxi" "$here/../target/dist/db-taxi" "$here/../target/release/db-taxi"; do
      [ -x "$binary" ] && break
    done
  fi
  [ -x "$binary" ] || die "no program: cargo build --locked --profile dist, or --binary FILE"
  new=$("$binary" --version) || die "$binary does not run here"
  old=$("$prefix/usr/local/bin/db-taxi" --version 2>/dev/null || echo none)
  say "program: $new (was: $old)"
  step install -d "$prefix/usr/local/bin"
  # Renamed into place: a running one keeps its file.
  step install -m 0755 "$binary" "$prefix/usr/local/bin/.db-taxi.new"
  step mv -f "$prefix/usr/local/bin/.db-taxi.new" "$prefix/usr/local/bin/db-taxi"
  step install -d "$prefix/usr/local/share/man/man1" "$prefix/usr/local/share/bash-completion/completions"
  step "$binary" man --dir "$prefix/usr/local/share/man/man1"
  if [ -n "$dry" ]; then
    say "would: write $prefix/usr/local/share/bash-completion/completions/db-taxi and $unit"
  else
    "$binary" completions bash >"$prefix/usr/local/share/bash-completion/completions/db-taxi"
    install -d "${unit%/*}"
    sed 's|/usr/bin/db-taxi|/usr/local/bin/db-taxi|; s|/usr/share/doc/db-taxi|/usr/local/share/doc/db-taxi|' \
      "$here/systemd/db-taxi.service" >"$unit.new"
    chmod 0644 "$unit.new"
    mv -f "$unit.new" "$unit"
  fi
  if [ -z "$prefix" ] && ! getent passwd db-taxi >/dev/null; then
    step useradd --system --user-group --home-dir /var/lib/db-taxi --no-create-home --shell /usr/sbin/nologin db-taxi
  fi
fi

# --- settings: made once -----------------------------------------------------------------------

group=root
[ -n "$prefix" ] || group=db-taxi
own() { if [ -z "$prefix" ]; then step chown "root:$group" "$1"; fi; }
step install -d -m 0750 "${settings%/*}"
own "${settings%/*}"
if [ -n "$password" ]; then
  step install -m 0640 "$password" "${settings%/*}/database-password"
  own "${settings%/*}/database-password"
fi
write_settings() {
  local host=${database%:*} port=${database##*:}
  (
    umask 027
    {
      printf '# Settings of the DB-Taxi service; `db-taxi config template` shows every key. Read again when it changes.\n'
      printf 'database:\n  host: "%s"\n  port: %s\n  username: "%s"\n' "$host" "$port" "$username"
      [ -z "$password" ] || printf '  password: ${file:/etc/db-taxi/database-password}\n'
      printf 'server:\n  host: 127.0.0.1\n  port: 8080\n'
    } >"$settings"
  )
}
if [ -e "$settings" ] && { [ -z "$deb" ] || ! cmp -s "$settings" "$here/deb/config.yaml"; }; then
  say "settings: $settings stay as they are"
elif [ -n "$dry" ]; then
  say "would: write $settings for the server $database"
else
  write_settings
  own "$settings"
  say "settings: $settings"
fi

# --- the service -------------------------------------------------------------------------------

if [ -z "$prefix" ] && [ -z "$dry" ]; then
  program=/usr/local/bin/db-taxi
  [ -z "$deb" ] || program=/usr/bin/db-taxi
  "$program" config check --config "$settings"
fi
if ! systemd; then
  [ -n "$prefix" ] || say "systemd does not run here: start it by $prefix/usr/local/bin/db-taxi --headless"
  exit 0
fi
step systemctl daemon-reload
if [ -z "$start" ]; then
  say "start it: systemctl enable --now db-taxi"
else
  step systemctl enable db-taxi.service
  step systemctl restart db-taxi.service
  say "it runs: systemctl status db-taxi, curl http://127.0.0.1:8080/health/ready"
  say "keep a copy of /var/lib/db-taxi/secret.key, once it is there: without it the stored passwords are lost"
fi
