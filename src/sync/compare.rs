//! Comparing a range of keys on both servers: first by count and hash, then row by row where they
//! differ.
//!
//! Both servers compute the hashes of their rows; keys are matched as bytes. What the target holds
//! is read back from the target.

use std::collections::{HashMap, HashSet};

use super::error::SyncError;
use super::key::{KeyRange, KeySpec, KeyTuple};
use super::meter::{TableMeter, Waiting};
use super::snapshot::Reader;
use super::table::PlannedTable;
use crate::model::config::Checksum;
use crate::model::error::{ErrorCode, ErrorInfo, ShownValue};
use crate::model::log::{Difference, DifferenceKind, DifferingColumn};
use crate::mysql::schema::Column;
use crate::mysql::value::{ColumnPair, Side, bucket_sql, range_hash_sql, row_hash_sql};
use crate::mysql::{Row, Session, TableRef};

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
            let hash = range_hash(session, &source_sql).await;
            if savepoint && hash.is_ok() {
                session.run("ROLLBACK TO SAVEPOINT chunk").await?;
            }
            meter.waited(Waiting::Source, clock.elapsed());
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

    /// Full rows of the source by their keys, as bytes in the target's form, with their keys.
    ///
    /// # Errors
    /// The server's refusal, or the loss of the connection.
    pub async fn source_rows(
        &self,
        reader: &mut Reader,
        keys: &[&KeyTuple],
    ) -> Result<Vec<(KeyTuple, Vec<Option<Vec<u8>>>)>, SyncError> {
        let (source_key, _) = self.keys()?;
        let reads: Vec<String> = self.plan.pairs.iter().map(|p| p.read_sql()).collect();
        let sql = format!(
            "SELECT {}, {} {}",
            source_key.read_sql(),
            reads.join(", "),
            self.plan.source_from_sql(&source_key.any_of_sql(keys))
        );
        let rows = read_rows(reader.session(), &sql, source_key.columns.len()).await;
        if let Err(error) = &rows {
            reader.failed(error);
        }
        rows
    }

    /// The value of one column of the plan in rows of the source.
    ///
    /// # Errors
    /// The server's refusal, or the loss of the connection.
    pub async fn source_column(
        &self,
        reader: &mut Reader,
        keys: &[&KeyTuple],
        at: usize,
    ) -> Result<HashMap<KeyTuple, Option<Vec<u8>>>, SyncError> {
        let (source_key, _) = self.keys()?;
        let sql = format!(
            "SELECT {}, {} {}",
            source_key.read_sql(),
            self.plan.pairs[at].read_sql(),
            self.plan.source_from_sql(&source_key.any_of_sql(keys))
        );
        let rows = read_rows(reader.session(), &sql, source_key.columns.len()).await;
        if let Err(error) = &rows {
            reader.failed(error);
        }
        let first = |(key, mut values): (KeyTuple, Vec<Option<Vec<u8>>>)| (key, values.remove(0));
        Ok(rows?.into_iter().map(first).collect())
    }

    /// Keys of the target's rows that `condition` selects.
    ///
    /// # Errors
    /// The server's refusal, or the loss of the connection.
    pub async fn target_keys_where(
        &self,
        session: &mut Session,
        condition: &str,
    ) -> Result<HashSet<KeyTuple>, SyncError> {
        let (_, target_key) = self.keys()?;
        let sql = format!(
            "SELECT {} FROM {} WHERE {condition}",
            self.matching_sql(Side::Target)?,
            self.other
        );
        let rows = read_rows(session, &sql, target_key.columns.len()).await?;
        Ok(rows.into_iter().map(|(key, _)| key).collect())
    }

    /// Full rows of the target by their keys.
    ///
    /// # Errors
    /// The server's refusal, or the loss of the connection.
    pub async fn target_rows(
        &self,
        session: &mut Session,
        keys: &[&KeyTuple],
    ) -> Result<Vec<(KeyTuple, Vec<Option<Vec<u8>>>)>, SyncError> {
        let (_, target_key) = self.keys()?;
        let reads: Vec<String> = self.plan.pairs.iter().map(|p| p.read_back_sql()).collect();
        let sql = format!(
            "SELECT {}, {} {}",
            self.matching_sql(Side::Target)?,
            reads.join(", "),
            self.other_from_sql(&target_key.any_of_sql(keys))
        );
        read_rows(session, &sql, target_key.columns.len()).await
    }

    /// Hashes of the target's rows with these keys, locked for a change.
    ///
    /// # Errors
    /// The server's refusal, or the loss of the connection.
    pub async fn target_hashes(
        &self,
        session: &mut Session,
        keys: &[&KeyTuple],
        lock: bool,
    ) -> Result<HashMap<KeyTuple, RowHash>, SyncError> {
        let (_, target_key) = self.keys()?;
        let from = self.other_from_sql(&target_key.any_of_sql(keys));
        self.hashes(session, &from, lock).await
    }

    /// Hashes of the target's rows that hold values of another key; with `lock`, locked for a change.
    ///
    /// # Errors
    /// The server's refusal, or the loss of the connection.
    pub async fn target_hashes_where(
        &self,
        session: &mut Session,
        condition: &str,
        lock: bool,
    ) -> Result<HashMap<KeyTuple, RowHash>, SyncError> {
        let from = format!("FROM {} WHERE {condition}", self.other);
        self.hashes(session, &from, lock).await
    }

    async fn hashes(
        &self,
        session: &mut Session,
        from: &str,
        lock: bool,
    ) -> Result<HashMap<KeyTuple, RowHash>, SyncError> {
        let sql = format!(
            "SELECT {}, LEFT({}, 32) {from}{}",
            self.matching_sql(Side::Target)?,
            row_hash_sql(&self.plan.pairs, Side::Target),
            if lock { " FOR UPDATE" } else { "" }
        );
        read_hashes(session, &sql, self.keys()?.1.columns.len()).await
    }

    /// Hashes of the source's rows with these keys, which are in the target's form.
    ///
    /// # Errors
    /// The server's refusal, or the loss of the connection.
    pub async fn source_hashes(
        &self,
        reader: &mut Reader,
        keys: &[&KeyTuple],
    ) -> Result<HashMap<KeyTuple, (KeyTuple, RowHash)>, SyncError> {
        let (source_key, target_key) = self.keys()?;
        let parts = source_key.columns.len();
        // The target's literals, under the source's names.
        let mixed = KeySpec {
            columns: source_key
                .columns
                .iter()
                .zip(&target_key.columns)
                .map(|(source, target)| Column {
                    name: source.name.clone(),
                    ..target.clone()
                })
                .collect(),
            index: String::new(),
            masked: source_key.masked.clone(),
        };
        let sql = format!(
            "SELECT {}, {}, LEFT({}, 32) {}",
            self.matching_sql(Side::Source)?,
            source_key.read_sql(),
            row_hash_sql(&self.plan.pairs, Side::Source),
            self.plan.source_from_sql(&mixed.any_of_sql(keys))
        );
        let (matching, own): (Vec<usize>, Vec<usize>) =
            ((0..parts).collect(), (parts..parts * 2).collect());
        let read = async {
            let mut out = HashMap::new();
            let mut rows = reader.session().stream(&sql).await?;
            while let Some(row) = rows.next().await? {
                let hash = row.get(parts * 2).unwrap_or_default().to_vec();
                out.insert(
                    KeyTuple::of_row(&row, &matching)?,
                    (KeyTuple::of_row(&row, &own)?, hash),
                );
            }
            Ok(out)
        }
        .await;
        if let Err(error) = &read {
            reader.failed(error);
        }
        read
    }

    /// The rows that still differ in the same way, as both sides have them now.
    ///
    /// # Errors
    /// The servers' refusals, or the loss of a connection.
    pub async fn again(
        &self,
        reader: &mut Reader,
        target: &mut Session,
        rows: &[RowDifference],
    ) -> Result<Vec<RowDifference>, SyncError> {
        let keys: Vec<&KeyTuple> = rows.iter().map(|row| &row.key).collect();
        let mut here = self.target_hashes(target, &keys, false).await?;
        let mut there = self.source_hashes(reader, &keys).await?;
        let mut still = Vec::new();
        for row in rows {
            let target = here.remove(&row.key);
            let (source_key, source) = match there.remove(&row.key) {
                Some((key, hash)) => (key, Some(hash)),
                None => (row.source_key.clone(), None),
            };
            let kind = match (&source, &target) {
                (Some(source), Some(target)) if source != target => DifferenceKind::Changed,
                (Some(_), None) => DifferenceKind::Missing,
                (None, Some(_)) => DifferenceKind::Extra,
                _ => continue,
            };
            if kind == row.kind {
                still.push(RowDifference {
                    kind,
                    source_key,
                    key: row.key.clone(),
                    source,
                    target,
                });
            }
        }
        Ok(still)
    }

    /// Differences as they are shown, with the columns of rows that changed.
    ///
    /// # Errors
    /// The servers' refusals, or the loss of a connection.
    pub async fn explain(
        &self,
        reader: &mut Reader,
        session: &mut Session,
        rows: &[RowDifference],
        stable: bool,
    ) -> Result<Vec<Difference>, SyncError> {
        let (_, target_key) = self.keys()?;
        let now = chrono::Utc::now();
        let changed: Vec<&RowDifference> = rows
            .iter()
            .filter(|r| r.kind == DifferenceKind::Changed)
            .collect();
        let mut columns: HashMap<KeyTuple, Vec<DifferingColumn>> = HashMap::new();
        for batch in changed.chunks(100) {
            let sources = self
                .source_rows(
                    reader,
                    &batch.iter().map(|r| &r.source_key).collect::<Vec<_>>(),
                )
                .await?;
            let targets: HashMap<KeyTuple, Vec<Option<Vec<u8>>>> = self
                .target_rows(session, &batch.iter().map(|r| &r.key).collect::<Vec<_>>())
                .await?
                .into_iter()
                .collect();
            let by_source: HashMap<KeyTuple, Vec<Option<Vec<u8>>>> = sources.into_iter().collect();
            for row in batch {
                if let (Some(source), Some(target)) =
                    (by_source.get(&row.source_key), targets.get(&row.key))
                {
                    columns.insert(row.key.clone(), self.differing(source, target));
                }
            }
        }
        Ok(rows
            .iter()
            .map(|row| Difference {
                table: self.plan.target.table.raw().to_owned(),
                kind: row.kind,
                key: target_key.shown(&row.key),
                columns: columns.remove(&row.key).unwrap_or_default(),
                stable,
                first_seen_at: now,
            })
            .collect())
    }

    fn differing(
        &self,
        source: &[Option<Vec<u8>>],
        target: &[Option<Vec<u8>>],
    ) -> Vec<DifferingColumn> {
        let shown = |value: &Option<Vec<u8>>| {
            value
                .as_deref()
                .map(|bytes| ShownValue::of_bytes(&bytes[..bytes.len().min(200)]))
        };
        self.plan
            .pairs
            .iter()
            .zip(source.iter().zip(target))
            .filter(|(_, (s, t))| s != t)
            .map(|(pair, (s, t))| {
                // What the target holds may be from before the column was masked.
                let masked = pair
                    .masked
                    .as_ref()
                    .map(|_| ShownValue::Text("(masked)".to_owned()));
                DifferingColumn {
                    name: pair.target.name.raw().to_owned(),
                    source: masked.clone().or_else(|| shown(s)),
                    target: masked.or_else(|| shown(t)),
                }
            })
            .collect()
    }

    /// The error of a row that differs after it was written.
    ///
    /// # Errors
    /// Always; the servers' own where they fail meanwhile.
    pub async fn refuse(
        &self,
        reader: &mut Reader,
        session: &mut Session,
        row: &RowDifference,
    ) -> SyncError {
        let shown = match self
            .explain(reader, session, std::slice::from_ref(row), true)
            .await
        {
            Ok(shown) => shown,
            Err(error) => return error,
        };
        let mut info = ErrorInfo::new(
            ErrorCode::VerifyFailed,
            format!(
                "a row of {} differs from its source after it was written",
                self.other.shown()
            ),
        );
        if let Some(first) = shown.into_iter().next() {
            info.key = Some(first.key);
            info.column = first.columns.first().map(|c| c.name.clone());
        }
        info.into()
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
    let row = session
        .first(sql)
        .await?
        .ok_or_else(|| SyncError::stop(ErrorCode::Internal, "a comparison gave no answer"))?;
    hash_of(&row)
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

async fn read_hashes(
    session: &mut Session,
    sql: &str,
    key_parts: usize,
) -> Result<HashMap<KeyTuple, RowHash>, SyncError> {
    let positions: Vec<usize> = (0..key_parts).collect();
    let mut out = HashMap::new();
    let mut rows = session.stream(sql).await?;
    while let Some(row) = rows.next().await? {
        out.insert(
            KeyTuple::of_row(&row, &positions)?,
            row.get(key_parts).unwrap_or_default().to_vec(),
        );
    }
    Ok(out)
}

async fn read_rows(
    session: &mut Session,
    sql: &str,
    key_parts: usize,
) -> Result<Vec<(KeyTuple, Vec<Option<Vec<u8>>>)>, SyncError> {
    let positions: Vec<usize> = (0..key_parts).collect();
    let mut out = Vec::new();
    let mut rows = session.stream(sql).await?;
    while let Some(row) = rows.next().await? {
        let key = KeyTuple::of_row(&row, &positions)?;
        let values = (key_parts..row.len())
            .map(|at| row.get(at).map(<[u8]>::to_vec))
            .collect();
        out.push((key, values));
    }
    Ok(out)
}
