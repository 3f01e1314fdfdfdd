//! A command that did not do what was asked: what failed, why, what to do, and the exit code.

use std::io;

use serde_json::{Value, json};

use super::exit::Exit;
use crate::model::command::Refusal;
use crate::model::error::{ErrorCode, ErrorInfo};
use crate::model::finding::Finding;

/// Why a command ended early.
#[derive(Debug, Clone, PartialEq)]
pub struct Failure {
    /// How the program ends.
    pub exit: Exit,
    /// Stable word for it, as the REST API gives it.
    pub code: &'static str,
    /// What failed and why; empty when there is nothing to say.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// Each thing that is wrong with an input.
    pub details: Vec<Finding>,
    /// The same for a person, where that says more; empty means: as `details` reads.
    pub told: Vec<String>,
}

impl Failure {
    /// A failure without advice.
    pub fn new(exit: Exit, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            exit,
            code,
            message: message.into(),
            hint: None,
            details: Vec::new(),
            told: Vec::new(),
        }
    }

    /// Wrong input; nothing was done.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(Exit::Invalid, "bad_request", message)
    }

    /// A file that can't be used.
    pub fn file(doing: &str, path: &str, error: &io::Error) -> Self {
        Self::invalid(format!("can't {doing} {path}: {error}"))
    }

    /// Refused, since the state of things does not allow it.
    pub fn refused(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(Exit::Refused, code, message)
    }

    /// A fault of this program.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(Exit::Findings, "internal", message)
    }

    /// The end of a program whose reader went away: not a failure.
    #[must_use]
    pub fn reader_gone() -> Self {
        Self::new(Exit::Done, "closed", "")
    }

    /// The same with advice.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The error body of the REST API.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let details: Vec<Value> = self
            .details
            .iter()
            .map(|finding| {
                json!({"path": finding.path, "message": finding.message,
                       "line": finding.line, "remedy": finding.remedy})
            })
            .collect();
        json!({"error": {"code": self.code, "message": self.message, "details": details}})
    }

    /// The lines for a person; empty when there is nothing to say.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        if !self.told.is_empty() {
            lines.extend(self.told.iter().map(|told| format!("error: {told}")));
        } else if self.details.is_empty() {
            let mut parts = self.message.lines();
            if let Some(first) = parts.next() {
                lines.push(format!("error: {first}"));
            }
            lines.extend(parts.map(|line| format!("  {line}")));
        } else {
            lines.extend(
                self.details
                    .iter()
                    .map(|finding| format!("error: {finding}")),
            );
        }
        lines.extend(self.hint.iter().map(|hint| format!("hint: {hint}")));
        lines
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        let code = refusal.code();
        let message = refusal.to_string();
        let (exit, hint, details) = match refusal {
            Refusal::Invalid(findings) => (Exit::Invalid, None, findings),
            Refusal::NotFound { kind, .. } => (Exit::Invalid, Some(where_to_look(kind)), vec![]),
            // A name that is taken is wrong input of who asks; what is in use or runs is not.
            Refusal::Conflict { code, .. } => match code {
                "name_taken" | "target_taken" => (Exit::Invalid, None, vec![]),
                _ => (Exit::Refused, None, vec![]),
            },
            Refusal::DatabaseUnavailable(_) => (
                Exit::Unreachable,
                Some(
                    "`db-taxi config show` prints the settings database.host, .port, .socket and \
                     .username that are in force"
                        .to_owned(),
                ),
                vec![],
            ),
            Refusal::DatabaseUnusable(_) => (Exit::Unreachable, None, vec![]),
            Refusal::SourceUnavailable(_) => (
                Exit::Unreachable,
                Some("`db-taxi connections test NAME` shows what the server says".to_owned()),
                vec![],
            ),
            Refusal::Internal(_) => (Exit::Findings, None, vec![]),
        };
        Self {
            exit,
            code,
            message,
            hint,
            details,
            told: Vec::new(),
        }
    }
}

fn where_to_look(kind: &str) -> String {
    match kind {
        "connection" => "`db-taxi connections list` shows what there is".to_owned(),
        "config" => "`db-taxi configs list` shows what there is".to_owned(),
        _ => "`db-taxi jobs list` shows what there is; last:CONFIG is a config's newest".to_owned(),
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self::reader_gone();
        }
        Self::internal(format!("can't write the result: {error}"))
    }
}

/// Whether an error of a job or table means that a database could not be used at all.
#[must_use]
pub fn is_unreachable(error: &ErrorInfo) -> bool {
    error.table.is_none()
        && matches!(
            error.code,
            ErrorCode::Unreachable | ErrorCode::ConnectionLost | ErrorCode::AccessDenied
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_refusal_has_its_exit_code() {
        let conflict = |code| Refusal::Conflict {
            code,
            message: String::new(),
        };
        for (refusal, code) in [
            (Refusal::Invalid(vec![Finding::new("port", "x")]), 2),
            (
                Refusal::NotFound {
                    kind: "config",
                    name: "a".into(),
                },
                2,
            ),
            (conflict("config_busy"), 4),
            (conflict("config_disabled"), 4),
            (conflict("invalid_state"), 4),
            (conflict("in_use"), 4),
            (conflict("name_taken"), 2),
            (Refusal::DatabaseUnavailable("x".into()), 3),
            (Refusal::SourceUnavailable("x".into()), 3),
            (Refusal::Internal("x".into()), 1),
        ] {
            assert_eq!(
                Failure::from(refusal.clone()).exit.code(),
                code,
                "{refusal:?}"
            );
        }
    }

    #[test]
    fn a_closed_pipe_is_no_failure() {
        let failure = Failure::from(io::Error::from(io::ErrorKind::BrokenPipe));
        assert_eq!(failure.exit, Exit::Done);
        assert!(failure.lines().is_empty());
    }

    #[test]
    fn every_finding_is_told() {
        let findings = vec![
            Finding::new("port", "must be 1 to 65535"),
            Finding::new("host", "is empty").remedy("give one"),
        ];
        let failure = Failure::from(Refusal::Invalid(findings));
        assert_eq!(
            failure.lines(),
            [
                "error: port: must be 1 to 65535",
                "error: host: is empty (give one)"
            ]
        );
        assert_eq!(failure.to_json()["error"]["details"][1]["path"], "host");
    }
}
