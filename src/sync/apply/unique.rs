//! Which rows of a target hold the unique values that other rows are to have.

use super::KEYS;
use crate::mysql::Session;
use crate::mysql::schema::{Key, TableSchema, same_name};
use crate::sync::compare::{Comparer, RowHash};
use crate::sync::error::SyncError;
use crate::sync::key::KeyTuple;
use crate::sync::shared::TableShared;

/// A row's values, in the order of the plan's columns.
pub(super) type Values = Vec<Option<Vec<u8>>>;

/// Keys of the rows that hold a unique value of one of `rows`.
pub(super) async fn holders(
    table: &TableShared,
    comparer: &Comparer<'_>,
    session: &mut Session,
    rows: &[&Values],
) -> Result<Vec<KeyTuple>, SyncError> {
    let found = holders_with_hashes(table, comparer, session, rows).await?;
    Ok(found.into_iter().map(|(key, _)| key).collect())
}

/// The same with the hashes of these rows; they are locked.
pub(super) async fn holders_with_hashes(
    table: &TableShared,
    comparer: &Comparer<'_>,
    session: &mut Session,
    rows: &[&Values],
) -> Result<Vec<(KeyTuple, RowHash)>, SyncError> {
    // A table that is made by this run has the keys of its source.
    let source = table.plan.source_schema.as_ref();
    let Some(schema) = table.plan.target_schema.as_ref().or(source) else {
        return Ok(Vec::new());
    };
    let mut found = Vec::new();
    for key in schema.keys.iter().filter(|key| key.unique) {
        let Some(at) = positions(comparer, schema, key) else {
            continue;
        };
        let conditions: Vec<String> = rows
            .iter()
            .filter_map(|row| condition(comparer, &at, row))
            .collect();
        for batch in conditions.chunks(KEYS) {
            let condition = batch.join(" OR ");
            found.extend(comparer.target_hashes_where(session, &condition).await?);
        }
    }
    Ok(found)
}

/// Where the values of a key's columns are in a row; `None` where not all of them are.
fn positions(comparer: &Comparer<'_>, schema: &TableSchema, key: &Key) -> Option<Vec<usize>> {
    let of_target = comparer.plan.target_schema.is_some();
    key.parts
        .iter()
        .map(|part| {
            let name = part.column.as_ref().filter(|_| !part.prefix)?;
            schema.column(name.raw())?;
            comparer.plan.pairs.iter().position(|pair| {
                let own = if of_target {
                    &pair.target
                } else {
                    &pair.source
                };
                same_name(own.name.raw(), name.raw())
            })
        })
        .collect()
}

/// The condition that a row holds these values; none where one of them is NULL, which is no value.
fn condition(comparer: &Comparer<'_>, at: &[usize], row: &Values) -> Option<String> {
    let terms: Option<Vec<String>> = at
        .iter()
        .map(|at| {
            let pair = &comparer.plan.pairs[*at];
            let value = row.get(*at)?.as_deref()?;
            Some(format!(
                "{} = {}",
                pair.target.name,
                pair.condition_sql(value)
            ))
        })
        .collect();
    Some(format!("({})", terms?.join(" AND ")))
}
