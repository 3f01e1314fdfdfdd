//! Logs and differences of jobs.

use super::{Store, StoreError, stub};
use crate::model::ids::JobId;
use crate::model::log::{Difference, LogEntry, LogFilter};

impl Store {
    /// Stores lines in their order; their `id` is given here.
    ///
    /// # Errors
    /// When the control database does not answer.
    pub async fn append_logs(&self, lines: &[LogEntry]) -> Result<(), StoreError> {
        let _ = lines;
        Err(stub())
    }

    /// Lines of a job's log, oldest first; see [`LogFilter`].
    ///
    /// # Errors
    /// When the control database does not answer.
    pub async fn job_logs(
        &self,
        job: JobId,
        filter: &LogFilter,
    ) -> Result<Vec<LogEntry>, StoreError> {
        let _ = (job, filter);
        Err(stub())
    }

    /// Stores differences that a job found.
    ///
    /// # Errors
    /// When the control database does not answer.
    pub async fn save_differences(
        &self,
        job: JobId,
        found: &[Difference],
    ) -> Result<(), StoreError> {
        let _ = (job, found);
        Err(stub())
    }

    /// The first differences that a job found, in the order they were stored.
    ///
    /// # Errors
    /// When the control database does not answer.
    pub async fn job_differences(
        &self,
        job: JobId,
        limit: u32,
    ) -> Result<Vec<Difference>, StoreError> {
        let _ = (job, limit);
        Err(stub())
    }
}
