//! A range of keys on both servers: its count and hash, the buckets of it that differ, and the rows in
//! these.

use std::collections::HashMap;

use super::{Comparer, RowDifference, RowHash};
use crate::model::config::Checksum;
use crate::model::error::{ErrorCode, ErrorInfo};
use crate::model::log::DifferenceKind;
use crate::mysql::value::{ColumnPair, Side, bucket_sql, range_hash_sql, row_hash_sql};
use crate::mysql::{Row, Session};
use crate::sync::error::SyncError;
use crate::sync::key::{KeyRange, KeyTuple};
use crate::sync::meter::{TableMeter, Waiting};
use crate::sync::snapshot::{RELEASE, Reader};

/// What a range holds on one server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RangeHash {
    /// Rows.
    pub rows: u64,
    parts: Vec<String>,
}

/// Buckets that a range is narrowed down to.
const BUCKETS: u32 = 1024;

/// What a bucket by bucket comparison of a range found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Rows on the source.
    pub source_rows: u64,
    /// Rows on the target.
    pub target_rows: u64,
    /// Buckets that differ.
    pub buckets: Vec<u64>,
}

impl Comparer<'_> {
    /// Hashes of a range on the source and on the target, computed at the same time.
    ///
    /// # Errors
    /// The servers' refusals, or the loss of a connection.
    pub async fn range(
        &self,
        reader: &mut Reader,
        target: &mut Session,
        range: &KeyRange,
        meter: &TableMeter,
    ) -> Result<(RangeHash, RangeHash), SyncError> {
        let strong = self.checksum == Checksum::Strong;
        let sums = self.plan.key.is_none();
        let (on_source, on_target) = self.conditions(range);
        let pairs = &self.plan.pairs;
        let source_sql = format!(
            "SELECT {} {}",
            range_hash_sql(pairs, Side::Source, strong, sums),
            self.plan.source_from_sql(&on_source)
        );
        let target_sql = format!(
            "SELECT {} {}",
            range_hash_sql(pairs, Side::Target, strong, sums),
            self.other_from_sql(&on_target)
        );
        let savepoint = !reader.session().server().is_mariadb();
        let from_source = async {
            let clock = std::time::Instant::now();
            let session = reader.session();
            let hash = if savepoint {
                range_hash_released(session, &source_sql).await
            } else {
                range_hash(session, &source_sql).await
            };
            meter.asked(clock.elapsed());
            hash
        };
        let from_target = async {
            let clock = std::time::Instant::now();
            let hash = range_hash(target, &target_sql).await;
            meter.waited(Waiting::Target, clock.elapsed());
            hash
        };
        let (source, target) = tokio::join!(from_source, from_target);
        if let Err(error) = &source {
            reader.failed(error);
        }
        Ok((source?, target?))
    }

    /// The buckets of a range whose rows differ: where few rows of a range do, the others need
    /// not be hashed and sent again. Empty when all agree.
    ///
    /// # Errors
    /// The servers' refusals, or the loss of a connection.
    pub async fn differing_buckets(
        &self,
        reader: &mut Reader,
        target: &mut Session,
        range: &KeyRange,
    ) -> Result<Found, SyncError> {
        let key = self.key_pairs();
        let (on_source, on_target) = self.conditions(range);
        let strong = self.checksum == Checksum::Strong;
        let sql = |side: Side, from: String| {
            format!(
                "SELECT {} AS bucket, {} {from} GROUP BY bucket",
                bucket_sql(&key, side, BUCKETS),
                range_hash_sql(&self.plan.pairs, side, strong, false),
            )
        };
        let source_sql = sql(Side::Source, self.plan.source_from_sql(&on_source));
        let target_sql = sql(Side::Target, self.other_from_sql(&on_target));
        let (source, target) = tokio::join!(
            bucket_hashes(reader.session(), &source_sql),
            bucket_hashes(target, &target_sql)
        );
        if let Err(error) = &source {
            reader.failed(error);
        }
        let (source, target) = (source?, target?);
        let mut differing: Vec<u64> = source
            .iter()
            .filter(|(bucket, hash)| target.get(bucket) != Some(hash))
            .map(|(bucket, _)| *bucket)
            .chain(
                target
                    .keys()
                    .filter(|bucket| !source.contains_key(bucket))
                    .copied(),
            )
            .collect();
        differing.sort_unstable();
        Ok(Found {
            source_rows: source.values().map(|h| h.rows).sum(),
            target_rows: target.values().map(|h| h.rows).sum(),
            buckets: differing,
        })
    }

    fn key_pairs(&self) -> Vec<ColumnPair> {
        let columns = self
            .plan
            .key
            .as_ref()
            .map(|k| k.columns.as_slice())
            .unwrap_or_default();
        columns
            .iter()
            .filter_map(|c| {
                self.plan
                    .pairs
                    .iter()
                    .find(|p| p.source.name == c.name)
                    .cloned()
            })
            .collect()
    }

    /// The rows of a range that differ.
    ///
    /// # Errors
    /// The servers' refusals, or the loss of a connection.
    pub async fn rows(
        &self,
        reader: &mut Reader,
        target: &mut Session,
        range: &KeyRange,
    ) -> Result<Vec<RowDifference>, SyncError> {
        let found = self.differing_buckets(reader, target, range).await?;
        self.rows_in(reader, target, range, &found.buckets).await
    }

    /// The rows of a range that differ, all of them in `buckets`.
    ///
    /// # Errors
    /// The servers' refusals, or the loss of a connection.
    pub async fn rows_in(
        &self,
        reader: &mut Reader,
        target: &mut Session,
        range: &KeyRange,
        buckets: &[u64],
    ) -> Result<Vec<RowDifference>, SyncError> {
        if buckets.is_empty() {
            return Ok(Vec::new());
        }
        let (source_key, _) = self.keys()?;
        let (mut on_source, mut on_target) = self.conditions(range);
        if (buckets.len() as u64) < u64::from(BUCKETS) / 2 {
            let key = self.key_pairs();
            let list = buckets
                .iter()
                .map(u64::to_string)
                .collect::<Vec<_>>()
                .join(", ");
            for (side, condition) in [
                (Side::Source, &mut on_source),
                (Side::Target, &mut on_target),
            ] {
                *condition = format!(
                    "({condition}) AND {} IN ({list})",
                    bucket_sql(&key, side, BUCKETS)
                );
            }
        }
        let parts = source_key.columns.len();
        let source_sql = format!(
            "SELECT {}, {}, LEFT({}, 32) {}",
            source_key.read_sql(),
            self.matching_sql(Side::Source)?,
            row_hash_sql(&self.plan.pairs, Side::Source),
            self.plan.source_from_sql(&on_source)
        );
        let target_sql = format!(
            "SELECT {}, LEFT({}, 32) {}",
            self.matching_sql(Side::Target)?,
            row_hash_sql(&self.plan.pairs, Side::Target),
            self.other_from_sql(&on_target)
        );
        let mut here: HashMap<KeyTuple, RowHash> = HashMap::new();
        let positions: Vec<usize> = (0..parts).collect();
        let mut rows = target.stream(&target_sql).await?;
        while let Some(row) = rows.next().await? {
            let key = KeyTuple::of_row(&row, &positions)?;
            here.insert(key, row.get(parts).unwrap_or_default().to_vec());
        }
        drop(rows);
        let mut found = Vec::new();
        let converted: Vec<usize> = (parts..parts * 2).collect();
        let streamed = async {
            let mut rows = reader.session().stream(&source_sql).await?;
            while let Some(row) = rows.next().await? {
                let key = KeyTuple::of_row(&row, &converted)?;
                let hash = row.get(parts * 2).unwrap_or_default().to_vec();
                let other = here.remove(&key);
                if other.as_ref() == Some(&hash) {
                    continue;
                }
                found.push(RowDifference {
                    kind: match other {
                        Some(_) => DifferenceKind::Changed,
                        None => DifferenceKind::Missing,
                    },
                    source_key: KeyTuple::of_row(&row, &positions)?,
                    key,
                    source: Some(hash),
                    target: other,
                });
            }
            Ok::<_, SyncError>(())
        }
        .await;
        if let Err(error) = streamed {
            reader.failed(&error);
            return Err(error);
        }
        found.extend(here.into_iter().map(|(key, hash)| RowDifference {
            kind: DifferenceKind::Extra,
            source_key: key.clone(),
            key,
            source: None,
            target: Some(hash),
        }));
        Ok(found)
    }
}

async fn bucket_hashes(
    session: &mut Session,
    sql: &str,
) -> Result<HashMap<u64, RangeHash>, SyncError> {
    let rows = session.rows(sql).await?;
    rows.iter()
        .map(|row| Ok((row.u64("bucket")?, hash_of(row)?)))
        .collect()
}

async fn range_hash(session: &mut Session, sql: &str) -> Result<RangeHash, SyncError> {
    hash_in(&session.rows(sql).await?)
}

/// The same, and in the same round trip lets go of the tables that were read.
async fn range_hash_released(session: &mut Session, sql: &str) -> Result<RangeHash, SyncError> {
    let sets = session.batch(&[sql, RELEASE]).await?;
    hash_in(sets.first().map(Vec::as_slice).unwrap_or_default())
}

fn hash_in(rows: &[Row]) -> Result<RangeHash, SyncError> {
    let row = rows
        .first()
        .ok_or_else(|| SyncError::stop(ErrorCode::Internal, "a comparison gave no answer"))?;
    hash_of(row)
}

fn hash_of(row: &Row) -> Result<RangeHash, SyncError> {
    if row.u64("bad")? != 0 {
        return Err(ErrorInfo::new(
            ErrorCode::PacketTooLarge,
            "a row is too large for the server to hash",
        )
        .hint("raise max_allowed_packet on both servers")
        .into());
    }
    let text =
        |name: &str| -> Result<String, SyncError> { Ok(row.opt_text(name)?.unwrap_or_default()) };
    Ok(RangeHash {
        rows: row.u64("n")?,
        parts: vec![text("h1")?, text("h2")?, text("total")?],
    })
}
