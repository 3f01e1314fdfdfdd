//! What is read of a job's stored log, and what is looked for in it.

use crate::model::ids::JobId;
use crate::model::log::Level;

/// Most lines of one answer.
pub const PAGE: usize = 500;

/// Which lines of a job's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogQuery {
    /// Whose log.
    pub job: JobId,
    /// Which part of it.
    pub part: LogPart,
    /// This level and what matters more.
    pub level: Level,
    /// Of this target table only.
    pub table: Option<String>,
    /// With these texts only.
    pub texts: Vec<String>,
}

/// Which part of a log, by stored ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogPart {
    /// The newest lines.
    Newest,
    /// The first lines.
    Oldest,
    /// What came after this line.
    After(u64),
    /// What came before this line, newest of them.
    Before(u64),
    /// This line and what stands on both sides of it.
    Around(u64),
}
