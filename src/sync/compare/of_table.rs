//! What compares a planned table with another.

use super::Comparer;
use crate::mysql::{Ident, TableRef};
use crate::sync::shared::TableShared;

/// What compares a table's source with `other`: its shadow, or its target.
#[must_use]
pub fn comparer<'a>(table: &'a TableShared, other: &TableRef) -> Comparer<'a> {
    let index = match (&table.plan.target_schema, &table.plan.target_key) {
        (Some(schema), Some(key)) => {
            let names: Vec<Ident> = key.columns.iter().map(|c| c.name.clone()).collect();
            schema
                .unique_key_on(&names)
                .map(|k| k.name.raw().to_owned())
                .unwrap_or_default()
        }
        _ => table
            .plan
            .key
            .as_ref()
            .map(|k| k.index.clone())
            .unwrap_or_default(),
    };
    Comparer {
        plan: &table.plan,
        other: other.clone(),
        other_index: index,
        checksum: table.job.context.config.spec.options.checksum,
    }
}
