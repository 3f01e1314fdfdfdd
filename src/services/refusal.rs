//! Errors of the floors below, as a front is told of them.

use crate::model::command::Refusal;
use crate::model::finding::Finding;
use crate::mysql::MysqlError;
use crate::store::StoreError;

/// An error of the control database as a refusal.
#[must_use]
pub fn refuse(error: StoreError) -> Refusal {
    error.refusal()
}

/// An error of a source as a refusal.
pub(super) fn refuse_source(error: &MysqlError) -> Refusal {
    Refusal::SourceUnavailable(with_hint(&error.to_string(), error.hint.as_deref()))
}

/// A message with what to do about it.
pub(super) fn with_hint(message: &str, hint: Option<&str>) -> String {
    match hint {
        Some(hint) => format!("{message}: {hint}"),
        None => message.to_owned(),
    }
}

pub(super) fn conflict(code: &'static str, message: impl Into<String>) -> Refusal {
    Refusal::Conflict {
        code,
        message: message.into(),
    }
}

pub(super) fn invalid(finding: Finding) -> Refusal {
    Refusal::Invalid(vec![finding])
}

pub(super) fn not_found(kind: &'static str, name: impl ToString) -> Refusal {
    Refusal::NotFound {
        kind,
        name: name.to_string(),
    }
}
