//! `conflict_resolution`: which target rows that differ stay as they are.
//!
//! Decides only about rows that both sides have; what clashes on another unique key is settled
//! while it is written, by the same policy.

use std::collections::{HashMap, HashSet};

use super::KEYS;
use crate::model::error::{ErrorCode, ErrorInfo};
use crate::model::log::DifferenceKind;
use crate::model::rule::ConflictResolution;
use crate::mysql::Session;
use crate::mysql::value::key_literal_sql;
use crate::sync::compare::{Comparer, RowDifference};
use crate::sync::error::SyncError;
use crate::sync::key::KeyTuple;
use crate::sync::snapshot::Reader;

/// The differences that are to be written, and how many rows stay as they are. Under `error` all
/// of them are: whoever writes refuses them by [`refuse_conflict`].
///
/// # Errors
/// The servers' refusals, or the loss of a connection.
pub async fn leave(
    comparer: &Comparer<'_>,
    reader: &mut Reader,
    session: &mut Session,
    mut differences: Vec<RowDifference>,
) -> Result<(Vec<RowDifference>, u64), SyncError> {
    let all = differences.len();
    match comparer.plan.options.conflict_resolution {
        ConflictResolution::Overwrite | ConflictResolution::Error => {}
        ConflictResolution::Skip => differences.retain(|d| d.kind != DifferenceKind::Changed),
        ConflictResolution::Newer => {
            let mut winners = HashSet::new();
            let changed: Vec<&RowDifference> = differences
                .iter()
                .filter(|d| d.kind == DifferenceKind::Changed)
                .collect();
            for batch in changed.chunks(KEYS) {
                winners.extend(later(comparer, reader, session, batch).await?);
            }
            differences.retain(|d| d.kind != DifferenceKind::Changed || winners.contains(&d.key));
        }
    }
    let kept = (all - differences.len()) as u64;
    Ok((differences, kept))
}

/// Under `error`, fails with the first row that both sides have and that differs.
///
/// # Errors
/// `duplicate_key` with its key.
pub fn refuse_conflict(
    comparer: &Comparer<'_>,
    differences: &[RowDifference],
) -> Result<(), SyncError> {
    if comparer.plan.options.conflict_resolution != ConflictResolution::Error {
        return Ok(());
    }
    let changed = differences
        .iter()
        .find(|d| d.kind == DifferenceKind::Changed);
    changed.map_or(Ok(()), |d| Err(conflict(comparer, &d.key)))
}

/// The error of a row that differs where none may.
pub(super) fn conflict(comparer: &Comparer<'_>, key: &KeyTuple) -> SyncError {
    let mut info = ErrorInfo::new(
        ErrorCode::DuplicateKey,
        format!(
            "a row of {} differs from the source's row with its key, and conflict_resolution is error",
            comparer.other.shown()
        ),
    )
    .hint("compare the two rows and settle which is right; conflict_resolution: overwrite, skip or newer settles it for all");
    let key_spec = comparer.plan.target_key.as_ref();
    info.key = key_spec.map(|spec| spec.shown(key));
    info.into()
}

/// The keys of the rows whose watermark is later on the source than on the target.
pub(super) async fn later(
    comparer: &Comparer<'_>,
    reader: &mut Reader,
    session: &mut Session,
    changed: &[&RowDifference],
) -> Result<HashSet<KeyTuple>, SyncError> {
    let plan = comparer.plan;
    let (Some(at), Some(target_key)) = (plan.watermark, &plan.target_key) else {
        return Err(SyncError::stop(
            ErrorCode::RuleInvalid,
            "conflict_resolution: newer needs a watermark_column",
        ));
    };
    if changed.is_empty() {
        return Ok(HashSet::new());
    }
    let keys: Vec<&KeyTuple> = changed.iter().map(|d| &d.source_key).collect();
    let values: HashMap<KeyTuple, Option<Vec<u8>>> =
        comparer.source_column(reader, &keys, at).await?;
    let column = &plan.pairs[at].target;
    let arms: Vec<String> = changed
        .iter()
        .filter_map(|d| {
            // NULL is earlier than any value, so a source without one is never later.
            let value = values.get(&d.source_key)?.as_deref()?;
            Some(format!(
                "({} AND ({name} IS NULL OR {name} < {}))",
                target_key.any_of_sql(&[&d.key]),
                key_literal_sql(column, value),
                name = column.name,
            ))
        })
        .collect();
    if arms.is_empty() {
        return Ok(HashSet::new());
    }
    comparer
        .target_keys_where(session, &arms.join(" OR "))
        .await
}
