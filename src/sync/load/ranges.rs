//! Finding the ranges of a copy on the source, ahead of the workers and beside them.

use std::sync::Arc;
use std::time::Instant;

use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;
use tokio::task::JoinHandle;

use super::super::chunk::{next_boundary, range_rows};
use super::super::error::SyncError;
use super::super::key::KeyTuple;
use super::super::meter::TableMeter;
use super::super::shared::TableShared;
use crate::store::ranges::{RangeRow, RangeState};

/// A range that is to be copied, and how many rows it should have, where that is known.
pub(super) struct Found {
    pub(super) range: RangeRow,
    pub(super) rows: Option<u64>,
}

type Sender = mpsc::Sender<Result<Found, SyncError>>;

/// Finds ranges in a task of its own, a few more than there are workers.
pub(super) struct Finder {
    found: mpsc::Receiver<Result<Found, SyncError>>,
    task: JoinHandle<()>,
}

impl Finder {
    /// Begins after `lower`, with range number `next_no`.
    pub(super) fn begin(table: &Arc<TableShared>, lower: Option<KeyTuple>, next_no: u32) -> Self {
        let (sender, found) = mpsc::channel(table.job.workers() * 2);
        let table = Arc::clone(table);
        let task = tokio::spawn(async move {
            if let Err(error) = find(&table, lower, next_no, &sender).await {
                // Nobody listens any more where the copy has ended.
                let _told = sender.send(Err(error)).await;
            }
        });
        Self { found, task }
    }

    /// The next one; `None` after the last.
    pub(super) async fn next(&mut self) -> Option<Result<Found, SyncError>> {
        self.found.recv().await
    }

    /// The next one, if it is there already.
    pub(super) fn at_once(&mut self) -> Option<Result<Found, SyncError>> {
        self.found.try_recv().ok()
    }

    /// Ends it after the statement in hand: one that is cut off would end the snapshot for others.
    pub(super) async fn end(self) {
        drop(self.found);
        // It has told its error already.
        let _ended = self.task.await;
    }
}

async fn find(
    table: &TableShared,
    mut lower: Option<KeyTuple>,
    mut next_no: u32,
    sender: &Sender,
) -> Result<(), SyncError> {
    let Some(key) = &table.plan.key else {
        return Ok(());
    };
    loop {
        // No session is kept while nobody needs another range.
        let Ok(mut room) = sender.reserve().await else {
            return Ok(());
        };
        let mut reader = table.snapshots.reader().await?;
        loop {
            let rows = range_rows(&table.plan, &table.meter, table.job.workers());
            let clock = Instant::now();
            let upper =
                next_boundary(reader.session(), &table.plan, key, lower.as_ref(), rows).await;
            table.meter.asked(clock.elapsed());
            if let Err(error) = &upper {
                reader.failed(error);
            }
            let upper = upper?;
            let range = new_range(next_no, lower.as_ref(), upper.as_ref());
            let is_last = upper.is_none();
            TableMeter::add(&table.meter.chunks_total, 1);
            room.send(Ok(Found {
                range,
                rows: Some(rows),
            }));
            if is_last {
                return reader.release().await;
            }
            (lower, next_no) = (upper, next_no + 1);
            room = match sender.try_reserve() {
                Ok(room) => room,
                Err(TrySendError::Full(())) => break,
                Err(TrySendError::Closed(())) => return reader.release().await,
            };
        }
        reader.release().await?;
    }
}

/// A range of which nothing is copied yet.
pub(super) fn new_range(
    range_no: u32,
    lower: Option<&KeyTuple>,
    upper: Option<&KeyTuple>,
) -> RangeRow {
    RangeRow {
        range_no,
        lower: lower.map(KeyTuple::to_text),
        upper: upper.map(KeyTuple::to_text),
        position: None,
        seq: 0,
        state: RangeState::Planned,
        compared_in: None,
        rows: 0,
    }
}
