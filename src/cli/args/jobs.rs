//! Flags of `jobs`.

use clap::{Args, Subcommand, ValueEnum};

use crate::model::job::{JobKind, JobState};
use crate::model::log::Level;
use crate::model::mapping::parse_throttle;
use crate::model::throttle::ThrottleSpec;

/// Jobs.
#[derive(Debug, Subcommand)]
pub enum JobsCommand {
    /// List jobs, newest first
    List(JobsListArgs),
    /// Show a job with its tables
    Show(JobRef),
    /// Queue a job and return; a service or dashboard runs it
    Start(JobsStartArgs),
    /// Stop a job after its batch
    Stop(JobsStopArgs),
    /// Hold a running job after its batch
    Pause(JobRef),
    /// Put a paused job back into the queue
    Resume(JobRef),
    /// Queue a new job for the tables that a job did not complete
    Retry(JobRef),
    /// Change a job that has not ended: workers live, its place while it waits
    Set(JobsSetArgs),
    /// Show a job's log
    Logs(JobsLogsArgs),
    /// Show the rows that a job found to differ
    Differences(JobRef),
    /// Put back the rows that a job deleted, as far as they are in quarantine
    Undo(JobsUndoArgs),
}

/// Which job.
#[derive(Debug, Args)]
pub struct JobRef {
    /// Id of a job, or last:CONFIG
    #[arg(value_name = "JOB")]
    pub job: String,
}

/// Flags of `jobs list`.
#[derive(Debug, Args)]
pub struct JobsListArgs {
    /// Only jobs of this config, by name or id
    #[arg(value_name = "NAME")]
    pub config_name: Option<String>,
    /// Only jobs in this state
    #[arg(long, value_name = "STATE")]
    pub state: Option<StateWord>,
    /// Only jobs of this kind
    #[arg(long, value_name = "KIND")]
    pub kind: Option<KindWord>,
    /// Only jobs of this connection, by name or id
    #[arg(long, value_name = "NAME")]
    pub connection: Option<String>,
    /// Only jobs made since then: a time such as 2026-01-31T08:00:00Z, or a duration such as 2d
    #[arg(long, value_name = "WHEN")]
    pub since: Option<String>,
    /// Most jobs to list, 1 to 500
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=500))]
    pub limit: u32,
}

/// Flags of `jobs start`.
#[derive(Debug, Args)]
pub struct JobsStartArgs {
    /// Config, by name or id
    #[arg(value_name = "NAME")]
    pub name: String,
    /// What the job does
    #[arg(long, value_name = "KIND", default_value = "sync")]
    pub kind: KindWord,
    /// Only this target table; repeatable
    #[arg(long = "table", value_name = "TABLE")]
    pub tables: Vec<String>,
    /// Sync whole tables, this once
    #[arg(long)]
    pub full: bool,
    /// Forget checkpoints and begin again
    #[arg(long)]
    pub fresh: bool,
    /// Place in the queue, -100 to 100, highest first
    #[arg(
        long,
        value_name = "N",
        default_value_t = 0,
        allow_negative_numbers = true,
        value_parser = clap::value_parser!(i32).range(-100..=100)
    )]
    pub priority: i32,
}

/// Flags of `jobs stop`.
#[derive(Debug, Args)]
pub struct JobsStopArgs {
    /// Id of a job, or last:CONFIG
    #[arg(value_name = "JOB")]
    pub job: String,
    /// Wait until it has ended
    #[arg(long)]
    pub wait: bool,
}

/// Limits on a server, as a mapping file holds them.
fn throttle(text: &str) -> Result<ThrottleSpec, String> {
    let value = serde_yaml::from_str(text).map_err(|error| error.to_string())?;
    parse_throttle(&value, "throttle").map_err(|all| {
        let all: Vec<String> = all.iter().map(ToString::to_string).collect();
        all.join("; ")
    })
}

/// Flags of `jobs set`.
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("change").required(true).multiple(true).args(["max_concurrency", "throttle", "priority"]))]
pub struct JobsSetArgs {
    /// Id of a job, or last:CONFIG
    #[arg(value_name = "JOB")]
    pub job: String,
    /// Workers, 1 to 64; more work as far as the present snapshot has sessions for them
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=64))]
    pub max_concurrency: Option<u32>,
    /// Limits on the source: none, standard, gentle, or an object such as
    /// '{max_mib_per_second: 20}'
    #[arg(long, value_name = "T", value_parser = throttle)]
    pub throttle: Option<ThrottleSpec>,
    /// Place in the queue, -100 to 100, highest first
    #[arg(
        long,
        value_name = "N",
        allow_negative_numbers = true,
        value_parser = clap::value_parser!(i32).range(-100..=100)
    )]
    pub priority: Option<i32>,
}

/// Flags of `jobs logs`.
#[derive(Debug, Args)]
pub struct JobsLogsArgs {
    /// Id of a job, or last:CONFIG
    #[arg(value_name = "JOB")]
    pub job: String,
    /// Go on with new lines until the job has ended
    #[arg(long, short)]
    pub follow: bool,
    /// Only lines of this level and above
    #[arg(long, value_name = "LEVEL")]
    pub level: Option<LevelWord>,
    /// Only lines about this target table
    #[arg(long, value_name = "TABLE")]
    pub table: Option<String>,
}

/// Flags of `jobs undo`.
#[derive(Debug, Args)]
pub struct JobsUndoArgs {
    /// Id of a job, or last:CONFIG
    #[arg(value_name = "JOB")]
    pub job: String,
    /// Only this target table; repeatable
    #[arg(long = "table", value_name = "TABLE")]
    pub tables: Vec<String>,
}

/// A level of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[expect(missing_docs, reason = "the words of `model::log::Level`")]
pub enum LevelWord {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

impl From<LevelWord> for Level {
    fn from(word: LevelWord) -> Self {
        match word {
            LevelWord::Error => Self::Error,
            LevelWord::Warn => Self::Warn,
            LevelWord::Info => Self::Info,
            LevelWord::Debug => Self::Debug,
            LevelWord::Trace => Self::Trace,
        }
    }
}

/// A kind of job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[expect(missing_docs, reason = "the words of `model::job::JobKind`")]
pub enum KindWord {
    Sync,
    Verify,
    Repair,
    Undo,
}

impl From<KindWord> for JobKind {
    fn from(word: KindWord) -> Self {
        match word {
            KindWord::Sync => Self::Sync,
            KindWord::Verify => Self::Verify,
            KindWord::Repair => Self::Repair,
            KindWord::Undo => Self::Undo,
        }
    }
}

/// A state of jobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the words of `model::job::JobState`")]
pub enum StateWord {
    Pending,
    Running,
    Paused,
    Completed,
    CompletedWithErrors,
    Failed,
    Cancelled,
}

impl From<StateWord> for JobState {
    fn from(word: StateWord) -> Self {
        match word {
            StateWord::Pending => Self::Pending,
            StateWord::Running => Self::Running,
            StateWord::Paused => Self::Paused,
            StateWord::Completed => Self::Completed,
            StateWord::CompletedWithErrors => Self::CompletedWithErrors,
            StateWord::Failed => Self::Failed,
            StateWord::Cancelled => Self::Cancelled,
        }
    }
}
