//! The audit log: who changed what, and from what to what.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use crate::dashboard::app::format::plural;
use crate::dashboard::app::overlay::Sheet;
use crate::dashboard::app::text::{Line, Tone};
use crate::model::audit::AuditEntry;

/// Entries that are shown; older ones are in `GET /api/sync/audit`.
pub const SHOWN: u32 = 500;
/// Longest value that is shown whole.
const LONGEST: usize = 120;

/// Changes, the newest first: each with its fields, as they were and as they are.
#[must_use]
pub fn changes(entries: &[AuditEntry]) -> Sheet {
    let mut lines = Vec::new();
    for entry in entries {
        lines.push(
            Line::of(shown_time(entry.time), Tone::Dim)
                .and(format!("  {}", entry.action), Tone::Strong)
                .and(format!("  {}", entry.object), Tone::Accent)
                .and(format!("  by {}", entry.actor), Tone::Plain)
                .hanging(4),
        );
        lines.extend(fields(entry));
    }
    match entries.len() {
        0 => lines.push(Line::of("Nothing was changed yet.", Tone::Dim)),
        n if n >= SHOWN as usize => {
            lines.push(Line::empty());
            lines.push(Line::of(
                format!(
                    "Older ones: GET /api/sync/audit. Shown here: the newest {}.",
                    plural(n, "change", "changes")
                ),
                Tone::Dim,
            ));
        }
        _ => {}
    }
    Sheet::text("Changes: who, what, before, after", lines)
}

fn shown_time(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%d %H:%M:%S").to_string()
}

/// One line for each field that tells something.
fn fields(entry: &AuditEntry) -> Vec<Line> {
    let empty = Map::new();
    let object = |side: &Option<Value>| match side {
        Some(Value::Object(fields)) => fields.clone(),
        Some(other) => Map::from_iter([("all".to_owned(), other.clone())]),
        None => empty.clone(),
    };
    let (was, is) = (object(&entry.before), object(&entry.after));
    let both = entry.before.is_some() && entry.after.is_some();
    let names = was
        .keys()
        .chain(is.keys().filter(|name| !was.contains_key(*name)));
    names
        .filter_map(|name| {
            let (old, new) = (was.get(name), is.get(name));
            let nothing = |value: Option<&Value>| {
                value.is_none_or(|value| {
                    value.is_null()
                        || *value == Value::Bool(false)
                        || value.as_array().is_some_and(Vec::is_empty)
                })
            };
            // Of what was made or removed whole, only what is not as it always is.
            if !both && nothing(old) && nothing(new) {
                return None;
            }
            let line = Line::of(format!("    {name}: "), Tone::Dim).hanging(8);
            Some(if both {
                line.and(short(old), Tone::Plain)
                    .and(" → ", Tone::Dim)
                    .and(short(new), Tone::Plain)
            } else {
                line.and(short(old.or(new)), Tone::Plain)
            })
        })
        .collect()
}

fn short(value: Option<&Value>) -> String {
    let text = match value {
        None | Some(Value::Null) => return "default".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    };
    if text.chars().count() <= LONGEST {
        return text;
    }
    let cut: String = text.chars().take(LONGEST - 1).collect();
    format!("{cut}…")
}
