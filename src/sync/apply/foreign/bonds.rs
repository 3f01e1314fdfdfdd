//! The foreign keys around one table, and how they lie to the order of the job's tables.

use crate::model::error::{ErrorCode, ErrorInfo};
use crate::mysql::schema::ForeignKey;
use crate::sync::error::SyncError;
use crate::sync::shared::TableShared;

/// The foreign keys around one table.
pub struct Bonds<'a> {
    /// The table.
    pub table: &'a TableShared,
}

impl<'a> Bonds<'a> {
    /// Those around `table`.
    pub fn of(table: &'a TableShared) -> Self {
        Self { table }
    }

    /// Its own.
    pub fn own(&self) -> &'a [ForeignKey] {
        let schema = self.table.plan.target_schema.as_ref();
        schema.map_or(&[], |s| s.foreign_keys.as_slice())
    }

    /// Whether it has foreign keys, or others have some onto it.
    pub fn any(&self) -> bool {
        !self.own().is_empty() || !self.table.plan.inbound.is_empty()
    }

    /// Whether its rows refer to each other, or it is in a ring of tables.
    pub fn is_knotted(&self) -> bool {
        let target = &self.table.plan.target;
        self.own().iter().any(|key| key.parent == *target)
            || self.table.job.order.is_in_ring(target.table.raw())
    }

    /// Whether the rows of a child are brought in step by this job too.
    pub fn is_of_job(&self, key: &ForeignKey) -> bool {
        let target = &self.table.plan.target;
        key.table.database == target.database && self.table.job.order.knows(key.table.table.raw())
    }

    /// Whether the child is a table of the job whose rows go later than this one's.
    pub fn goes_later(&self, key: &ForeignKey) -> bool {
        let order = &self.table.job.order;
        self.is_of_job(key)
            && order.rank(key.table.table.raw()) < order.rank(self.table.plan.target.table.raw())
    }

    /// Whether the parent is a table of the job whose rows come later than this one's.
    pub fn comes_later(&self, key: &ForeignKey) -> bool {
        let (order, target) = (&self.table.job.order, &self.table.plan.target);
        key.parent != *target
            && key.parent.database == target.database
            && order.knows(key.parent.table.raw())
            && order.rank(key.parent.table.raw()) > order.rank(target.table.raw())
    }
}

/// Whether the server refuses a change of a parent that has children.
pub fn restricts(action: &str) -> bool {
    matches!(action, "RESTRICT" | "NO ACTION")
}

/// The error of a change that would reach rows of others.
pub fn refused(doing: &str, reached: u64, key: &ForeignKey, action: &str) -> SyncError {
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
