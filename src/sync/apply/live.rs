//! One transaction on a live target: deletes, updates, inserts.
//!
//! A row may have to wait for another that still holds its unique value. Rows in the way join the
//! transaction; each is written after those that it waits for, and those that wait for each other
//! in a circle are deleted and inserted again. A row whose value is held by one that stays is left
//! out, where the table's policy keeps rows, or ends the transaction.

use std::collections::{HashMap, HashSet};

use super::foreign::Bonds;
use super::policy;
use super::statements::{delete, inserts, is_duplicate, of_kind, row_of, update};
use super::unique::{holders_with_hashes, unseen};
use super::{KEYS, Rows, fetch};
use crate::model::error::{ErrorCode, ErrorInfo};
use crate::model::log::DifferenceKind;
use crate::model::rule::ConflictResolution;
use crate::mysql::Session;
use crate::mysql::kind::Kind;
use crate::sync::compare::{Comparer, RowDifference, RowHash};
use crate::sync::deletes::check_delete_limits;
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

    /// Updates rows whose unique values others hold.
    async fn untie(&mut self, stuck: Vec<RowDifference>) -> Result<(), SyncError> {
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
    async fn in_the_way(
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
    fn leave_out(&mut self, key: &KeyTuple) -> Result<(), SyncError> {
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

/// The error of a row whose unique value is held by one that stays.
pub(super) fn both_can_not_be(
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

/// The rows that wait for one which will not move, or for one of these. What is waited for and does
/// not wait itself stays as it is.
pub(super) fn held_for_good(waits: &HashMap<KeyTuple, HashSet<KeyTuple>>) -> HashSet<KeyTuple> {
    let mut held: HashSet<KeyTuple> = HashSet::new();
    loop {
        let before = held.len();
        for (key, others) in waits {
            if others
                .iter()
                .any(|other| held.contains(other) || !waits.contains_key(other))
            {
                held.insert(key.clone());
            }
        }
        if held.len() == before {
            return held;
        }
    }
}

/// Each row after those that it waits for; apart, the rows that wait in circles or for those.
pub(super) fn in_order(
    all: Vec<RowDifference>,
    mut waits: HashMap<KeyTuple, HashSet<KeyTuple>>,
) -> (Vec<RowDifference>, Vec<RowDifference>) {
    let mut waited_for: HashMap<KeyTuple, Vec<KeyTuple>> = HashMap::new();
    for (key, others) in &waits {
        for other in others {
            waited_for
                .entry(other.clone())
                .or_default()
                .push(key.clone());
        }
    }
    let mut rows: HashMap<KeyTuple, RowDifference> =
        all.into_iter().map(|d| (d.key.clone(), d)).collect();
    let mut free: Vec<KeyTuple> = waits
        .iter()
        .filter(|(_, others)| others.is_empty())
        .map(|(key, _)| key.clone())
        .collect();
    let mut ordered = Vec::new();
    while let Some(key) = free.pop() {
        ordered.extend(rows.remove(&key));
        for waiting in waited_for.remove(&key).unwrap_or_default() {
            if let Some(others) = waits.get_mut(&waiting) {
                others.remove(&key);
                if others.is_empty() {
                    free.push(waiting);
                }
            }
        }
    }
    (ordered, rows.into_values().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(n: u8) -> KeyTuple {
        KeyTuple(vec![vec![n]])
    }

    fn row(n: u8) -> RowDifference {
        RowDifference {
            kind: DifferenceKind::Changed,
            source_key: key(n),
            key: key(n),
            source: None,
            target: None,
        }
    }

    #[test]
    fn chains_are_put_in_order_and_circles_apart() {
        let waits = [
            (1, vec![2]),
            (2, vec![3]),
            (3, vec![]),
            (4, vec![5]),
            (5, vec![4]),
            (6, vec![5]),
        ];
        let waits = waits
            .into_iter()
            .map(|(n, others)| (key(n), others.into_iter().map(key).collect()))
            .collect();
        let (ordered, circles) = in_order((1..=6).map(row).collect(), waits);
        let numbers: Vec<u8> = ordered.iter().map(|d| d.key.0[0][0]).collect();
        assert_eq!(numbers, [3, 2, 1]);
        assert_eq!(circles.len(), 3);
    }

    #[test]
    fn who_waits_for_a_row_that_stays_is_held_for_good() {
        let waits = [
            (1, vec![2]),
            (2, vec![9]),
            (3, vec![4]),
            (4, vec![3]),
            (5, vec![]),
        ];
        let waits = waits
            .into_iter()
            .map(|(n, others): (u8, Vec<u8>)| (key(n), others.into_iter().map(key).collect()))
            .collect();
        let held = held_for_good(&waits);
        assert_eq!(held, [key(1), key(2)].into_iter().collect());
    }
}
