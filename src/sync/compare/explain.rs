//! Differences as people are shown them: keys, columns and values of both sides.

use std::collections::HashMap;

use super::{Comparer, RowDifference};
use crate::model::error::{ErrorCode, ErrorInfo, ShownValue};
use crate::model::log::{Difference, DifferenceKind, DifferingColumn};
use crate::mysql::Session;
use crate::sync::error::SyncError;
use crate::sync::key::KeyTuple;
use crate::sync::snapshot::Reader;

impl Comparer<'_> {
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
