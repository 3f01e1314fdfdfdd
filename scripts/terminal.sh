# A terminal for scripts, in tmux, with nothing but the dashboard in it; sourced after stage.sh.
#
# open_terminal WIDTHxHEIGHT [ARGUMENT...]   opens the dashboard of $home with more arguments
# screen                 what it shows; `colours` the same with its escape sequences
# wait_for TEXT          waits until the screen shows a text (blanks count as one)
# press KEY WORDS        presses a key that stands on the screen with these words, and no other
# field LABEL TEXT       goes to a field of a form by the key that the footer names, and types
#
# Everything fails after $patience seconds with the screen that was there.

patience=${PATIENCE:-60}
terminal() { tmux -f /dev/null -S "$work/tmux" "$@"; }
screen() { terminal capture-pane -p; }
colours() { terminal capture-pane -e -p; }

open_terminal() { # SIZE ARGUMENT...
  local size=$1; shift
  have tmux || die "tmux is not installed"
  rm -f "$work/ended"
  # The wrapper keeps the exit code; nothing of the caller's environment gets in.
  terminal new-session -d -x "${size%x*}" -y "${size#*x}" env -i PATH="$PATH" HOME="$home" XDG_CONFIG_HOME="$home" \
    TERM=tmux-256color COLORTERM=truecolor LANG=C.UTF-8 USER=dba sh -c '"$@"; echo $? >"$0"' \
    "$work/ended" "$taxi" --config "$home/config.yaml" "$@"
  kill_later+=("$(terminal display-message -p '#{pid}')")
  # What the dashboard copies (OSC 52) can be read with `terminal show-buffer`.
  terminal set-option -s set-clipboard on
}

# One line per row, runs of blanks as one: what a person reads.
read_screen() { screen | tr -s ' '; }
give_up() { # WHAT
  say "$1; on the screen:"
  screen >&2 || true
  exit 1
}
wait_for() { # TEXT [SECONDS]
  local end=$((SECONDS + ${2:-$patience}))
  until read_screen | grep -qF -- "$1"; do
    [ ! -e "$work/ended" ] || die "the dashboard has ended (code $(cat "$work/ended")) before it showed '$1'"
    [ $SECONDS -lt $end ] || give_up "not shown: $1"
    sleep 0.1
  done
}
wait_until_gone() { # TEXT
  local end=$((SECONDS + patience))
  while read_screen | grep -qF -- "$1"; do
    [ $SECONDS -lt $end ] || give_up "still shown: $1"
    sleep 0.1
  done
}

# The name that tmux has for a key of the dashboard.
tmux_key() {
  case $1 in
    enter) echo Enter ;; esc) echo Escape ;; tab) echo Tab ;; space) echo Space ;;
    up | down | left | right) echo "${1^}" ;;
    ctrl-?) echo "C-${1#ctrl-}" ;;
    ?) echo "$1" ;;
    *) die "no such key: $1" ;;
  esac
}
# Footer and tabs name a key before what it does; a question, the help and the page of an empty
# installation may name one anywhere.
names_key() { # KEY WORDS
  local pattern
  pattern=$(printf '%s %s' "$1" "$2" | sed 's/[][\.*^$?+(){}|\/]/\\&/g')
  read_screen | grep -qE -- "(^|[^[:alnum:]])$pattern([^[:alnum:]]|\$)"
}
press() { # KEY WORDS
  local end=$((SECONDS + patience))
  until names_key "$1" "$2"; do
    [ $SECONDS -lt $end ] || give_up "no key '$1' with '$2'"
    sleep 0.1
  done
  pressed=$((${pressed:-0} + 1))
  terminal send-keys -- "$(tmux_key "$1")"
  sleep 0.15
}
type_text() { terminal send-keys -l -- "$1"; }
# The label of the field that has the keys, in a form.
focus() { read_screen | sed -n 's/.*▌ \(.\{8\}\).*/\1/p' | head -n 1; }
field() { # LABEL TEXT [unseen]
  local _ before end
  wait_for 'next field'
  for _ in $(seq 30); do
    if read_screen | grep -qF "▌ $1"; then
      type_text "$2"
      [ -n "${3:-}" ] || wait_for "$2"
      return
    fi
    before=$(focus)
    press tab 'next field'
    end=$((SECONDS + patience))
    until [ "$(focus)" != "$before" ]; do
      [ $SECONDS -lt $end ] || give_up "the key does not go on from '$before'"
      sleep 0.05
    done
  done
  give_up "no field '$1'"
}
wait_for_end() { # prints the exit code
  local end=$((SECONDS + patience))
  until [ -s "$work/ended" ]; do
    [ $SECONDS -lt $end ] || give_up "it does not end"
    sleep 0.1
  done
  cat "$work/ended"
}
