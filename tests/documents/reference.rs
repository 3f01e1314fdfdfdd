//! The generated pages: the reference of settings and of commands. They are made from the program
//! and held equal to it; `DB_TAXI_WRITE_REFERENCE=1 cargo nextest run --test documents reference`
//! writes them.

use std::fmt::Write;
use std::path::Path;

use clap::{Command, CommandFactory};
use db_taxi::cli::Cli;
use db_taxi::settings::keys::{KEYS, Key, Preset, SECTIONS};

pub const MADE: &str = "<!-- Made from the program; see CONTRIBUTING.md. -->\n";

/// Compares a page with what the program says, or writes it.
pub fn held(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    if std::env::var_os("DB_TAXI_WRITE_REFERENCE").is_some() {
        std::fs::write(&path, text).unwrap();
        return;
    }
    let stored = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        stored == text,
        "{name} is not what the program says; \
         DB_TAXI_WRITE_REFERENCE=1 cargo nextest run --test documents reference"
    );
}

/// Text within a cell of a table.
pub fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

fn default_of(key: &Key) -> String {
    match key.default {
        Preset::Text("") => "empty".to_owned(),
        Preset::Text(text) => format!("`{text}`"),
        Preset::Nothing => "none".to_owned(),
        Preset::Derived(how) => how.to_owned(),
    }
}

fn settings() -> String {
    let mut page = format!(
        "{MADE}# Settings\n\n\
         Precedence: flags (`--set sync.batch_size=500`), environment (`DBT_SYNC_BATCH_SIZE`), the file, the defaults.\n\
         `db-taxi config show` prints what is in force and where it came from, `db-taxi config template` a file with every key.\n\
         Durations: `500ms 30s 5m 1h 30d 2w`, also `1h 30m`; `0s` is no limit. Sizes: `64KiB 16MiB 1GiB` or bytes.\n"
    );
    for section in SECTIONS.iter().chain(&["notifications"]) {
        let keys: Vec<&Key> = KEYS
            .iter()
            .filter(|key| key.name.split('.').next() == Some(section))
            .collect();
        if keys.is_empty() {
            continue;
        }
        write!(
            page,
            "\n## {section}\n\n| key | default | meaning | allowed |\n| --- | --- | --- | --- |\n"
        )
        .unwrap();
        for key in keys {
            writeln!(
                page,
                "| `{}` | {} | {} | {} |",
                key.name,
                cell(&default_of(key)),
                cell(key.doc),
                cell(&key.kind.allowed())
            )
            .unwrap();
        }
    }
    page
}

fn command(page: &mut String, command: &mut Command, path: &str) {
    // The global options are told once.
    let hide = |arg: clap::Arg| {
        let inner = path.contains(' ') && arg.is_global_set();
        if inner { arg.hide(true) } else { arg }
    };
    let help = command
        .clone()
        .mut_args(hide)
        .render_long_help()
        .to_string();
    let help: Vec<&str> = help.trim_end().lines().map(str::trim_end).collect();
    write!(page, "\n## {path}\n\n```text\n{}\n```\n", help.join("\n")).unwrap();
    for inner in command.get_subcommands_mut() {
        if inner.is_hide_set() {
            continue;
        }
        let path = format!("{path} {}", inner.get_name());
        self::command(page, inner, &path);
    }
}

fn commands() -> String {
    let mut page = format!(
        "{MADE}# Commands\n\nAs `--help` says it; the global options stand with `db-taxi` only.\n"
    );
    let mut root = Cli::command().term_width(100);
    root.build();
    command(&mut page, &mut root, "db-taxi");
    page
}

fn keys() -> String {
    let mut page = format!(
        "{MADE}# Keys of the dashboard\n\n\
         Every action can have other keys: `dashboard: {{keys: {{stop_job: [X], quit: [q, ctrl-x]}}}}` in the settings;\n\
         an empty list takes an action's keys away. A key is one character, `ctrl-` and a letter, or one of\n\
         `enter esc tab backtab backspace delete up down left right home end pgup pgdn space`.\n\
         Within one place a key means one thing; a clash is told at the start. `db-taxi config keys` prints what is in force.\n"
    );
    let mut place = "";
    for row in db_taxi::dashboard::actions(&std::collections::BTreeMap::new()).unwrap() {
        if row.place != place {
            place = row.place;
            write!(
                page,
                "\n## {place}\n\n| action | keys | meaning |\n| --- | --- | --- |\n"
            )
            .unwrap();
        }
        let keys: Vec<String> = row
            .keys
            .iter()
            .map(|key| format!("`{}`", cell(key)))
            .collect();
        writeln!(
            page,
            "| `{}` | {} | {} |",
            row.id,
            keys.join(" "),
            cell(row.help)
        )
        .unwrap();
    }
    page
}

#[test]
fn the_reference_of_keys_is_what_the_program_says() {
    let page = keys();
    assert!(page.contains("| `stop_job` | `x` |"));
    held("docs/reference/keys.md", &page);
}

#[test]
fn the_reference_of_settings_is_what_the_program_says() {
    let page = settings();
    assert!(
        KEYS.iter()
            .all(|key| page.contains(&format!("| `{}` |", key.name)))
    );
    held("docs/reference/settings.md", &page);
}

#[test]
fn the_reference_of_commands_is_what_the_program_says() {
    let page = commands();
    assert!(page.contains("## db-taxi mappings import\n") && page.contains("--dry-run"));
    held("docs/reference/commands.md", &page);
}
