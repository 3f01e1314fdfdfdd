//! Foreign keys while rows of a live target change: which rows of others would be reached, and
//! whether the written rows find their parents.
//!
//! The server checks one row after the other and knows no end of a transaction, so rows that refer
//! to each other, or tables that do, can't be written with its checks on. Where they are off, what
//! they would have found is looked for here.

use super::KEYS;
use crate::model::error::{ErrorCode, ErrorInfo};
use crate::model::log::DifferenceKind;
use crate::mysql::Session;
use crate::mysql::schema::ForeignKey;
use crate::sync::compare::{Comparer, RowDifference};
use crate::sync::error::SyncError;
use crate::sync::key::KeyTuple;
use crate::sync::orphans;
use crate::sync::shared::TableShared;

use super::Rows;

mod reach;

pub use reach::Reached;
use reach::{by_deletes, by_updates, can_move};

/// The foreign keys around one table.
pub(super) struct Bonds<'a> {
    table: &'a TableShared,
}

impl<'a> Bonds<'a> {
    pub(super) fn of(table: &'a TableShared) -> Self {
        Self { table }
    }

    fn own(&self) -> &'a [ForeignKey] {
        let schema = self.table.plan.target_schema.as_ref();
        schema.map_or(&[], |s| s.foreign_keys.as_slice())
    }

    /// Whether it has foreign keys, or others have some onto it.
    pub(super) fn any(&self) -> bool {
        !self.own().is_empty() || !self.table.plan.inbound.is_empty()
    }

    /// Whether its rows refer to each other, or it is in a ring of tables.
    pub(super) fn is_knotted(&self) -> bool {
        let target = &self.table.plan.target;
        self.own().iter().any(|key| key.parent == *target)
            || self.table.job.order.is_in_ring(target.table.raw())
    }

    /// Whether the rows of a child are brought in step by this job too.
    fn is_of_job(&self, key: &ForeignKey) -> bool {
        let target = &self.table.plan.target;
        key.table.database == target.database && self.table.job.order.knows(key.table.table.raw())
    }

    /// Whether the child is a table of the job whose rows go later than this one's.
    fn goes_later(&self, key: &ForeignKey) -> bool {
        let order = &self.table.job.order;
        self.is_of_job(key)
            && order.rank(key.table.table.raw()) < order.rank(self.table.plan.target.table.raw())
    }

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

    /// Whether the parent is a table of the job whose rows come later than this one's.
    fn comes_later(&self, key: &ForeignKey) -> bool {
        let (order, target) = (&self.table.job.order, &self.table.plan.target);
        key.parent != *target
            && key.parent.database == target.database
            && order.knows(key.parent.table.raw())
            && order.rank(key.parent.table.raw()) > order.rank(target.table.raw())
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

fn restricts(action: &str) -> bool {
    matches!(action, "RESTRICT" | "NO ACTION")
}

fn refused(doing: &str, reached: u64, key: &ForeignKey, action: &str) -> SyncError {
    let info = ErrorInfo::new(
        ErrorCode::DeleteLimit,
        format!(
            "{doing} rows would reach {reached} rows of {} by the foreign key {} ({action})",
            key.table.shown(),
            key.name.raw()
        ),
    );
    if restricts(action) {
        info.hint("sync that table in the same config, or remove these rows")
            .into()
    } else {
        info.hint("allow_cascade: true allows it; or sync that table in the same config")
            .into()
    }
}
