//! What changes without a restart, and how a change is told.

use super::super::changes::changes;
use super::*;

/// A file that sets `key` to something else than its default.
fn other_than_default(key: &Key) -> String {
    let value = match key.kind {
        Kind::Text | Kind::OptionalText | Kind::Name => "another".to_owned(),
        Kind::Word(words) => {
            let Preset::Text(default) = key.default else {
                return format!("{}: {}", key.name, words[0]);
            };
            let other = words.iter().find(|word| **word != default);
            (*other.unwrap()).to_owned()
        }
        Kind::Secret => "${env:ANOTHER}".to_owned(),
        Kind::Flag => match key.default {
            Preset::Text("true") => "false".to_owned(),
            _ => "true".to_owned(),
        },
        Kind::Number { min, .. } => {
            let least = min.max(11);
            least.to_string()
        }
        Kind::Duration { .. } => "77s".to_owned(),
        Kind::Size { .. } => "3MiB".to_owned(),
        Kind::Words(words) => format!("[{}]", words[0]),
        Kind::Ssl => "true".to_owned(),
        Kind::Levels => "{sync: debug}".to_owned(),
        Kind::Keys => "{quit: [f10]}".to_owned(),
        Kind::Zone => "Europe/Berlin".to_owned(),
        Kind::Throttle => "gentle".to_owned(),
        // Lists, and what only some keys take: nothing that fits all.
        _ => match key.name {
            "server.cors_origins" => "[\"https://app.example.com\"]".to_owned(),
            _ => "[another]".to_owned(),
        },
    };
    format!("{}: {value}", key.name)
}

#[test]
fn what_the_table_calls_live_is_taken_over_and_nothing_else() {
    let started = loaded("", &[], &[]);
    for key in KEYS {
        let line = other_than_default(key);
        let (name, value) = line.split_once(": ").unwrap();
        let Some((section, short)) = name.split_once('.') else {
            continue;
        };
        // Keys that are right only together with another one are left out.
        let (_dir, options) = options(&format!("{section}:\n  {short}: {value}\n"), &[], &[]);
        let Ok(new) = load(&options) else { continue };
        let told = changes(&started, &new);
        assert_eq!(told.len(), 1, "{line}: {told:?}");
        assert_eq!((told[0].key, told[0].live), (key.name, key.live));
        let merged = started.settings.with_live_of(&new.settings);
        let taken = merged != started.settings;
        assert_eq!(taken, key.live, "{line}");
        if key.live {
            assert_eq!(merged, new.settings, "{line}");
        }
    }
}

#[test]
fn a_change_is_told_with_both_values_and_a_secret_by_name_only() {
    let old = loaded("sync:\n  batch_size: 500\n", &[], &[]);
    let new = loaded(
        "sync:\n  batch_size: 700\ndatabase:\n  password: canary-secret\n  host: db2\n",
        &[],
        &[],
    );
    let told: Vec<String> = changes(&old, &new)
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        told,
        [
            "database.host: db2, was localhost",
            "database.password has changed",
            "sync.batch_size: 700, was 500"
        ]
    );
    assert!(changes(&new, &new).is_empty());
}
