//! Rows whose foreign key finds no parent: counted by an anti-join, told of or refused by policy.

use super::error::SyncError;
use super::shared::TableShared;
use crate::model::error::ErrorCode;
use crate::model::rule::Orphans;
use crate::mysql::schema::ForeignKey;
use crate::mysql::{Session, TableRef};

/// Rows of `child` that `key` leaves without a parent; with `rows`, of those that this condition
/// selects, and their parents are locked against going away.
///
/// # Errors
/// The server's refusal, or the loss of the connection.
pub async fn count(
    session: &mut Session,
    child: &TableRef,
    key: &ForeignKey,
    rows: Option<&str>,
) -> Result<u64, SyncError> {
    let list: Vec<String> = key.columns.iter().map(ToString::to_string).collect();
    let set: Vec<String> = list.iter().map(|c| format!("c.{c} IS NOT NULL")).collect();
    let on: Vec<String> = key
        .columns
        .iter()
        .zip(&key.parent_columns)
        .map(|(child, parent)| format!("p.{parent} = c.{child}"))
        .collect();
    let (from, lock) = match rows {
        Some(rows) => (
            format!("(SELECT {} FROM {child} WHERE {rows})", list.join(", ")),
            " LOCK IN SHARE MODE",
        ),
        None => (child.to_string(), ""),
    };
    let sql = format!(
        "SELECT COUNT(*) AS n FROM {from} c LEFT JOIN {} p ON {} WHERE {} AND p.{} IS NULL{lock}",
        key.parent,
        on.join(" AND "),
        set.join(" AND "),
        key.parent_columns[0]
    );
    let found = match session.first(&sql).await {
        // The parent is not there: every row that has one is an orphan.
        Err(error) if error.number == Some(1146) => {
            let sql = format!(
                "SELECT COUNT(*) AS n FROM {from} c WHERE {}",
                set.join(" AND ")
            );
            session.first(&sql).await?
        }
        found => found?,
    };
    Ok(found.map(|row| row.u64("n")).transpose()?.unwrap_or(0))
}

/// Says, as the table's policy has it, that `orphans` rows have no parent.
///
/// # Errors
/// Where the policy refuses them.
pub fn tell(table: &TableShared, key: &ForeignKey, orphans: u64) -> Result<(), SyncError> {
    if orphans == 0 {
        return Ok(());
    }
    let message = format!(
        "{orphans} rows have no parent in {} (foreign key {})",
        key.parent.shown(),
        key.name.raw()
    );
    if table.plan.options.orphans == Orphans::Fail {
        return Err(SyncError::stop(ErrorCode::VerifyFailed, message));
    }
    table.warn(
        "orphans",
        message,
        Some("sync the parent too; orphans: fail makes this an error"),
    );
    Ok(())
}
