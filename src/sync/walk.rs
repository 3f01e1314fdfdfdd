//! Work over many ranges by several workers: the loop that copying and comparing share.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::task::JoinSet;

use super::error::SyncError;
use super::shared::TableShared;
use crate::model::error::{ErrorCode, ErrorInfo};

/// Tasks of one table: at most as many at once as the job has workers. The first failure lets the
/// others finish their piece and ends the walk.
pub struct Walk {
    table: Arc<TableShared>,
    tasks: JoinSet<Result<(), SyncError>>,
    failure: Option<SyncError>,
}

impl Walk {
    /// A walk without tasks.
    #[must_use]
    pub fn new(table: &Arc<TableShared>) -> Self {
        Self {
            table: Arc::clone(table),
            tasks: JoinSet::new(),
            failure: None,
        }
    }

    /// Whether another task may begin.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.failure.is_none() && self.tasks.len() < self.table.job.workers()
    }

    /// Whether no task has failed.
    #[must_use]
    pub fn is_well(&self) -> bool {
        self.failure.is_none()
    }

    /// Begins a task, under one of the job's permits.
    pub fn begin<F>(&mut self, work: impl FnOnce(Arc<TableShared>) -> F + Send + 'static)
    where
        F: Future<Output = Result<(), SyncError>> + Send,
    {
        let table = Arc::clone(&self.table);
        self.tasks.spawn(async move {
            let _turns = table.turn().await?;
            let _permit = table.job.permit().await?;
            table.meter.workers.fetch_add(1, Ordering::Relaxed);
            let outcome = work(Arc::clone(&table)).await;
            table.meter.workers.fetch_sub(1, Ordering::Relaxed);
            outcome
        });
    }

    /// Waits until one task has ended; `false` when none is left.
    pub async fn next(&mut self) -> bool {
        match self.tasks.join_next().await {
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
