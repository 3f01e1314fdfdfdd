//! What everything that works on one job shares.

use std::sync::Arc;
use std::time::Duration;

use super::board::Board;
use super::cell::Cell;
use super::core::Core;
use super::journal::About;
use super::live::Live;
use super::notes::{Note, Notes};
use super::stop::Stop;
use crate::model::config::Config;
use crate::model::error::ErrorInfo;
use crate::model::event::What;
use crate::model::ids::JobId;
use crate::model::job::JobKind;
use crate::model::log::Level;

/// What everything that works on one job shares.
pub struct Shared {
    /// The engine.
    pub core: Arc<Core>,
    /// The job.
    pub id: JobId,
    /// What it does.
    pub kind: JobKind,
    /// Its config, as it was when this run began.
    pub config: Config,
    /// Where its tables are.
    pub target_database: String,
    /// The wish to end it.
    pub stop: Arc<Stop>,
    /// Limits that may change while it runs.
    pub live: Live,
    /// What happened in it.
    pub notes: Notes,
    /// As it is seen.
    pub board: Board,
    /// As it is traced.
    pub span: tracing::Span,
}

impl Shared {
    /// Writes a line about this job.
    pub fn log(&self, table: Option<&str>, level: Level, message: &str) {
        let about = About {
            job: self.id,
            config: &self.config.spec.name,
            table,
        };
        self.core.journal.write(about, level, message);
    }

    /// Notes that a table, or the preparation of the job, is tried again after `wait`.
    pub fn retry(&self, cell: Option<&Cell>, error: &ErrorInfo, wait: Duration) {
        let table = cell.map(|cell| cell.task.target_table.as_str());
        let attempt = match cell {
            Some(cell) => {
                cell.count_retry();
                cell.retrying(&self.notes, error);
                cell.snapshot().attempt
            }
            None => self.board.count_retry(),
        };
        let line = format!("{error}; trying again in {:.1} s", wait.as_secs_f64());
        self.log(table, Level::Warn, &line);
        self.notes.push(Note::Told {
            table: table.map(str::to_owned),
            what: What::RetryScheduled {
                attempt,
                wait_seconds: (wait.as_secs_f64() * 10.0).round() / 10.0,
                error: error.clone(),
            },
        });
    }
}
