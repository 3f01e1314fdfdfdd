//! A log that is written into a file: what of it, where to, what came of it.

use super::log_query::LogQuery;
use super::log_view::Taken;
use super::request::Ticket;

/// What is written.
#[derive(Debug, Clone, PartialEq)]
pub enum SavedLines {
    /// Lines of this process, as they were kept when it was asked for.
    Kept(Taken),
    /// Stored lines of a job, whatever part of them the query names.
    Stored(LogQuery),
}

/// Lines to be written into a file.
#[derive(Debug, Clone, PartialEq)]
pub struct LogSave {
    /// Which.
    pub lines: SavedLines,
    /// Where to.
    pub path: String,
    /// Whether a file that exists is replaced. Only after that was asked.
    pub overwrite: bool,
}

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SavedFile {
    /// Where it is, in full.
    pub path: String,
    /// How many lines it has.
    pub lines: u64,
}

/// A log that is being written.
#[derive(Debug, Clone, PartialEq)]
pub struct LogWriting {
    /// Tells it from others.
    pub ticket: Ticket,
    /// Where to.
    pub path: String,
    /// Lines that are written.
    pub lines: u64,
}
