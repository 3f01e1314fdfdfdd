//! The repository: the control database, its migrations, sealed secrets, leases, checkpoints.
//!
//! Owns every statement that touches the control database. Must not know: sources, sync rules,
//! queues. Called by `sync`, `jobs` and `services`.

pub mod leases;

use crate::model::error::{ErrorCode, ErrorInfo};
use crate::mysql::MysqlError;

/// The control database; clones share it.
#[derive(Clone)]
pub struct Store {}

/// Why the control database did not do what was asked.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// The server's refusal, or the loss of the connection.
    #[error(transparent)]
    Mysql(#[from] MysqlError),
    /// A row of ours can't be read.
    #[error("the control database holds something unreadable: {0}")]
    Corrupt(String),
    /// Somebody else holds the lease.
    #[error("another process took this over")]
    LeaseLost,
}

impl StoreError {
    /// The error as a job or table shows it.
    #[must_use]
    pub fn info(&self) -> ErrorInfo {
        match self {
            Self::Mysql(error) => error.info(),
            Self::Corrupt(_) => ErrorInfo::new(ErrorCode::Internal, self.to_string()),
            Self::LeaseLost => ErrorInfo::new(ErrorCode::LeaseLost, self.to_string()),
        }
    }
}
