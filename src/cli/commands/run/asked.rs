//! What `run` and its like ask of every config.

use crate::model::ids::JobId;
use crate::model::job::{JobKind, JobRequest, Trigger};
use crate::system::requested_by;

/// What every config is asked for.
pub struct Asked {
    /// Its jobs.
    pub request: JobRequest,
    /// Whether a config whose job runs is left out.
    pub skip_if_running: bool,
    /// Whether events go to stdout.
    pub events: bool,
}

impl Asked {
    /// A job of `kind` for `tables`; all of the config's where none is named.
    pub fn of(kind: JobKind, tables: &[String]) -> Self {
        Self {
            request: JobRequest {
                kind,
                tables: tables.to_vec(),
                trigger: Trigger::Cli,
                requested_by: requested_by(),
                ..JobRequest::default()
            },
            skip_if_running: false,
            events: false,
        }
    }

    /// An undo of what this job deleted.
    pub fn undo(of: JobId, tables: &[String]) -> Self {
        let mut asked = Self::of(JobKind::Undo, tables);
        asked.request.undo_of = Some(of);
        asked
    }
}
