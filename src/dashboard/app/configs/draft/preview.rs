//! A preview of a rule as lines: what could go wrong, what is read, five rows of it.

use crate::dashboard::app::format;
use crate::dashboard::app::sheets::warned;
use crate::dashboard::app::text::{Line, Tone, fit};
use crate::model::plan::Severity;
use crate::model::preview::RulePreview;

/// Columns of a column's name.
const NAME: usize = 18;
/// Columns of one value.
const VALUE: usize = 22;

/// The lines.
#[must_use]
pub fn lines(preview: &RulePreview) -> Vec<Line> {
    let plan = &preview.plan;
    let mut lines = vec![
        Line::of(
            format!("{} → {}", preview.source_table, preview.target_table),
            Tone::Strong,
        )
        .and(
            format!(
                "   about {} rows, {}",
                format::about(plan.rows_estimate),
                format::bytes(plan.bytes_estimate)
            ),
            Tone::Plain,
        ),
    ];
    if preview.tables > 1 {
        lines.push(Line::of(
            format!("the first of {} tables under this rule", preview.tables),
            Tone::Dim,
        ));
    }
    let mut ways = vec![plan.sync_mode.as_str().to_owned()];
    ways.extend(plan.strategy.clone());
    ways.extend(plan.full_strategy.as_ref().map(|way| way.replace('_', " ")));
    lines.push(Line::plain(format!("{}: {}", ways.join(", "), plan.reason)).hanging(2));
    for risk in plan.risks.iter().filter(|r| r.severity != Severity::Info) {
        let stop = risk.severity == Severity::Stop;
        let (word, tone) = if stop {
            ("! stop ", Tone::Bad)
        } else {
            ("! ", Tone::Warn)
        };
        lines.push(
            Line::of(word, tone)
                .and(&risk.message, Tone::Plain)
                .hanging(2),
        );
        if let Some(remedy) = &risk.remedy {
            lines.push(Line::of(format!("  {remedy}"), Tone::Accent).hanging(2));
        }
    }
    lines.push(Line::empty());
    lines.push(Line::of("Read is", Tone::Strong));
    lines.extend(
        preview
            .sql
            .lines()
            .map(|line| Line::of(line, Tone::Accent).hanging(4)),
    );
    lines.push(Line::empty());
    lines.push(Line::of("Rows as they would arrive", Tone::Strong));
    lines.extend(rows(preview));
    if let Some(note) = &preview.note {
        lines.push(warned(note));
    }
    lines
}

/// A line for each column, with its value in each row.
fn rows(preview: &RulePreview) -> Vec<Line> {
    preview
        .columns
        .iter()
        .enumerate()
        .map(|(place, column)| {
            let mut line = Line::of(
                format!("{:<NAME$} ", fit(&column.target, NAME, '…')),
                Tone::Dim,
            );
            if column.is_key {
                line = line.and("key ", Tone::Plain);
            }
            if column.is_masked {
                line = line.and("masked ", Tone::Warn);
            }
            for (row, values) in preview.rows.iter().enumerate() {
                let gap = if row == 0 { "" } else { " │ " };
                line = line.and(gap, Tone::Dim);
                line = match values.get(place).and_then(Option::as_ref) {
                    Some(value) => line.and(fit(value, VALUE, '…'), Tone::Plain),
                    None => line.and("NULL", Tone::Dim),
                };
            }
            line.hanging(4)
        })
        .collect()
}
