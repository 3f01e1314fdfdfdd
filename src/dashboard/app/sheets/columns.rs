//! Columns and keys of a source's table.

use super::field;
use crate::dashboard::app::format::plural;
use crate::dashboard::app::overlay::Sheet;
use crate::dashboard::app::text::{Line, Tone};
use crate::model::report::TableInfo;

/// One table of a source.
#[must_use]
pub fn columns(table: &TableInfo) -> Sheet {
    let widest = |lengths: &mut dyn Iterator<Item = usize>| lengths.max().unwrap_or(0).clamp(4, 32);
    let names = widest(&mut table.columns.iter().map(|c| c.name.chars().count()));
    let types = widest(&mut table.columns.iter().map(|c| c.column_type.chars().count()));
    let mut lines = vec![
        Line::of(
            format!(
                "{}, {}",
                table.engine,
                plural(table.columns.len(), "column", "columns")
            ),
            Tone::Dim,
        ),
        Line::empty(),
    ];
    for column in &table.columns {
        let null = if column.nullable { "NULL" } else { "NOT NULL" };
        lines.push(
            Line::of(format!("{:<names$}  ", column.name), Tone::Strong)
                .and(
                    format!("{:<types$}  {null:<8}", column.column_type),
                    Tone::Plain,
                )
                .and(format!("  {}", column.extra), Tone::Dim)
                .hanging(names + 2),
        );
    }
    lines.push(Line::empty());
    lines.push(Line::of("Keys", Tone::Strong));
    if table.keys.is_empty() {
        lines.push(Line::of(
            "! none: rows can't be told apart, so only a full copy is possible",
            Tone::Warn,
        ));
    }
    for key in &table.keys {
        let unique = if key.unique { "unique" } else { "" };
        lines.push(
            Line::of(format!("{:<names$}  ", key.name), Tone::Plain)
                .and(
                    format!("{unique:<6}  ({})", key.parts.join(", ")),
                    Tone::Plain,
                )
                .hanging(names + 2),
        );
    }
    for foreign in &table.foreign_keys {
        lines.push(field("Foreign key", foreign));
    }
    if !table.triggers.is_empty() {
        lines.push(field("Triggers", table.triggers.join(", ")));
    }
    lines.push(Line::empty());
    lines.extend(
        table
            .create_sql
            .lines()
            .map(|text| Line::of(text, Tone::Accent).hanging(4)),
    );
    Sheet::text(format!("Table {}", table.name), lines)
}
