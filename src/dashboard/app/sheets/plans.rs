//! Plans.

use crate::dashboard::app::format;
use crate::dashboard::app::overlay::{Sheet, SheetKind};
use crate::dashboard::app::sheets::{field, warned};
use crate::dashboard::app::text::{Line, Tone};
use crate::model::plan::{Plan, Risk, Severity, TablePlan};

/// What a run would do.
#[must_use]
pub fn plan(plan: &Plan) -> Sheet {
    let rows: u64 = plan.tables.iter().map(|t| t.rows_estimate).sum();
    let bytes: u64 = plan.tables.iter().map(|t| t.bytes_estimate).sum();
    let mut lines = vec![Line::plain(format!(
        "{} of {}: {}, about {} rows, {}. Nothing has been written.",
        plan.config,
        plan.connection,
        format::plural(plan.tables.len(), "table", "tables"),
        format::about(rows),
        format::bytes(bytes),
    ))];
    if plan.has_stop() {
        lines.push(Line::of(
            "!    Some tables can't run as they are; they would fail, the others would not.",
            Tone::Bad,
        ));
    }
    lines.extend(plan.warnings.iter().map(warned));
    for table in &plan.tables {
        lines.push(Line::empty());
        lines.extend(table_lines(table));
    }
    Sheet {
        kind: SheetKind::Plan {
            config: plan.config.clone(),
        },
        title: format!("Plan of {}", plan.config),
        tone: if plan.has_stop() {
            Tone::Bad
        } else {
            Tone::Plain
        },
        lines,
        scroll: 0,
    }
}

fn table_lines(table: &TablePlan) -> Vec<Line> {
    let mut ways = vec![mode(table)];
    ways.extend(table.strategy.clone());
    ways.extend(table.full_strategy.as_ref().map(|s| s.replace('_', " ")));
    ways.extend(table.writer.as_ref().map(|w| w.replace('_', " ")));
    if let Some(eta) = table.eta_seconds {
        ways.push(format!("about {}", format::span(eta)));
    }
    let name = if table.source_table == table.target_table {
        table.source_table.clone()
    } else {
        format!("{} → {}", table.source_table, table.target_table)
    };
    let mut lines =
        vec![Line::of(name, Tone::Strong).and(format!("   {}", ways.join(", ")), Tone::Plain)];
    let key = if table.key.is_empty() {
        "no key".to_owned()
    } else {
        format!("key {}", table.key.join(", "))
    };
    lines.push(field(
        "  size",
        format!(
            "about {} rows, {}; {key}; {}",
            format::about(table.rows_estimate),
            format::bytes(table.bytes_estimate),
            format::plural(table.chunks as usize, "range", "ranges"),
        ),
    ));
    if !table.reason.is_empty() {
        lines.push(field("  why", &table.reason));
    }
    if let Some(rows) = table.deletes.rows {
        let how = if table.deletes.exact { "" } else { "up to " };
        lines.push(field(
            "  removes",
            format!("{how}{} rows of the target", format::count(rows)),
        ));
    }
    lines.extend(table.risks.iter().flat_map(risk_lines));
    for ddl in &table.ddl {
        for (i, text) in ddl.lines().enumerate() {
            let name = if i == 0 { "  DDL" } else { "" };
            lines.push(field(name, text));
        }
    }
    lines
}

fn mode(table: &TablePlan) -> String {
    match &table.strategy {
        Some(strategy) => format!("{}, {strategy}", table.sync_mode.as_str()),
        None => table.sync_mode.as_str().to_owned(),
    }
}

fn risk_lines(risk: &Risk) -> Vec<Line> {
    let (word, tone) = match risk.severity {
        Severity::Stop => ("  ! stop", Tone::Bad),
        Severity::Warning => ("  ! warning", Tone::Warn),
        Severity::Info => ("  note", Tone::Dim),
    };
    let mut lines = vec![
        Line::of(format!("{word:<16}"), tone)
            .and(&risk.message, Tone::Plain)
            .hanging(16),
    ];
    if let Some(remedy) = &risk.remedy {
        lines.push(field("  to do", remedy));
    }
    lines
}
