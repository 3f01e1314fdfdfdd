//! Requests that a form or a picker waits for, and their answers.
//!
//! Each goes out with a [`Ticket`] as [`super::Effect::Ask`] and comes back with it as
//! [`super::Msg::Answered`]; an answer whose ticket nobody waits for any more is dropped.

use super::differences::ScriptDraft;
use crate::model::command::Refusal;
use crate::model::config::{Config, ConfigSpec};
use crate::model::connection::{Connection, ConnectionSpec};
use crate::model::ids::{ConfigId, ConnectionId};
use crate::model::plan::Plan;
use crate::model::preview::RulePreview;
use crate::model::report::{RepairScript, SourceTable, TableInfo, TestReport};

/// Tells one request from the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Ticket(pub u64);

/// Something that is asked for.
#[derive(Debug, Clone, PartialEq)]
pub enum Request {
    /// Store a connection; ends as [`Answer::Connection`].
    SaveConnection {
        /// Which one is changed; `None` adds one.
        id: Option<ConnectionId>,
        /// The version that is changed.
        version: Option<u64>,
        /// What it is to be.
        spec: Box<ConnectionSpec>,
    },
    /// Test what is typed, without storing it; ends as [`Answer::Report`].
    TestTyped {
        /// The stored one, which lends its password where none is typed.
        id: Option<ConnectionId>,
        /// What is typed.
        spec: Box<ConnectionSpec>,
    },
    /// What uses a connection; ends as [`Answer::Names`].
    Dependents(ConnectionId),
    /// Delete a connection, after its name was typed; ends as [`Answer::Done`].
    DeleteConnection(ConnectionId),
    /// Check a stored connection and keep the result as its health; ends as [`Answer::Report`].
    CheckHealth(ConnectionId),
    /// The tables of a source; ends as [`Answer::Tables`].
    Tables(ConnectionId),
    /// Columns and keys of a source's table; ends as [`Answer::Table`].
    Table {
        /// Whose table.
        connection: ConnectionId,
        /// Its name.
        table: String,
    },
    /// What a run of a config would do that is not stored as it is; ends as [`Answer::Plan`].
    PlanDraft {
        /// The config.
        spec: Box<ConfigSpec>,
        /// The one that it is to replace.
        stored: Option<ConfigId>,
    },
    /// What one of its rules would read; ends as [`Answer::Preview`].
    Preview {
        /// The config.
        spec: Box<ConfigSpec>,
        /// The one that it is to replace.
        stored: Option<ConfigId>,
        /// Place of the rule.
        rule: usize,
    },
    /// Compare tables once more and write the statements that repair them into a new file; ends as
    /// [`Answer::Script`].
    RepairScript {
        /// What is written.
        of: Box<ScriptDraft>,
        /// The file.
        path: String,
    },
    /// Store a config; ends as [`Answer::Config`].
    AddConfig(Box<ConfigSpec>),
}

/// What came back.
#[derive(Debug, Clone)]
pub enum Answer {
    /// A stored connection.
    Connection(Box<Connection>),
    /// A report.
    Report(Box<TestReport>),
    /// Done; there is nothing to tell.
    Done,
    /// Names of what uses something.
    Names(Vec<String>),
    /// Tables.
    Tables(Vec<SourceTable>),
    /// One table.
    Table(Box<TableInfo>),
    /// A plan.
    Plan(Box<Plan>),
    /// A rule tried out.
    Preview(Box<RulePreview>),
    /// A stored config.
    Config(Box<Config>),
    /// Statements are written.
    Script(Box<RepairScript>),
}

/// An answer, or why there is none.
pub type Answered = Result<Answer, Refusal>;
