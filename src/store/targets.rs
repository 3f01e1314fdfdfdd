//! What holds over all connections and configs: names and targets that are taken once.

use super::StoreError;
use super::transaction::violates;
use crate::model::finding::Finding;
use crate::mysql::{MysqlError, Row, Session};

/// Begins a change of connections or configs. Two changes wait for each other here, and on a
/// cluster one of them fails, so that what the second one checks includes what the first one did.
pub(super) async fn record_change(session: &mut Session) -> Result<(), StoreError> {
    session
        .run("UPDATE schema_info SET changes = changes + 1 WHERE id = 1")
        .await?;
    Ok(())
}

/// Refuses a change that gives one target table to two rules.
pub(super) async fn targets_are_unique(session: &mut Session) -> Result<(), StoreError> {
    let taken = session
        .exec_rows(
            "SELECT a.target_table, ac.target_database, af.name AS config, bf.name AS other \
             FROM sync_tables a \
             JOIN sync_tables b ON b.target_table = a.target_table AND b.id > a.id \
             JOIN sync_configs af ON af.id = a.config_id \
             JOIN sync_configs bf ON bf.id = b.config_id \
             JOIN sync_connections ac ON ac.id = af.connection_id \
             JOIN sync_connections bc ON bc.id = bf.connection_id \
             WHERE ac.target_database = bc.target_database \
             ORDER BY a.target_table LIMIT 1",
            vec![],
        )
        .await?;
    let Some(row) = taken.first() else {
        return Ok(());
    };
    let (config, other) = (row.text("config")?, row.text("other")?);
    let target = format!(
        "{}.{}",
        row.text("target_database")?,
        row.text("target_table")?
    );
    let message = if config == other {
        format!("two rules of the config {config:?} write the target table {target}")
    } else {
        format!("the target table {target} is written by the configs {config:?} and {other:?}")
    };
    Err(StoreError::conflict("target_taken", message))
}

/// The error of an INSERT or UPDATE, told as a taken name where it is one.
pub(super) fn name_taken(error: MysqlError, kind: &'static str, name: &str) -> StoreError {
    if violates(&error, "connection_name") || violates(&error, "config_name") {
        return StoreError::conflict(
            "name_taken",
            format!("there is a {kind} named {name:?} already"),
        );
    }
    error.into()
}

/// A stored object that this version can't read.
pub(super) fn unreadable(kind: &str, row: &Row, found: &[Finding]) -> StoreError {
    let name = row.text("name").unwrap_or_default();
    let all: Vec<String> = found.iter().map(ToString::to_string).collect();
    StoreError::Corrupt(format!("{kind} {name:?}: {}", all.join("; ")))
}
