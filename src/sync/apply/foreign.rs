//! Foreign keys while rows of a live target change: which rows of others would be reached, and
//! whether the written rows find their parents.
//!
//! The server checks one row after the other and knows no end of a transaction, so rows that refer
//! to each other, or tables that do, can't be written with its checks on. Where they are off, what
//! they would have found is looked for here.

use super::{KEYS, Rows};
use crate::model::log::DifferenceKind;
use crate::mysql::Session;
use crate::sync::compare::{Comparer, RowDifference};
use crate::sync::error::SyncError;
use crate::sync::key::KeyTuple;
use crate::sync::orphans;

mod bonds;
mod reach;

pub(super) use bonds::Bonds;
use bonds::{refused, restricts};
pub use reach::Reached;
use reach::{by_deletes, by_updates, can_move};

impl Bonds<'_> {
    /// Looks at the rows of others that refer to rows about to be deleted: `unchecked` by the
    /// server, or `early`, before the tables of the job have deleted theirs. `true` when the
    /// server has to cascade to some.
    pub(super) async fn before_deletes(
        &self,
        comparer: &Comparer<'_>,
        session: &mut Session,
        rows: &[RowDifference],
        early: bool,
        unchecked: bool,
    ) -> Result<bool, SyncError> {
        let mut cascades = false;
        for key in &self.table.plan.inbound {
            let restricts = restricts(&key.on_delete);
            let later = self.goes_later(key) || (early && self.is_of_job(key));
            if later || (restricts && !unchecked) {
                continue;
            }
            let reached = by_deletes(comparer, session, key, rows).await?;
            if reached > 0 && (restricts || !self.table.plan.options.allow_cascade) {
                return Err(refused("deleting", reached, key, &key.on_delete));
            }
            cascades |= reached > 0;
        }
        Ok(cascades)
    }

    /// Looks at the rows of others that refer to values about to change. `true` when the server
    /// has to look after some.
    pub(super) async fn before_updates(
        &self,
        comparer: &Comparer<'_>,
        session: &mut Session,
        changed: &[RowDifference],
        rows: &Rows,
    ) -> Result<bool, SyncError> {
        let mut reaches = false;
        for key in &self.table.plan.inbound {
            // A child of the job takes its values from its own source.
            if self.is_of_job(key) || !can_move(comparer, key) {
                continue;
            }
            let reached = by_updates(comparer, session, key, changed, rows).await?;
            if reached > 0 && !restricts(&key.on_update) && !self.table.plan.options.allow_cascade {
                return Err(refused("updating", reached, key, &key.on_update));
            }
            reaches |= reached > 0;
        }
        Ok(reaches)
    }

    /// Whether rows can be deleted and inserted again behind the server's back: what others refer
    /// to must be the key, which stays.
    pub(super) fn can_replace(&self, comparer: &Comparer<'_>) -> bool {
        let Some(target_key) = &comparer.plan.target_key else {
            return false;
        };
        self.table.plan.inbound.iter().all(|key| {
            self.is_of_job(key)
                || key
                    .parent_columns
                    .iter()
                    .all(|name| target_key.columns.iter().any(|c| c.name == *name))
        })
    }

    /// The written rows have parents; what has none is told of, or refused.
    pub(super) async fn after_writes(
        &self,
        comparer: &Comparer<'_>,
        session: &mut Session,
        written: &[RowDifference],
    ) -> Result<(), SyncError> {
        let Some(target_key) = &comparer.plan.target_key else {
            return Ok(());
        };
        let keys: Vec<&KeyTuple> = written
            .iter()
            .filter(|d| d.kind != DifferenceKind::Extra)
            .map(|d| &d.key)
            .collect();
        for key in self.own() {
            if self.comes_later(key) {
                continue;
            }
            let mut lost = 0;
            for batch in keys.chunks(KEYS) {
                let rows = target_key.any_of_sql(batch);
                lost += orphans::count(session, &self.table.plan.target, key, Some(&rows)).await?;
            }
            orphans::tell(self.table, key, lost)?;
        }
        Ok(())
    }

    /// The same for the whole table, once all of its rows are written.
    pub(super) async fn after_all(&self, session: &mut Session) -> Result<(), SyncError> {
        for key in self.own() {
            if !self.comes_later(key) {
                let lost = orphans::count(session, &self.table.plan.target, key, None).await?;
                orphans::tell(self.table, key, lost)?;
            }
        }
        Ok(())
    }
}
