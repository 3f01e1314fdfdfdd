//! What can be asked of a job, wherever it runs, and what is asked about it first.

use crate::model::job::{JobChange, JobLimits};

/// A wish about a job. Those that write rows are sent after a question only, but for
/// [`Self::Retry`], which writes nothing that the job was not to write anyway.
#[derive(Debug, Clone, PartialEq)]
pub enum JobCommand {
    /// Hold it after its batch.
    Pause,
    /// Put it back into the queue.
    Resume,
    /// Queue the tables that it did not complete.
    Retry,
    /// Compare what it wrote; writes nothing.
    Verify,
    /// Compare, and write what differs. Send after confirmation only.
    Repair {
        /// Target tables; empty means all.
        tables: Vec<String>,
    },
    /// Put back what it deleted. Send after confirmation only.
    Undo,
    /// Change its limits while it runs.
    Set(JobChange),
}

impl JobCommand {
    /// What is said when it was taken.
    #[must_use]
    pub fn taken(&self, config: &str) -> String {
        let what = match self {
            Self::Pause => "is held after the batch in hand",
            Self::Resume => "back in the queue; it goes on from its checkpoint",
            Self::Retry => "what was left is tried again",
            Self::Verify => "is compared; nothing is written",
            Self::Repair { .. } => "is compared, and what differs is written",
            Self::Undo => "deleted rows are put back",
            Self::Set(_) => "the limits hold from the next batch on",
        };
        format!("{config}: {what}")
    }

    /// What is said when it was refused.
    #[must_use]
    pub fn refused(&self, config: &str) -> String {
        let what = match self {
            Self::Pause => "was not paused",
            Self::Resume => "was not resumed",
            Self::Retry => "was not tried again",
            Self::Verify => "is not compared",
            Self::Repair { .. } => "is not repaired",
            Self::Undo => "nothing is put back",
            Self::Set(_) => "the limits stay as they are",
        };
        format!("{config}: {what}")
    }

    /// Whether it makes a job of its own.
    #[must_use]
    pub fn makes_job(&self) -> bool {
        matches!(
            self,
            Self::Retry | Self::Verify | Self::Repair { .. } | Self::Undo
        )
    }
}

/// What has to be known before something is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobQuestion {
    /// Its present limits.
    Limits,
    /// What it deleted and can be put back.
    Undoable,
}

impl JobQuestion {
    /// What is said while it is found out.
    #[must_use]
    pub fn waiting(self, config: &str) -> String {
        match self {
            Self::Limits => format!("reading the limits of {config}"),
            Self::Undoable => format!("looking for what {config} deleted"),
        }
    }
}

/// The answer to a [`JobQuestion`].
#[derive(Debug, Clone, PartialEq)]
pub enum JobAnswer {
    /// Its present limits, all of them known.
    Limits(JobLimits),
    /// Target tables and how many rows of them.
    Undoable(Vec<(String, u64)>),
}
