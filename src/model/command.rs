//! Requests that a front makes of the services, and how a refused one is told.

use super::finding::Finding;

/// Code of a conflict: another job of the config has not ended.
pub const CONFIG_BUSY: &str = "config_busy";
/// Code of a conflict: the lease of the job was lost, another process may hold it.
pub const LEASE_LOST: &str = "lease_lost";
/// Code of a conflict: the control database answers and takes no writes.
pub const READ_ONLY: &str = "read_only";

/// Why a request was not carried out; every front shows the same words.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Refusal {
    /// The input is wrong.
    #[error("{}", joined(.0))]
    Invalid(Vec<Finding>),
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
        /// `name_taken target_taken in_use config_busy config_disabled invalid_state read_only`.
        code: &'static str,
        /// What is in the way.
        message: String,
    },
    /// The control database does not answer or refuses the login.
    #[error("control database: {0}")]
    DatabaseUnavailable(String),
    /// The control database answers, but this program can't work with it.
    #[error("{0}")]
    DatabaseUnusable(String),
    /// A source does not answer or refuses the login.
    #[error("{0}")]
    SourceUnavailable(String),
    /// A fault of this program.
    #[error("{0}")]
    Internal(String),
}

impl Refusal {
    /// The stable word for it, as the REST API gives it.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Invalid(_) => "validation_failed",
            Self::NotFound { .. } => "not_found",
            Self::Conflict { code, .. } => code,
            Self::DatabaseUnavailable(_) | Self::DatabaseUnusable(_) => "database_unavailable",
            Self::SourceUnavailable(_) => "source_unavailable",
            Self::Internal(_) => "internal",
        }
    }
}

fn joined(findings: &[Finding]) -> String {
    findings
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join("\n")
}
