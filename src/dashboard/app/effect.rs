//! What an update asks the runtime to do.

use std::time::Duration;

use super::configs::ConfigAsk;
use super::differences::DifferenceQuery;
use super::job_command::{JobCommand, JobQuestion};
use super::log_query::LogQuery;
use super::log_save::LogSave;
use super::night::LookBack;
use super::request::{Request, Ticket};
use crate::model::ids::{ConnectionId, JobId};

/// Something to be done outside; each ends as one message.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Read something that is stored.
    Load(Load),
    /// Test a stored connection; ends as [`super::Msg::Tested`].
    TestConnection {
        /// Which.
        id: ConnectionId,
        /// Its name, for the report's title.
        name: String,
    },
    /// Plan a config; writes nothing anywhere.
    Plan {
        /// Name of the config.
        config: String,
        /// Whether existing targets are compared and what would change is counted.
        exact: bool,
    },
    /// Queue a job of a config.
    StartJob {
        /// Name of the config.
        config: String,
    },
    /// End a job as `cancelled` after its batch. Send after confirmation only.
    StopJob(JobId),
    /// Something about configs; ends as [`super::Msg::Config`].
    Config(ConfigAsk),
    /// Put a text on the clipboard of the terminal. Made by [`super::clipboard::copy`], which also
    /// shows it.
    Copy(String),
    /// Read stored lines of a log; ends as [`super::Msg::LogRead`].
    ReadLog(LogQuery),
    /// Look for the first line in the direction of the query; ends as [`super::Msg::LogFound`].
    FindLog(LogQuery),
    /// Read differences that a job found; ends as [`super::Msg::DifferencesRead`].
    ReadDifferences(DifferenceQuery),
    /// Command a job, wherever it runs; ends as [`super::Msg::Commanded`].
    CommandJob {
        /// Which.
        id: JobId,
        /// Name of its config.
        config: String,
        /// What is wished.
        command: JobCommand,
    },
    /// Find out what a question about a job has to tell; ends as [`super::Msg::JobAnswered`].
    AskJob {
        /// Which.
        id: JobId,
        /// Name of its config.
        config: String,
        /// What.
        question: JobQuestion,
    },
    /// Ask for something that a form or a picker waits for; ends as [`super::Msg::Answered`].
    Ask(Ticket, Request),
    /// Write a log into a file; tells [`super::Msg::LogSaving`] meanwhile and ends as
    /// [`super::Msg::LogSaved`].
    SaveLog(Ticket, Box<LogSave>),
    /// Give a request up: its task ends where it is.
    GiveUp(Ticket),
    /// Remember that somebody was here so long ago; ends as [`super::Msg::Remembered`].
    RememberVisit(Duration),
    /// Take no jobs in this process and hand those back that run; ends as [`super::Msg::Parked`].
    Park,
    /// Give the terminal back and stop this process until it is continued; then it takes jobs
    /// again. Send after [`Self::Park`].
    Suspend,
    /// Paint every cell again.
    Redraw,
    /// Leave. Sent after the question about running jobs, if there are any.
    Quit(QuitHow),
}

/// Something stored that a view shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Load {
    /// Servers, statistics, instance.
    Overview,
    /// All connections.
    Connections,
    /// All configs.
    Configs,
    /// The newest jobs.
    Jobs,
    /// The jobs before this one.
    OlderJobs(JobId),
    /// One job with its tables.
    Job(JobId),
    /// How old the copies of each config are.
    Freshness,
    /// What ended badly.
    Night(LookBack),
    /// Who changed what.
    Audit,
}

/// What becomes of the jobs that run in this process when the dashboard is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QuitHow {
    /// They go back to the queue after their batch.
    Release,
    /// They end as `cancelled` after their batch.
    Stop,
}
