//! The world as the dashboard sees it: what it can ask for and what it is told.
//!
//! Implemented for the running system, and by tests for a world that they make up.

use std::future::Future;
use std::time::Duration;

use futures_util::stream::BoxStream;

use crate::dashboard::app::configs::{ConfigAsk, ConfigTold};
use crate::dashboard::app::differences::DifferenceQuery;
use crate::dashboard::app::effect::QuitHow;
use crate::dashboard::app::job_command::{JobAnswer, JobCommand, JobQuestion};
use crate::dashboard::app::log_query::LogQuery;
use crate::dashboard::app::log_save::{LogSave, SavedFile};
use crate::dashboard::app::night::LookBack;
use crate::dashboard::app::overview::Overview;
use crate::dashboard::app::request::{Answered, Request};
use crate::model::audit::AuditEntry;
use crate::model::command::Refusal;
use crate::model::config::Config;
use crate::model::connection::Connection;
use crate::model::event::Event;
use crate::model::freshness::ConfigFreshness;
use crate::model::ids::{ConnectionId, JobId};
use crate::model::job::Job;
use crate::model::log::{Difference, LogEntry};
use crate::model::night::BadNight;
use crate::model::plan::Plan;
use crate::model::report::TestReport;

/// Something that the world tells unasked.
#[derive(Debug, Clone)]
pub enum News {
    /// Something of a job happened.
    Job(Box<Event>),
    /// This process wrote log lines.
    Log(Vec<LogEntry>),
    /// So many log lines could not be kept for the screen, in all.
    Dropped(u64),
}

/// Takes how far something is.
pub type Progress = Box<dyn Fn(u64) + Send + Sync>;

/// The world behind the dashboard. Every method may take long and be dropped half-way.
pub trait Backend: Send + Sync + 'static {
    /// Servers, numbers and this instance; says so itself when the control database is down.
    fn overview(&self) -> impl Future<Output = Overview> + Send;
    /// All connections, by name.
    fn connections(&self) -> impl Future<Output = Result<Vec<Connection>, Refusal>> + Send;
    /// All configs, by name.
    fn configs(&self) -> impl Future<Output = Result<Vec<Config>, Refusal>> + Send;
    /// A page of the newest jobs, newest first, without tables; behind them older ones that have not
    /// ended.
    fn jobs(&self) -> impl Future<Output = Result<Vec<Job>, Refusal>> + Send;
    /// Up to a page of the jobs before this one, newest first, without tables.
    fn older_jobs(&self, before: JobId) -> impl Future<Output = Result<Vec<Job>, Refusal>> + Send;
    /// One job with its tables.
    fn job(&self, id: JobId) -> impl Future<Output = Result<Job, Refusal>> + Send;
    /// Stored lines of a job's log, oldest first.
    fn logs(&self, query: &LogQuery)
    -> impl Future<Output = Result<Vec<LogEntry>, Refusal>> + Send;
    /// Stored id of the first line in the direction of the query.
    fn find_line(
        &self,
        query: &LogQuery,
    ) -> impl Future<Output = Result<Option<u64>, Refusal>> + Send;
    /// Writes a log into a file; tells `progress` how many lines are there. Dropped half-way it
    /// leaves no file.
    fn save_log(
        &self,
        save: LogSave,
        progress: Progress,
    ) -> impl Future<Output = Result<SavedFile, Refusal>> + Send;
    /// Queues a job of a config.
    fn start_job(&self, config: &str) -> impl Future<Output = Result<Job, Refusal>> + Send;
    /// Asks a job to end as `cancelled` after its batch, wherever it runs.
    fn stop_job(&self, id: JobId) -> impl Future<Output = Result<Job, Refusal>> + Send;
    /// Commands a job, wherever it runs; gives it, or the new one that this made.
    fn command_job(
        &self,
        id: JobId,
        command: &JobCommand,
    ) -> impl Future<Output = Result<Job, Refusal>> + Send;
    /// What a question about a job has to tell.
    fn ask_job(
        &self,
        id: JobId,
        question: JobQuestion,
    ) -> impl Future<Output = Result<JobAnswer, Refusal>> + Send;
    /// How old the copies of each config are.
    fn freshness(&self) -> impl Future<Output = Result<Vec<ConfigFreshness>, Refusal>> + Send;
    /// Differences that a job found, in order, each with its number.
    fn differences(
        &self,
        query: &DifferenceQuery,
    ) -> impl Future<Output = Result<Vec<(u64, Difference)>, Refusal>> + Send;
    /// What ended badly since then.
    fn night(&self, look: LookBack) -> impl Future<Output = Result<BadNight, Refusal>> + Send;
    /// Who changed what, newest first.
    fn audit(&self) -> impl Future<Output = Result<Vec<AuditEntry>, Refusal>> + Send;
    /// Remembers that somebody was here so long ago.
    fn remember_visit(&self, ago: Duration) -> impl Future<Output = Result<(), String>> + Send;
    /// Tests a connection.
    fn test_connection(
        &self,
        id: ConnectionId,
    ) -> impl Future<Output = Result<TestReport, Refusal>> + Send;
    /// Answers a request of a form or a picker. Dropped when it is given up.
    fn ask(&self, request: Request) -> impl Future<Output = Answered> + Send;
    /// What a run of a config would do; `exact` compares existing targets and counts.
    fn plan(&self, config: &str, exact: bool)
    -> impl Future<Output = Result<Plan, Refusal>> + Send;
    /// Does what is asked for about configs.
    fn config(&self, ask: ConfigAsk) -> impl Future<Output = ConfigTold> + Send;
    /// What happens from here on. Must not end the world's work when it is not read.
    fn news(&self) -> BoxStream<'static, News>;
    /// The jobs that this process works on, with the names of their configs.
    fn working_on(&self) -> Vec<(JobId, String)>;
    /// Takes no jobs for a while and hands those back that run here, after their batch; `false` when
    /// one did not end in time. What runs elsewhere goes on.
    fn park(&self) -> impl Future<Output = bool> + Send;
    /// Takes jobs again.
    fn unpark(&self);
    /// Stops this process's jobs after their batch, and the rest of the system after them. Called
    /// again while it waits, it stops them at once.
    fn shutdown(&self, how: QuitHow) -> impl Future<Output = ()> + Send;
}
