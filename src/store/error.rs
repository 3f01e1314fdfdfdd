//! What can go wrong in the control database.

use crate::model::command::{READ_ONLY, Refusal};
use crate::model::error::{ErrorCode, ErrorInfo};
use crate::model::finding::Finding;
use crate::mysql::{ErrorClass, MysqlError};

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
    /// There is no such thing.
    #[error("no {kind} named {name:?}")]
    NotFound {
        /// `connection`, `config` or `job`.
        kind: &'static str,
        /// As it was asked for.
        name: String,
    },
    /// The state of things does not allow it.
    #[error("{message}")]
    Conflict {
        /// `name_taken target_taken in_use config_busy invalid_state`.
        code: &'static str,
        /// What is in the way.
        message: String,
    },
    /// It was changed since it was read.
    #[error("it was changed by somebody else meanwhile; read it again, then repeat the change")]
    PreconditionFailed,
    /// The key at hand does not open what is sealed, or can't be used.
    #[error("{0}")]
    WrongKey(String),
    /// A later version of the program changed the control database beyond what this one reads.
    #[error(
        "the control database needs a program that reads schema {min_reader}; this one reads up to {ours}: upgrade db-taxi"
    )]
    TooNew {
        /// Least schema that a program must know.
        min_reader: u32,
        /// What this program knows.
        ours: u32,
    },
    /// The control database could not be set up.
    #[error("{0}")]
    Setup(String),
}

impl StoreError {
    /// The error as a job or table shows it.
    #[must_use]
    pub fn info(&self) -> ErrorInfo {
        match self {
            Self::Mysql(error) => error.info(),
            Self::LeaseLost => ErrorInfo::new(ErrorCode::LeaseLost, self.to_string()),
            Self::Corrupt(_)
            | Self::NotFound { .. }
            | Self::Conflict { .. }
            | Self::PreconditionFailed
            | Self::WrongKey(_)
            | Self::TooNew { .. }
            | Self::Setup(_) => ErrorInfo::new(ErrorCode::Internal, self.to_string()),
        }
    }

    /// As a front is told of it.
    #[must_use]
    pub fn refusal(&self) -> Refusal {
        match self {
            Self::NotFound { kind, name } => Refusal::NotFound {
                kind,
                name: name.clone(),
            },
            Self::Conflict { code, message } => Refusal::Conflict {
                code,
                message: message.clone(),
            },
            Self::PreconditionFailed => Refusal::Conflict {
                code: "precondition_failed",
                message: self.to_string(),
            },
            Self::Mysql(error) if error.code == ErrorCode::ReadOnly => Refusal::Conflict {
                code: READ_ONLY,
                message: error.advised(),
            },
            Self::Mysql(error) if error.is_unavailable() || error.class != ErrorClass::Stop => {
                Refusal::DatabaseUnavailable(error.advised())
            }
            Self::Mysql(error) => {
                Refusal::Internal(format!("control database: {}", error.advised()))
            }
            Self::WrongKey(_) => {
                Refusal::Invalid(vec![Finding::new("security.key_file", self.to_string())])
            }
            Self::TooNew { .. } | Self::Setup(_) => Refusal::DatabaseUnusable(self.to_string()),
            Self::Corrupt(_) | Self::LeaseLost => Refusal::Internal(self.to_string()),
        }
    }

    /// Whether the control database does not answer or refuses the login: worth trying again later.
    #[must_use]
    pub fn is_unavailable(&self) -> bool {
        matches!(self, Self::Mysql(error) if error.is_unavailable())
    }

    /// There is no `kind` with this name or id.
    pub fn not_found(kind: &'static str, name: impl ToString) -> Self {
        Self::NotFound {
            kind,
            name: name.to_string(),
        }
    }

    /// The state of things does not allow it.
    pub fn conflict(code: &'static str, message: impl Into<String>) -> Self {
        Self::Conflict {
            code,
            message: message.into(),
        }
    }
}
