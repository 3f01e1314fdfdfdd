//! Differences as text: a line for each row, and for each column of a changed row.

use crate::cli::output::table::Table;
use crate::model::error::{ShownKey, ShownValue};
use crate::model::log::Difference;

/// Differences, one column of a changed row a line.
#[must_use]
pub fn list(found: &[Difference]) -> String {
    let mut table = Table::new(&["TABLE", "KIND", "KEY", "COLUMN", "SOURCE", "TARGET"]);
    for difference in found {
        let head = [
            difference.table.clone(),
            difference.kind.as_str().to_owned(),
            key(&difference.key),
        ];
        if difference.columns.is_empty() {
            let [name, kind, key] = head.clone();
            table.row([name, kind, key, String::new(), String::new(), String::new()]);
        }
        for column in &difference.columns {
            let [name, kind, key] = head.clone();
            let (source, target) = (value(column.source.as_ref()), value(column.target.as_ref()));
            table.row([name, kind, key, column.name.clone(), source, target]);
        }
    }
    table.render()
}

fn key(key: &ShownKey) -> String {
    key.iter()
        .map(|(column, shown)| format!("{column}={}", value(shown.as_ref())))
        .collect::<Vec<_>>()
        .join(", ")
}

fn value(shown: Option<&ShownValue>) -> String {
    shown.map_or_else(|| "NULL".to_owned(), ToString::to_string)
}
