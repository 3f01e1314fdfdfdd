//! What ended badly while nobody looked, and what its tables still are.

use chrono::{DateTime, Utc};

use super::job::Job;
use super::table_run::{TableRun, TableState};

/// What ended badly since somebody looked.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct BadNight {
    /// From when on was looked, by the control database's clock.
    pub since: DateTime<Utc>,
    /// Whether that is when somebody last looked; else so far is always looked back.
    pub visited: bool,
    /// The jobs, newest first; none that a later job made good.
    pub jobs: Vec<FailedJob>,
}

/// A job that ended badly.
#[derive(Debug, Clone, PartialEq)]
pub struct FailedJob {
    /// It, with its tables.
    pub job: Job,
    /// Its failed tables that were compared before, and the point of the source that each equalled.
    pub standing: Vec<(String, DateTime<Utc>)>,
    /// Whether another job of its config waits or is at work already.
    pub again: bool,
}

impl FailedJob {
    /// The tables that failed.
    pub fn failed(&self) -> impl Iterator<Item = &TableRun> {
        let tables = self.job.tables.iter();
        tables.filter(|run| run.state == TableState::Failed)
    }

    /// How many tables a retry has to do; 0 where the job ended before they were known.
    #[must_use]
    pub fn left(&self) -> usize {
        let done =
            |run: &&TableRun| !matches!(run.state, TableState::Completed | TableState::Skipped);
        self.job.tables.iter().filter(done).count()
    }

    /// The point of the source that a target table equalled last, as far as it is known.
    #[must_use]
    pub fn standing_of(&self, table: &str) -> Option<DateTime<Utc>> {
        let mut known = self.standing.iter();
        known.find(|(name, _)| name == table).map(|(_, at)| *at)
    }
}
