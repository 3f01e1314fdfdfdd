//! A plan as text: per table what, why, key, size, statements, risks with what to do.

use crate::cli::output::number::{bytes, count, plural, seconds};
use crate::cli::output::table::fields;
use crate::model::plan::{Plan, PlannedDeletes, Severity, TablePlan};

/// A plan, ended by a line that sums it up.
#[must_use]
pub fn plan(plan: &Plan) -> String {
    let mut out = format!("{} from {}\n", plan.config, plan.connection);
    for warning in &plan.warnings {
        out.push_str(&format!("  warning: {warning}\n"));
    }
    for table in &plan.tables {
        out.push('\n');
        out.push_str(&one_table(table));
    }
    out.push('\n');
    out.push_str(&summary(plan));
    out
}

/// One line: how much, and whether a table would be refused.
#[must_use]
pub fn summary(plan: &Plan) -> String {
    let rows: u64 = plan.tables.iter().map(|t| t.rows_estimate).sum();
    let size: u64 = plan.tables.iter().map(|t| t.bytes_estimate).sum();
    let refused = plan.tables.iter().filter(|t| t.has_stop()).count();
    let mut line = format!(
        "{}: {}, about {} and {}; nothing was written",
        plan.config,
        plural(plan.tables.len() as u64, "table"),
        plural(rows, "row"),
        bytes(size),
    );
    if refused > 0 {
        line.push_str(&format!(
            "; {} would be refused, see `stop` above",
            plural(refused as u64, "table")
        ));
    }
    line
}

fn one_table(table: &TablePlan) -> String {
    let name = if table.source_table == table.target_table {
        table.source_table.clone()
    } else {
        format!("{} -> {}", table.source_table, table.target_table)
    };
    let how: Vec<&str> = [
        Some(table.sync_mode.as_str()),
        table.strategy.as_deref(),
        table.full_strategy.as_deref(),
        table.writer.as_deref(),
    ]
    .into_iter()
    .flatten()
    .collect();
    let mut size = format!(
        "about {}, {}, {}",
        plural(table.rows_estimate, "row"),
        bytes(table.bytes_estimate),
        plural(table.chunks, "range")
    );
    if let Some(eta) = table.eta_seconds {
        size.push_str(&format!(", about {}", seconds(eta)));
    }
    let key = if table.key.is_empty() {
        "none".to_owned()
    } else {
        table.key.join(", ")
    };
    let mut pairs = vec![
        ("what", how.join(", ")),
        ("why", table.reason.clone()),
        ("key", key),
        ("size", size),
        ("deletes", deletes(&table.deletes)),
    ];
    for statement in &table.ddl {
        pairs.push(("ddl", statement.clone()));
    }
    for risk in &table.risks {
        let mut text = format!("{}: {}", risk.id, risk.message);
        if let Some(remedy) = &risk.remedy {
            text.push_str(&format!("\nto do: {remedy}"));
        }
        pairs.push((severity(risk.severity), text));
    }
    let body: String = fields(&pairs)
        .lines()
        .map(|line| format!("    {line}\n"))
        .collect();
    format!("  {name}\n{body}")
}

fn severity(severity: Severity) -> &'static str {
    severity.as_str()
}

fn deletes(deletes: &PlannedDeletes) -> String {
    match (deletes.rows, deletes.exact) {
        (None, _) => String::new(),
        (Some(rows), true) => plural(rows, "row"),
        (Some(rows), false) => format!("about {} rows", count(rows)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::plan::Risk;
    use crate::model::rule::SyncMode;

    #[test]
    fn a_plan_tells_what_why_key_size_statements_and_remedies() {
        let table = TablePlan {
            source_table: "orders".into(),
            target_table: "orders_copy".into(),
            sync_mode: SyncMode::Full,
            strategy: None,
            reason: "the target does not exist".into(),
            full_strategy: Some("swap".into()),
            writer: Some("load_data".into()),
            key: vec!["region".into(), "id".into()],
            chunks: 30,
            rows_estimate: 1_000_000,
            bytes_estimate: 80_000_000,
            eta_seconds: Some(130.0),
            ddl: vec!["CREATE TABLE `orders_copy` (\n  `id` int\n)".into()],
            deletes: PlannedDeletes {
                rows: Some(12),
                exact: true,
            },
            risks: vec![
                Risk::new("float_key", Severity::Stop, "the key is a float").remedy("set `key`"),
            ],
        };
        let shown = plan(&Plan {
            config: "shop".into(),
            connection: "production".into(),
            warnings: vec!["clocks differ".into()],
            tables: vec![table],
        });
        insta::assert_snapshot!(shown, @r"
        shop from production
          warning: clocks differ

          orders -> orders_copy
            what     full, swap, load_data
            why      the target does not exist
            key      region, id
            size     about 1,000,000 rows, 80.0 MB, 30 ranges, about 2m 10s
            deletes  12 rows
            ddl      CREATE TABLE `orders_copy` (
                       `id` int
                     )
            stop     float_key: the key is a float
                     to do: set `key`

        shop: 1 table, about 1,000,000 rows and 80.0 MB; nothing was written; 1 table would be refused, see `stop` above
        ");
    }
}
