//! The texts of the sheets: help, reports, details, refusals.

mod changes;
mod columns;
mod details;
mod help;
mod instances;
mod reports;
mod script;

pub use changes::{SHOWN as SHOWN_CHANGES, changes};
pub use columns::columns;
pub use details::{address, config, connection, table, verified};
pub use help::help;
pub use instances::instances;
pub use reports::{database_down, grants, refusal, test_report, welcome};
pub use script::script;

use super::text::{Line, Tone};

/// What is said while a connection is tested.
#[must_use]
pub fn testing(name: &str) -> String {
    format!("testing {name}")
}

/// What is said while a config is planned.
#[must_use]
pub fn planning(config: &str, exact: bool) -> String {
    if exact {
        format!("comparing the targets of {config} to count what a run would change")
    } else {
        format!("planning {config}")
    }
}

/// What is said while the audit log is read.
pub const READING_CHANGES: &str = "reading who changed what";

/// What is said while a mapping file is read.
#[must_use]
pub fn reading(path: &str) -> String {
    format!("reading {path}")
}

/// Columns of the names in `field`.
const NAME: usize = 16;

/// `name` and a value beside it.
pub(super) fn field(name: &str, value: impl AsRef<str>) -> Line {
    Line::of(format!("{name:<NAME$}"), Tone::Dim)
        .and(value, Tone::Plain)
        .hanging(NAME)
}

/// A mark with a word, so that colour is never alone.
fn marked(ok: bool, text: impl AsRef<str>) -> Line {
    let (mark, tone) = if ok {
        ("ok   ", Tone::Good)
    } else {
        ("!    ", Tone::Bad)
    };
    Line::of(mark, tone).and(text, Tone::Plain).hanging(5)
}

/// The same for something that is worth a look.
pub(super) fn warned(text: impl AsRef<str>) -> Line {
    Line::of("!    ", Tone::Warn)
        .and(text, Tone::Plain)
        .hanging(5)
}
