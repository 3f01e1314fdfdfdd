//! Errors of a table run.

use crate::model::error::{ErrorCode, ErrorInfo};
use crate::mysql::{ErrorClass, MysqlError};
use crate::store::StoreError;

/// Why a table run ended before its end.
#[derive(Debug, Clone)]
pub enum SyncError {
    /// Something failed.
    Failed(Box<Failure>),
    /// The stop signal was seen; everything committed is checkpointed.
    Stopped,
}

/// A failure with what happens next.
#[derive(Debug, Clone)]
pub struct Failure {
    /// As it is shown.
    pub info: ErrorInfo,
    /// What it asks for.
    pub class: ErrorClass,
    /// Whether a server said it, rather than being out of reach.
    pub answered: bool,
    /// Whether it cut off a COMMIT that has not happened, and will not.
    pub undone: bool,
}

impl SyncError {
    /// A permanent failure.
    pub fn stop(code: ErrorCode, message: impl Into<String>) -> Self {
        ErrorInfo::new(code, message).into()
    }

    /// The lease went to somebody else: not to be tried again here.
    #[must_use]
    pub fn lease_lost() -> Self {
        Self::stop(ErrorCode::LeaseLost, "another process took this table over")
    }

    /// The same, where it cut off a COMMIT that has not happened.
    #[must_use]
    pub fn undone(mut self) -> Self {
        if let Self::Failed(failure) = &mut self {
            failure.undone = true;
        }
        self
    }

    /// Whether it cut off a COMMIT that has not happened: the transaction may be done again at once.
    #[must_use]
    pub fn was_undone(&self) -> bool {
        matches!(self, Self::Failed(failure) if failure.undone)
    }

    /// The failure, if it is one.
    #[must_use]
    pub fn info(&self) -> Option<&ErrorInfo> {
        match self {
            Self::Failed(failure) => Some(&failure.info),
            Self::Stopped => None,
        }
    }
}

impl From<ErrorInfo> for SyncError {
    fn from(info: ErrorInfo) -> Self {
        let class = if info.transient {
            ErrorClass::Retry
        } else {
            ErrorClass::Stop
        };
        Self::Failed(Box::new(Failure {
            info,
            class,
            answered: false,
            undone: false,
        }))
    }
}

impl From<MysqlError> for SyncError {
    fn from(error: MysqlError) -> Self {
        Self::Failed(Box::new(Failure {
            info: error.info(),
            class: error.class,
            answered: error.number.is_some(),
            undone: false,
        }))
    }
}

impl From<StoreError> for SyncError {
    fn from(error: StoreError) -> Self {
        error.info().into()
    }
}

impl std::fmt::Display for SyncError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Failed(failure) => failure.info.fmt(f),
            Self::Stopped => f.write_str("stopped"),
        }
    }
}

impl std::error::Error for SyncError {}
