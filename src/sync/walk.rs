//! Work over many ranges by several workers: the loop that copying and comparing share.
//!
//! A piece of work has a front, which counts against the job's workers, and may have a rest that
//! goes on when the next piece has begun: what was read is written while the next range is asked for.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Notify;
use tokio::task::JoinSet;

use super::error::SyncError;
use super::shared::TableShared;
use super::throttle::Turn;
use super::workers::WorkPermit;
use crate::model::error::{ErrorCode, ErrorInfo};

/// Tasks of one table: at most as many fronts at once as the job has workers. The first failure
/// lets the others finish their piece and ends the walk.
pub struct Walk {
    table: Arc<TableShared>,
    tasks: JoinSet<Result<(), SyncError>>,
    failure: Option<SyncError>,
    fronts: Arc<Fronts>,
}

/// How many pieces of work are at their front.
#[derive(Default)]
struct Fronts {
    count: AtomicUsize,
    passed: Notify,
}

/// The front of a piece of work; ends when dropped.
pub struct Front {
    place: Option<Place>,
    /// Room that both servers have for it, until what it moved has been counted.
    _turns: [Turn; 2],
}

impl Front {
    /// Lets the next piece begin while this one goes on.
    pub fn pass(&mut self) {
        self.place = None;
    }
}

/// A place among the workers of the job and of the walk.
struct Place {
    fronts: Arc<Fronts>,
    work: Option<(WorkPermit, Arc<TableShared>)>,
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some((_, table)) = &self.work {
            table.meter.workers.fetch_sub(1, Ordering::Relaxed);
        }
        self.fronts.count.fetch_sub(1, Ordering::Relaxed);
        self.fronts.passed.notify_one();
    }
}

impl Walk {
    /// A walk without tasks.
    #[must_use]
    pub fn new(table: &Arc<TableShared>) -> Self {
        Self {
            table: Arc::clone(table),
            tasks: JoinSet::new(),
            failure: None,
            fronts: Arc::default(),
        }
    }

    /// Whether another task may begin.
    #[must_use]
    pub fn has_room(&self) -> bool {
        let workers = self.table.job.workers();
        self.failure.is_none()
            && self.fronts.count.load(Ordering::Relaxed) < workers
            && self.tasks.len() <= workers * 2
    }

    /// Whether no task is at work.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.tasks.is_empty()
    }

    /// Whether no task has failed.
    #[must_use]
    pub fn is_well(&self) -> bool {
        self.failure.is_none()
    }

    /// Begins a task; its front is under one of the job's permits.
    pub fn begin<F>(&mut self, work: impl FnOnce(Arc<TableShared>, Front) -> F + Send + 'static)
    where
        F: Future<Output = Result<(), SyncError>> + Send,
    {
        let table = Arc::clone(&self.table);
        self.fronts.count.fetch_add(1, Ordering::Relaxed);
        let mut place = Place {
            fronts: Arc::clone(&self.fronts),
            work: None,
        };
        self.tasks.spawn(async move {
            let turns = table.turn().await?;
            let permit = table.job.permit().await?;
            table.meter.workers.fetch_add(1, Ordering::Relaxed);
            place.work = Some((permit, Arc::clone(&table)));
            let front = Front {
                place: Some(place),
                _turns: turns,
            };
            work(table, front).await
        });
    }

    /// Waits until one task has ended or passed its front on; `false` when none is left.
    pub async fn next(&mut self) -> bool {
        let ended = tokio::select! {
            ended = self.tasks.join_next() => ended,
            () = self.fronts.passed.notified() => return true,
        };
        match ended {
            None => false,
            Some(Ok(Ok(()))) => true,
            Some(Ok(Err(error))) => {
                self.note(error);
                true
            }
            Some(Err(error)) => {
                let message = if error.is_panic() {
                    "a worker panicked"
                } else {
                    "a worker was ended"
                };
                self.note(ErrorInfo::new(ErrorCode::Panic, message).into());
                true
            }
        }
    }

    /// Notes a failure; a real one is worth more than a stop.
    pub fn note(&mut self, error: SyncError) {
        if matches!(self.failure, None | Some(SyncError::Stopped)) {
            self.failure = Some(error);
        }
    }

    /// Waits for every task.
    ///
    /// # Errors
    /// The first failure.
    pub async fn finish(mut self) -> Result<(), SyncError> {
        while self.next().await {}
        match self.failure.take() {
            None => Ok(()),
            Some(error) => Err(self.table.explain(error)),
        }
    }
}
