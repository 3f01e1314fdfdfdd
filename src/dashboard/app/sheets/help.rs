//! The help: every key that works in the place it was opened from, then every other.

use crate::dashboard::app::action::{ACTIONS, ActionInfo, Context};
use crate::dashboard::app::overlay::{Sheet, SheetKind};
use crate::dashboard::app::state::State;
use crate::dashboard::app::text::{Line, Tone};

/// Columns of the keys.
const KEYS: usize = 16;

/// The help for the place that the keys go to.
#[must_use]
pub fn help(state: &State) -> Sheet {
    let here = state.place();
    let mut contexts: Vec<Context> = here.to_vec();
    contexts.extend(Context::ALL.iter().filter(|c| !here.contains(c)));
    let mut lines = Vec::new();
    for (i, context) in contexts.iter().enumerate() {
        if i == here.len() {
            lines.push(Line::empty());
            lines.push(Line::of("In other places", Tone::Dim));
        }
        lines.push(Line::empty());
        lines.push(Line::of(context.title(), Tone::Strong));
        for row in ACTIONS.iter().filter(|row| row.context == *context) {
            lines.push(row_line(state, row));
        }
    }
    if let Some(overview) = &state.overview {
        lines.push(Line::empty());
        lines.push(Line::of(
            format!(
                "db-taxi {} · instance {}",
                overview.version, overview.instance
            ),
            Tone::Dim,
        ));
    }
    lines.remove(0);
    Sheet::text("Help", lines).of_kind(SheetKind::Help)
}

fn row_line(state: &State, row: &ActionInfo) -> Line {
    let keys: Vec<String> = state
        .setup
        .keymap
        .keys(row.action)
        .iter()
        .map(ToString::to_string)
        .collect();
    let keys = if keys.is_empty() {
        "no key".to_owned()
    } else {
        keys.join(" ")
    };
    let mut line = Line::of(format!("  {keys:<KEYS$}"), Tone::Accent).and(row.help, Tone::Plain);
    if row.writes && state.setup.read_only {
        line = line.and("  (off: read-only)", Tone::Warn);
    }
    line.hanging(KEYS + 2)
}
