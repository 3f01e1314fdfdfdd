//! Rows whose unique values others hold.
//!
//! A row may have to wait for another that still holds its value. Rows in the way join the
//! transaction; each is written after those that it waits for, and those that wait for each other
//! in a circle are deleted and inserted again. A row whose value is held by one that stays is left
//! out, where the table's policy keeps rows, or ends the transaction.

use std::collections::{HashMap, HashSet};

use super::Live;
use super::order::{held_for_good, in_order};
use crate::model::error::{ErrorCode, ErrorInfo};
use crate::model::log::DifferenceKind;
use crate::model::rule::ConflictResolution;
use crate::sync::apply::statements::{is_duplicate, of_kind, row_of, update};
use crate::sync::apply::unique::{holders_with_hashes, unseen};
use crate::sync::apply::{KEYS, fetch, policy};
use crate::sync::compare::{Comparer, RowDifference, RowHash};
use crate::sync::deletes::check_delete_limits;
use crate::sync::error::SyncError;
use crate::sync::key::KeyTuple;
use crate::sync::shared::TableShared;

impl Live<'_, '_> {
    /// Updates rows whose unique values others hold.
    pub(super) async fn untie(&mut self, stuck: Vec<RowDifference>) -> Result<(), SyncError> {
        if stuck.is_empty() {
            return Ok(());
        }
        let (in_order, in_circles) = self.untangle(stuck).await?;
        let first = in_circles.first().map(|d| d.key.clone());
        // Rows that joined may reach others as well.
        let reaches = self
            .bonds
            .before_updates(self.comparer, self.session, &in_order, &self.rows)
            .await?;
        self.check(reaches).await?;
        for difference in &in_order {
            match update(self.comparer, self.session, difference, &self.rows).await {
                Err(error) if is_duplicate(&error) => self.leave_out(&difference.key)?,
                updated => updated?,
            }
        }
        self.replace(&in_circles)
            .await
            .map_err(|error| match first {
                Some(key) if is_duplicate(&error) => self.named(error, &key),
                _ => error,
            })
    }

    /// Finds out which rows the stuck ones wait for, until no other joins. Those that can be
    /// written one after the other come first, in that order, then those that can't.
    async fn untangle(
        &mut self,
        stuck: Vec<RowDifference>,
    ) -> Result<(Vec<RowDifference>, Vec<RowDifference>), SyncError> {
        let mut all: Vec<RowDifference> = stuck;
        let mut waits: HashMap<KeyTuple, HashSet<KeyTuple>> = HashMap::new();
        let mut next = 0;
        while next < all.len() {
            self.table.check()?;
            let waiting = all[next].clone();
            next += 1;
            let (held_by, joined) = self.in_the_way(&[&waiting]).await?;
            let others = held_by.into_iter().filter(|key| *key != waiting.key);
            waits.insert(waiting.key.clone(), others.collect());
            all.extend(joined);
        }
        for key in held_for_good(&waits) {
            self.leave_out(&key)?;
            waits.remove(&key);
        }
        all.retain(|d| waits.contains_key(&d.key));
        Ok(in_order(all, waits))
    }

    /// The rows that hold unique values which `rows` are to have: their keys, and those of them
    /// that are new to the transaction and must change. What must go of them is deleted at once.
    pub(super) async fn in_the_way(
        &mut self,
        rows: &[&RowDifference],
    ) -> Result<(Vec<KeyTuple>, Vec<RowDifference>), SyncError> {
        let mut values = Vec::new();
        for difference in rows {
            values.push(row_of(&self.rows, difference)?.to_vec());
        }
        let values: Vec<&Vec<_>> = values.iter().collect();
        let mut held =
            holders_with_hashes(self.table, self.comparer, self.session, &values, true).await?;
        let mut fresh = HashMap::new();
        for (key, hash) in &held {
            if self.known.insert(key.clone()) {
                fresh.insert(key.clone(), hash.clone());
            }
        }
        let (changed, extra) = self.join(fresh).await?;
        for gone in &extra {
            held.remove(&gone.key);
        }
        self.rows
            .extend(fetch(self.comparer, self.reader, &changed).await?);
        self.work.extend(changed.iter().chain(&extra).cloned());
        self.displaced.extend(extra.iter().map(|d| d.key.clone()));
        self.check_limits(extra.len() as u64).await?;
        self.delete_extra(&extra, true).await?;
        Ok((held.into_keys().collect(), changed))
    }

    /// Compares rows in the way with the source: those that are to change by the policy, and those
    /// that are to go. The others stay.
    async fn join(
        &mut self,
        fresh: HashMap<KeyTuple, RowHash>,
    ) -> Result<(Vec<RowDifference>, Vec<RowDifference>), SyncError> {
        let keys: Vec<&KeyTuple> = fresh.keys().collect();
        let mut on_source = HashMap::new();
        for batch in keys.chunks(KEYS) {
            on_source.extend(self.comparer.source_hashes(self.reader, batch).await?);
        }
        let policy = self.table.plan.options.conflict_resolution;
        let (mut changed, mut extra) = (Vec::new(), Vec::new());
        for (key, hash) in fresh {
            match on_source.remove(&key) {
                Some((_, source)) if source == hash => {
                    if !policy.may_keep() {
                        return Err(self.both_can_not_be(&key));
                    }
                }
                Some((source_key, source)) => changed.push(RowDifference {
                    kind: DifferenceKind::Changed,
                    source_key,
                    key,
                    source: Some(source),
                    target: Some(hash),
                }),
                None => extra.push(RowDifference {
                    kind: DifferenceKind::Extra,
                    source_key: key.clone(),
                    key,
                    source: None,
                    target: Some(hash),
                }),
            }
        }
        match policy {
            ConflictResolution::Overwrite => {}
            ConflictResolution::Skip => changed.clear(),
            ConflictResolution::Error => policy::refuse_conflict(self.comparer, &changed)?,
            ConflictResolution::Newer => {
                let all: Vec<&RowDifference> = changed.iter().collect();
                let mut later = HashSet::new();
                for batch in all.chunks(KEYS) {
                    later.extend(
                        policy::later(self.comparer, self.reader, self.session, batch).await?,
                    );
                }
                changed.retain(|d| later.contains(&d.key));
            }
        }
        Ok((changed, extra))
    }

    /// Rows that have to go although nobody counted them, since the run compares no whole table, are
    /// held to the limits too.
    async fn check_limits(&mut self, joined: u64) -> Result<(), SyncError> {
        if joined == 0 {
            return Ok(());
        }
        let gone = of_kind(&self.work, DifferenceKind::Extra).len() as u64;
        let rows = self.table.target_rows(self.session).await?;
        check_delete_limits(self.table, gone, rows)
    }

    /// A row can't be written, since another that stays holds its unique value.
    pub(super) fn leave_out(&mut self, key: &KeyTuple) -> Result<(), SyncError> {
        if !self.table.plan.options.conflict_resolution.may_keep() {
            return Err(self.both_can_not_be(key));
        }
        self.kept.insert(key.clone());
        Ok(())
    }

    fn both_can_not_be(&self, key: &KeyTuple) -> SyncError {
        both_can_not_be(self.table, self.comparer, key)
    }

    /// An error with the key of the row that it is about.
    fn named(&self, error: SyncError, key: &KeyTuple) -> SyncError {
        let Some(info) = error.info().filter(|info| info.key.is_none()) else {
            return error;
        };
        let mut info = info.clone();
        let target_key = self.comparer.plan.target_key.as_ref();
        info.key = target_key.map(|k| k.shown(key));
        info.into()
    }
}

/// The error of a row whose unique value is held by one that stays.
pub(in crate::sync::apply) fn both_can_not_be(
    table: &TableShared,
    comparer: &Comparer<'_>,
    key: &KeyTuple,
) -> SyncError {
    let unseen = unseen(table, comparer);
    let mut info = if unseen.is_empty() {
        ErrorInfo::new(
            ErrorCode::DuplicateKey,
            "a unique key of the target takes two rows of the source for one",
        )
        .hint("give that key of the target the source's definition; conflict_resolution: skip leaves the second row out")
    } else {
        ErrorInfo::new(
            ErrorCode::DuplicateKey,
            format!(
                "a row of the target holds a value that this row needs, in a key whose rows can't be looked up: {}",
                unseen.join(", ")
            ),
        )
        .hint("full_strategy: swap replaces the table as a whole")
    };
    let target_key = comparer.plan.target_key.as_ref();
    info.key = target_key.map(|k| k.shown(key));
    info.into()
}
