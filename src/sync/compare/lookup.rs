//! Rows of one side that are looked up by their keys, or by values of another key: whole, or by hash.

use std::collections::{HashMap, HashSet};

use super::{Comparer, RowDifference, RowHash};
use crate::model::log::DifferenceKind;
use crate::mysql::Session;
use crate::mysql::column::Column;
use crate::mysql::value::{Side, row_hash_sql};
use crate::sync::error::SyncError;
use crate::sync::key::{KeySpec, KeyTuple};
use crate::sync::snapshot::Reader;

impl Comparer<'_> {
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
