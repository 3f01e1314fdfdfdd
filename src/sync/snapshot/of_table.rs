//! The snapshots of a job, as one table sees them.

use std::sync::Arc;

use super::{Reader, Snapshot, Snapshots};
use crate::model::error::{ErrorCode, ErrorInfo};
use crate::sync::error::SyncError;

/// The snapshot that a table is read in: the job's, or one of its own.
pub struct TableSnapshots {
    all: Arc<Snapshots>,
    table: String,
    gave_way: u32,
    /// Whether the snapshot ends with the table.
    own: bool,
}

impl TableSnapshots {
    /// The job's, for a source table.
    #[must_use]
    pub fn shared(all: &Arc<Snapshots>, table: &str) -> Self {
        Self {
            gave_way: all.times_given_way(table),
            all: Arc::clone(all),
            table: table.to_owned(),
            own: false,
        }
    }

    /// One of the table's own.
    #[must_use]
    pub fn own(all: Snapshots, table: &str) -> Self {
        Self {
            all: Arc::new(all),
            table: table.to_owned(),
            gave_way: 0,
            own: true,
        }
    }

    /// All of it, for whoever watches over it.
    #[must_use]
    pub fn all(&self) -> &Arc<Snapshots> {
        &self.all
    }

    /// A reader of the snapshot in force; opens one when there is none. Waits while all are out.
    ///
    /// # Errors
    /// When the source can't be reached or refuses.
    pub async fn reader(&self) -> Result<Reader, SyncError> {
        if self.gave_way() {
            // What was waited for may have changed the table: it is planned anew.
            return Err(ErrorInfo::new(
                ErrorCode::ConnectionLost,
                "the readers of the table gave way to a statement on the source",
            )
            .transient()
            .into());
        }
        self.all.reader_of(&self.table).await
    }

    /// The snapshot in force; opens one when there is none.
    ///
    /// # Errors
    /// When the source can't be reached or refuses.
    pub async fn current(&self) -> Result<Arc<Snapshot>, SyncError> {
        self.all.current().await
    }

    /// Ends the snapshot: the next reader gets a later one.
    pub fn renew(&self) {
        self.all.renew();
    }

    /// How many snapshots were taken so far.
    #[must_use]
    pub fn taken(&self) -> u32 {
        self.all.taken()
    }

    /// How many snapshots were ended because they were too old.
    #[must_use]
    pub fn aged(&self) -> u32 {
        self.all.aged()
    }

    /// How many readers there can be at once.
    #[must_use]
    pub fn size(&self) -> usize {
        self.all.size()
    }

    /// Whether each reader sees a moment of its own.
    #[must_use]
    pub fn is_per_chunk(&self) -> bool {
        self.all.manner.per_chunk
    }

    /// Whether a reader of this table had to give way since this began.
    #[must_use]
    pub fn gave_way(&self) -> bool {
        self.all.times_given_way(&self.table) > self.gave_way
    }

    /// Ends it where it is the table's own.
    pub async fn close(&self) {
        if self.own {
            self.all.close().await;
        }
    }
}
