//! How much a job may hold in memory of what it has read and not yet written.
//!
//! Readers wait for room before they fill a segment, and the room comes back when it is written. A
//! segment that waits to be written needs nothing more, so nobody waits for ever. Must not know:
//! tables. Called by whoever copies ranges.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::error::SyncError;

/// Bytes of a segment: of one transaction.
pub const SEGMENT_BYTES: u64 = 8 << 20;

/// Room for segments; and for comparisons beside the reading.
pub struct Ahead {
    segments: Arc<Semaphore>,
    /// Segments that there is room for in all.
    size: AtomicUsize,
    comparing: Arc<Semaphore>,
}

/// Room for one segment; comes back when dropped.
pub struct Room {
    permit: OwnedSemaphorePermit,
    of: Arc<Semaphore>,
    taken: u64,
}

impl Ahead {
    /// For so many workers.
    #[must_use]
    pub fn new(workers: usize) -> Self {
        let size = segments(workers);
        Self {
            segments: Arc::new(Semaphore::new(size)),
            size: AtomicUsize::new(size),
            comparing: Arc::new(Semaphore::new(workers.div_ceil(2))),
        }
    }

    /// There may be more workers by now: they get room too.
    pub fn allow(&self, workers: usize) {
        let wanted = segments(workers);
        let before = self.size.fetch_max(wanted, Ordering::AcqRel);
        if wanted > before {
            self.segments.add_permits(wanted - before);
            self.comparing.add_permits((wanted - before) / 4);
        }
    }

    /// Waits for room for a segment.
    ///
    /// # Errors
    /// `Stopped` when there will be none any more.
    pub async fn room(&self) -> Result<Room, SyncError> {
        let of = Arc::clone(&self.segments);
        let permit = Arc::clone(&of)
            .acquire_owned()
            .await
            .map_err(|_| SyncError::Stopped)?;
        Ok(Room {
            permit,
            of,
            taken: SEGMENT_BYTES,
        })
    }

    /// Waits until a range may be compared beside what is read: enough sessions go on reading.
    ///
    /// # Errors
    /// `Stopped` when that will not be.
    pub async fn compare(&self) -> Result<OwnedSemaphorePermit, SyncError> {
        Arc::clone(&self.comparing)
            .acquire_owned()
            .await
            .map_err(|_| SyncError::Stopped)
    }
}

impl Room {
    /// The segment has grown to so many bytes, which only a large row does: it takes the room of
    /// others as far as that is free.
    pub fn grow(&mut self, bytes: u64) {
        while bytes > self.taken {
            self.taken += SEGMENT_BYTES;
            if let Ok(more) = Arc::clone(&self.of).try_acquire_owned() {
                self.permit.merge(more);
            }
        }
    }
}

/// One that is filled and one that is written for each worker, and one that waits.
fn segments(workers: usize) -> usize {
    workers.max(1) * 2 + 1
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn what_is_read_ahead_is_bounded_and_a_large_row_counts_for_several() {
        let ahead = Ahead::new(1);
        let mut one = ahead.room().await.unwrap();
        let two = ahead.room().await.unwrap();
        one.grow(3 * SEGMENT_BYTES);
        assert!(
            ahead.room().now_or_never().is_none(),
            "the large one has it"
        );
        drop(one);
        let _three = ahead.room().await.unwrap();
        let four = ahead.room().await.unwrap();
        assert!(ahead.room().now_or_never().is_none());
        drop((two, four));
        assert!(ahead.room().now_or_never().is_some());
    }

    #[tokio::test]
    async fn more_workers_get_more_room() {
        let ahead = Ahead::new(1);
        let mut held = Vec::new();
        ahead.allow(4);
        ahead.allow(2);
        while let Some(Ok(room)) = ahead.room().now_or_never() {
            held.push(room);
        }
        assert_eq!(held.len(), 9);
    }
}
