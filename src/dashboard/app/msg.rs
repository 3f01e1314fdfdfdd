//! What happened: input, facts from outside, results of effects.

use super::configs::ConfigTold;
use super::differences::DifferenceQuery;
use super::effect::Load;
use super::job_command::{JobAnswer, JobCommand, JobQuestion};
use super::key::Key;
use super::log_query::LogQuery;
use super::log_save::{LogSave, SavedFile};
use super::mouse::Mouse;
use super::overview::Overview;
use super::request::{Answered, Ticket};
use super::state::Setup;
use crate::model::audit::AuditEntry;
use crate::model::command::Refusal;
use crate::model::config::Config;
use crate::model::connection::Connection;
use crate::model::event::Event;
use crate::model::freshness::ConfigFreshness;
use crate::model::ids::JobId;
use crate::model::job::Job;
use crate::model::log::{Difference, LogEntry};
use crate::model::night::BadNight;
use crate::model::plan::Plan;
use crate::model::report::TestReport;

/// One thing that happened.
#[derive(Debug, Clone)]
pub enum Msg {
    /// A key was pressed.
    Key(Key),
    /// Text was pasted.
    Pasted(String),
    /// The mouse was used.
    Mouse(Mouse),
    /// The terminal has this size.
    Resized {
        /// Columns.
        width: u16,
        /// Rows.
        height: u16,
    },
    /// The settings were read again, or something is wrong with them.
    Settings(Result<Box<Setup>, String>),
    /// A second passed: loads what is due and shows times that moved.
    Ticked,
    /// Something of a job happened.
    Happened(Box<Event>),
    /// This process wrote log lines.
    Logged(Vec<LogEntry>),
    /// So many log lines could not be kept for the screen, in all.
    Dropped(u64),
    /// A load ended.
    Loaded(Load, Result<Loaded, Refusal>),
    /// A request of a form or a picker was answered.
    Answered(Ticket, Answered),
    /// A test of a connection ended.
    Tested {
        /// Name of the connection.
        name: String,
        /// What was found.
        result: Result<Box<TestReport>, Refusal>,
    },
    /// A plan was made.
    Planned {
        /// Name of the config.
        config: String,
        /// Whether what would change was counted.
        exact: bool,
        /// The plan.
        result: Result<Box<Plan>, Refusal>,
    },
    /// A job was queued, or not.
    Started {
        /// Name of the config.
        config: String,
        /// The job.
        result: Result<Box<Job>, Refusal>,
    },
    /// Something about configs came back.
    Config(ConfigTold),
    /// Stored lines of a log, oldest first.
    LogRead {
        /// What was asked for.
        query: LogQuery,
        /// The lines.
        result: Result<Vec<LogEntry>, Refusal>,
    },
    /// A stored line was looked for.
    LogFound {
        /// What was asked for.
        query: LogQuery,
        /// Its id.
        result: Result<Option<u64>, Refusal>,
    },
    /// Differences that a job found, each with its number.
    DifferencesRead {
        /// What was asked for.
        query: DifferenceQuery,
        /// The differences.
        result: Result<Vec<(u64, Difference)>, Refusal>,
    },
    /// So many lines of a log are written into a file.
    LogSaving(Ticket, u64),
    /// A log was written into a file, or not.
    LogSaved {
        /// Whose.
        ticket: Ticket,
        /// What was to be written.
        save: Box<LogSave>,
        /// What was.
        result: Result<SavedFile, Refusal>,
    },
    /// This process takes no jobs and works on none; `false` when one did not end in time, then it
    /// takes jobs as before.
    Parked(bool),
    /// A job was commanded, or that was refused.
    Commanded {
        /// Name of its config.
        config: String,
        /// What was wished.
        command: JobCommand,
        /// The job, or the new one that it made.
        result: Result<Box<Job>, Refusal>,
    },
    /// A question about a job can be asked, or not.
    JobAnswered {
        /// Which job.
        id: JobId,
        /// Name of its config.
        config: String,
        /// What was to be known.
        question: JobQuestion,
        /// What is known.
        result: Result<JobAnswer, Refusal>,
    },
    /// A visit was remembered, or why not.
    Remembered(Result<(), String>),
    /// A stop was asked for, or refused.
    Stopped(Result<Box<Job>, Refusal>),
}

/// What a load brought.
#[derive(Debug, Clone)]
pub enum Loaded {
    /// For [`Load::Overview`].
    Overview(Box<Overview>),
    /// For [`Load::Connections`].
    Connections(Vec<Connection>),
    /// For [`Load::Configs`].
    Configs(Vec<Config>),
    /// For [`Load::Jobs`], newest first.
    Jobs(Vec<Job>),
    /// For [`Load::OlderJobs`], newest first.
    OlderJobs(Vec<Job>),
    /// For [`Load::Job`].
    Job(Box<Job>),
    /// For [`Load::Freshness`].
    Freshness(Vec<ConfigFreshness>),
    /// For [`Load::Night`].
    Night(BadNight),
    /// For [`Load::Audit`], newest first.
    Audit(Vec<AuditEntry>),
}
