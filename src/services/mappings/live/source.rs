//! In what a source's table has changed since the last run of its rule.

use super::sides::is_synced;
use crate::model::finding::Finding;
use crate::model::rule::TableRule;
use crate::model::seen::{Drift, SeenTable};
use crate::mysql::schema::TableSchema;

/// Adds the columns that came, went or changed since a run noted `seen`.
pub(super) fn check_source(
    rule: &TableRule,
    schema: &TableSchema,
    seen: &SeenTable,
    path: &str,
    findings: &mut Vec<Finding>,
) {
    let shown = schema.table.shown();
    for drift in seen.drift(&schema.seen(), |column| is_synced(rule, column)) {
        let (message, remedy) = match drift {
            Drift::New(column) => (
                format!("{shown} has the column {column} since the last run"),
                format!(
                    "add {column} to the target before the next run, or leave it out with exclude_columns"
                ),
            ),
            Drift::Gone(column) => (
                format!("{shown} has lost the column {column} since the last run"),
                format!(
                    "drop {column} on the target; if it was renamed, rename it there too, or use rename_columns"
                ),
            ),
            Drift::Changed { column, was, is } => (
                format!("{shown}.{column} was {was} at the last run, and is {is}"),
                format!("give {column} on the target a type that holds every value, then run"),
            ),
            Drift::Key { was, is } => (
                format!(
                    "the primary key of {shown} was {} at the last run, and is {}",
                    list(&was),
                    list(&is)
                ),
                "give the target the same primary key, or name one with key".to_owned(),
            ),
        };
        findings.push(Finding::new(path, format!("drift: {message}")).remedy(remedy));
    }
}

fn list(columns: &[String]) -> String {
    match columns {
        [] => "none".to_owned(),
        names => format!("({})", names.join(", ")),
    }
}
