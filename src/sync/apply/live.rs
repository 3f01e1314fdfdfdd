//! One transaction on a live target: deletes, updates, inserts, in this order.
//!
//! What to do where a unique value is taken is settled in `clash`. Called with differences that were
//! looked at again in the same transaction.

mod clash;
mod order;

pub(super) use clash::both_can_not_be;
pub(super) use order::{held_for_good, in_order};

use std::collections::HashSet;

use super::foreign::Bonds;
use super::statements::{delete, inserts, is_duplicate, of_kind, update};
use super::{KEYS, Rows};
use crate::model::error::{ErrorCode, ErrorInfo};
use crate::model::log::DifferenceKind;
use crate::mysql::Session;
use crate::mysql::kind::Kind;
use crate::sync::compare::{Comparer, RowDifference};
use crate::sync::error::SyncError;
use crate::sync::key::KeyTuple;
use crate::sync::quarantine::Quarantine;
use crate::sync::shared::TableShared;
use crate::sync::snapshot::Reader;

/// What a transaction has written.
pub(super) struct Written {
    /// Everything that it changed.
    pub(super) work: Vec<RowDifference>,
    /// Keys of the rows that were left out.
    pub(super) kept: HashSet<KeyTuple>,
    /// Keys of the rows among `work` that had to go since they were in the way.
    pub(super) displaced: Vec<KeyTuple>,
    /// Bytes of the source's rows.
    pub(super) bytes: u64,
}

pub(super) struct Live<'a, 'c> {
    table: &'a TableShared,
    comparer: &'a Comparer<'c>,
    reader: &'a mut Reader,
    session: &'a mut Session,
    bonds: Bonds<'a>,
    /// Where deleted rows are kept.
    quarantine: Option<&'a Quarantine>,
    /// Everything that the transaction changes.
    work: Vec<RowDifference>,
    known: HashSet<KeyTuple>,
    /// Rows that the policy leaves as they are, or leaves out.
    kept: HashSet<KeyTuple>,
    /// Rows of the target's own that were in the way.
    displaced: Vec<KeyTuple>,
    rows: Rows,
    /// Whether the server checks foreign keys just now.
    checks: bool,
}

impl<'a, 'c> Live<'a, 'c> {
    pub(super) fn new(
        table: &'a TableShared,
        comparer: &'a Comparer<'c>,
        reader: &'a mut Reader,
        session: &'a mut Session,
        quarantine: Option<&'a Quarantine>,
        (work, rows): (Vec<RowDifference>, Rows),
    ) -> Self {
        Self {
            bonds: Bonds::of(table),
            known: work.iter().map(|d| d.key.clone()).collect(),
            table,
            comparer,
            reader,
            session,
            quarantine,
            work,
            kept: HashSet::new(),
            displaced: Vec::new(),
            rows,
            checks: true,
        }
    }

    /// What it has written.
    pub(super) fn into_written(self) -> Written {
        let Self {
            mut work,
            kept,
            displaced,
            rows,
            ..
        } = self;
        work.retain(|d| !kept.contains(&d.key));
        let values = work.iter().filter_map(|d| rows.get(&d.source_key));
        let bytes = values.flatten().flatten().map(|value| value.len() as u64);
        Written {
            bytes: bytes.sum(),
            work,
            kept,
            displaced,
        }
    }

    /// Writes it all. With `is_last`, the written rows must have their parents by then.
    pub(super) async fn write(&mut self, is_last: bool) -> Result<(), SyncError> {
        let extra = of_kind(&self.work, DifferenceKind::Extra);
        self.delete_extra(&extra, false).await?;
        let changed = of_kind(&self.work, DifferenceKind::Changed);
        self.update_all(changed).await?;
        self.replace_unmoved().await?;
        let missing = of_kind(&self.work, DifferenceKind::Missing);
        self.insert_all(&missing).await?;
        self.check(true).await?;
        if is_last {
            let written: Vec<RowDifference> = self
                .work
                .iter()
                .filter(|d| !self.kept.contains(&d.key))
                .cloned()
                .collect();
            self.bonds
                .after_writes(self.comparer, self.session, &written)
                .await?;
        }
        Ok(())
    }

    /// Turns the server's checks of foreign keys on or off.
    async fn check(&mut self, on: bool) -> Result<(), SyncError> {
        if self.checks != on && self.bonds.any() {
            self.session
                .run(&format!(
                    "SET SESSION foreign_key_checks = {}",
                    u8::from(on)
                ))
                .await?;
            self.checks = on;
        }
        Ok(())
    }

    /// `early`: before the tables of the job that refer to this one have deleted theirs.
    async fn delete_extra(
        &mut self,
        extra: &[RowDifference],
        early: bool,
    ) -> Result<(), SyncError> {
        if extra.is_empty() {
            return Ok(());
        }
        let unchecked = early || self.bonds.is_knotted();
        let cascades = self
            .bonds
            .before_deletes(self.comparer, self.session, extra, early, unchecked)
            .await?;
        self.check(cascades || !unchecked).await?;
        if let Some(quarantine) = self.quarantine {
            quarantine
                .take_rows(self.table, self.comparer, self.session, extra)
                .await?;
        }
        delete(self.comparer, self.session, extra).await
    }

    async fn update_all(&mut self, changed: Vec<RowDifference>) -> Result<(), SyncError> {
        if changed.is_empty() {
            return Ok(());
        }
        let reaches = self
            .bonds
            .before_updates(self.comparer, self.session, &changed, &self.rows)
            .await?;
        self.check(reaches).await?;
        let mut stuck = Vec::new();
        for difference in changed {
            match update(self.comparer, self.session, &difference, &self.rows).await {
                Ok(()) => {}
                Err(error) if is_duplicate(&error) => stuck.push(difference),
                Err(error) => return Err(error),
            }
        }
        self.untie(stuck).await
    }

    /// A server keeps a JSON value that equals the new one but for the types of its numbers: such
    /// rows have to be replaced.
    async fn replace_unmoved(&mut self) -> Result<(), SyncError> {
        let pairs = &self.comparer.plan.pairs;
        if !pairs.iter().any(|pair| pair.kind() == Kind::Json) {
            return Ok(());
        }
        let mut changed = of_kind(&self.work, DifferenceKind::Changed);
        changed.retain(|d| !self.kept.contains(&d.key));
        let mut unmoved = Vec::new();
        for batch in changed.chunks(KEYS) {
            let keys: Vec<&KeyTuple> = batch.iter().map(|d| &d.key).collect();
            let hashes = self
                .comparer
                .target_hashes(self.session, &keys, false)
                .await?;
            let moved = |d: &&RowDifference| hashes.get(&d.key) == d.source.as_ref();
            unmoved.extend(batch.iter().filter(|d| !moved(d)).cloned());
        }
        self.replace(&unmoved).await
    }

    /// Deletes rows and inserts them again, behind the back of foreign keys onto them.
    async fn replace(&mut self, rows: &[RowDifference]) -> Result<(), SyncError> {
        let Some(first) = rows.first() else {
            return Ok(());
        };
        if !self.bonds.can_replace(self.comparer) {
            let mut info = ErrorInfo::new(
                ErrorCode::DuplicateKey,
                "rows exchange values of a unique key that foreign keys refer to, so they can't be replaced",
            );
            let target_key = self.comparer.plan.target_key.as_ref();
            info.key = target_key.map(|k| k.shown(&first.key));
            return Err(info.into());
        }
        self.check(false).await?;
        delete(self.comparer, self.session, rows).await?;
        // They must all be there again, so none can be left out.
        let rows: Vec<&RowDifference> = rows.iter().collect();
        for insert in inserts(self.comparer, self.session, &rows, &self.rows)? {
            insert.send(self.comparer, self.session).await?;
        }
        Ok(())
    }

    async fn insert_all(&mut self, rows: &[RowDifference]) -> Result<(), SyncError> {
        if rows.is_empty() {
            return Ok(());
        }
        self.check(false).await?;
        let rows: Vec<&RowDifference> = rows.iter().collect();
        for insert in inserts(self.comparer, self.session, &rows, &self.rows)? {
            match insert.send(self.comparer, self.session).await {
                Err(error) if is_duplicate(&error) => {
                    let (_, joined) = self.in_the_way(&insert.rows).await?;
                    Box::pin(self.update_all(joined)).await?;
                    self.check(false).await?;
                    match insert.send(self.comparer, self.session).await {
                        Err(error) if is_duplicate(&error) => {
                            self.insert_each(&insert.rows).await?;
                        }
                        sent => sent?,
                    }
                }
                sent => sent?,
            }
        }
        Ok(())
    }

    /// Inserts rows one by one; those whose values are taken for good are left out.
    async fn insert_each(&mut self, rows: &[&RowDifference]) -> Result<(), SyncError> {
        for row in rows {
            for insert in inserts(self.comparer, self.session, &[row], &self.rows)? {
                match insert.send(self.comparer, self.session).await {
                    Err(error) if is_duplicate(&error) => self.leave_out(&row.key)?,
                    sent => sent?,
                }
            }
        }
        Ok(())
    }
}
