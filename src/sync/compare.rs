//! What compares one table on two servers: a range by count and hash, then its rows where they differ.
//!
//! Both servers compute the hashes of their rows; keys are matched as bytes. What the target holds
//! is read back from the target. Must not know: what is done about a difference. Called by whoever
//! surveys, verifies, repairs or writes.

mod explain;
mod lookup;
mod of_table;
mod ranges;

pub use of_table::comparer;
pub use ranges::{Found, RangeHash};

use super::error::SyncError;
use super::key::{KeyRange, KeySpec, KeyTuple};
use super::table::PlannedTable;
use crate::model::config::Checksum;
use crate::model::error::ErrorCode;
use crate::model::log::DifferenceKind;
use crate::mysql::TableRef;
use crate::mysql::value::{ColumnPair, Side};

/// 128 bits of a row's hash, as hex digits.
pub type RowHash = Vec<u8>;

/// How a row differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowDifference {
    /// How.
    pub kind: DifferenceKind,
    /// Its key in the source's form; for `Extra` in the target's.
    pub source_key: KeyTuple,
    /// Its key in the target's form.
    pub key: KeyTuple,
    /// Hash of the source's row.
    pub source: Option<RowHash>,
    /// Hash of the target's row.
    pub target: Option<RowHash>,
}

/// What compares the rows of one table on two servers.
pub struct Comparer<'a> {
    /// The table.
    pub plan: &'a PlannedTable,
    /// What is compared with the source: the target or its shadow.
    pub other: TableRef,
    /// Name of the key's index there; empty for none.
    pub other_index: String,
    /// How many bits ranges are compared by.
    pub checksum: Checksum,
}

impl Comparer<'_> {
    fn other_from_sql(&self, condition: &str) -> String {
        let index = match &self.plan.key {
            Some(key) if key.is_chunkable() && !self.other_index.is_empty() => {
                format!(
                    " FORCE INDEX ({})",
                    crate::mysql::Ident::new(&self.other_index)
                )
            }
            _ => String::new(),
        };
        format!("FROM {}{index} WHERE {condition}", self.other)
    }

    fn keys(&self) -> Result<(&KeySpec, &KeySpec), SyncError> {
        match (&self.plan.key, &self.plan.target_key) {
            (Some(source), Some(target)) => Ok((source, target)),
            _ => Err(SyncError::stop(
                ErrorCode::VerifyFailed,
                "the table differs from its source and has no key to find the rows by",
            )),
        }
    }

    /// The key's columns as both sides' rows are matched by, with commas.
    pub(super) fn matching_sql(&self, side: Side) -> Result<String, SyncError> {
        Ok(self.matching(side)?.join(", "))
    }

    fn matching(&self, side: Side) -> Result<Vec<String>, SyncError> {
        let (source, target) = self.keys()?;
        let reads: Vec<String> = source
            .columns
            .iter()
            .zip(&target.columns)
            .enumerate()
            .map(|(at, (column, target))| {
                let masked = source.masked.iter().find(|part| part.at == at);
                let pair = ColumnPair {
                    source: column.clone(),
                    target: target.clone(),
                    masked: masked.and_then(|part| part.sql.clone()),
                };
                pair.key_sql(side)
            })
            .collect();
        Ok(reads)
    }

    fn conditions(&self, range: &KeyRange) -> (String, String) {
        match (&self.plan.key, &self.plan.target_key) {
            (Some(source), Some(target)) => {
                let within = |range_sql: String, side| match (range.bucket, self.matching(side)) {
                    (Some(bucket), Ok(parts)) => {
                        format!("{range_sql} AND {}", bucket.condition_sql(&parts))
                    }
                    _ => range_sql,
                };
                (
                    within(source.range_sql(range), Side::Source),
                    within(target.range_sql(range), Side::Target),
                )
            }
            _ => ("TRUE".to_owned(), "TRUE".to_owned()),
        }
    }
}
