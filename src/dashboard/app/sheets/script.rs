//! What came of writing statements that repair.

use super::{field, marked};
use crate::dashboard::app::format::count;
use crate::dashboard::app::overlay::Sheet;
use crate::dashboard::app::text::{Line, Tone};
use crate::model::report::RepairScript;

/// Where they are, and what each table was found to be.
#[must_use]
pub fn script(script: &RepairScript) -> Sheet {
    let mut lines = vec![field("File", &script.file), Line::empty()];
    for (table, outcome) in &script.tables {
        match outcome {
            Ok(0) => lines.push(marked(true, format!("{table}: equal now, no statements"))),
            Ok(rows) => lines.push(marked(true, format!("{table}: {} rows", count(*rows)))),
            Err(error) => {
                lines.push(marked(false, format!("{table}: {}", error.message)));
                if let Some(hint) = &error.hint {
                    lines.push(field("     to do", hint));
                }
            }
        }
    }
    lines.push(Line::empty());
    lines.push(Line::of(
        "Nothing was changed. Run it with the client of the local server while nothing else \
         writes these rows.",
        Tone::Dim,
    ));
    Sheet::text("Statements are written", lines)
}
