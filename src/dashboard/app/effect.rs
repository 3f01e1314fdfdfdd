//! What an update asks the runtime to do.

use super::configs::ConfigAsk;
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
    /// Give the terminal back and stop this process until it is continued.
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
    /// One job with its tables.
    Job(JobId),
    /// Lines of a job's log.
    Logs(LogQuery),
}

/// Which lines of a job's log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LogQuery {
    /// Whose log.
    pub job: JobId,
    /// Which part of it.
    pub part: LogPart,
}

/// Which part of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum LogPart {
    /// The newest lines.
    Newest,
    /// What came after this stored line.
    After(u64),
    /// What came before this stored line, newest of them.
    Before(u64),
}

/// What becomes of the jobs that run in this process when the dashboard is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QuitHow {
    /// They go back to the queue after their batch.
    Release,
    /// They end as `cancelled` after their batch.
    Stop,
}
