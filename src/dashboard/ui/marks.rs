//! States as a mark, a word and a tone, so that colour is never alone.

use crate::dashboard::app::text::Tone;
use crate::model::connection::HealthState;
use crate::model::job::{Job, JobState};
use crate::model::table_run::{TableRun, TableState};

/// A state as it is shown.
pub struct Mark {
    /// One column.
    pub glyph: &'static str,
    /// The word beside it.
    pub word: String,
    /// How much it matters.
    pub tone: Tone,
}

fn mark(glyph: &'static str, word: &str, tone: Tone) -> Mark {
    Mark {
        glyph,
        word: word.to_owned(),
        tone,
    }
}

impl Mark {
    /// Mark and word.
    pub fn text(&self) -> String {
        format!("{} {}", self.glyph, self.word)
    }
}

/// State of a job; short enough for a list.
pub fn job(job: &Job) -> Mark {
    match job.state {
        JobState::Pending => mark("·", "queued", Tone::Dim),
        JobState::Running if job.progress.throttled.is_some() => mark("▶", "throttled", Tone::Warn),
        JobState::Running => mark("▶", "running", Tone::Accent),
        JobState::Paused => mark("■", "paused", Tone::Warn),
        JobState::Completed => mark("✓", "completed", Tone::Good),
        JobState::CompletedWithErrors => mark("!", "w/ errors", Tone::Bad),
        JobState::Failed => mark("✗", "failed", Tone::Bad),
        JobState::Cancelled => mark("■", "cancelled", Tone::Dim),
    }
}

/// State of a table, its phase while it runs.
pub fn table(run: &TableRun, job_runs: bool) -> Mark {
    match run.state {
        // Where its job was left; nobody works on it.
        TableState::Running | TableState::Retrying if !job_runs => mark("·", "waiting", Tone::Dim),
        TableState::Pending => mark("·", "pending", Tone::Dim),
        TableState::Running => mark("▶", &run.phase.as_str().replace('_', " "), Tone::Accent),
        TableState::Retrying => mark("↻", "retrying", Tone::Warn),
        TableState::Completed => mark("✓", "done", Tone::Good),
        TableState::Failed => mark("✗", "failed", Tone::Bad),
        TableState::Cancelled => mark("■", "cancelled", Tone::Dim),
        TableState::Skipped => mark("–", "skipped", Tone::Dim),
    }
}

/// Health of a connection.
pub fn health(state: HealthState) -> Mark {
    match state {
        HealthState::Unknown => mark("·", "not checked", Tone::Dim),
        HealthState::Ok => mark("✓", "ok", Tone::Good),
        HealthState::Failed => mark("✗", "failed", Tone::Bad),
    }
}
