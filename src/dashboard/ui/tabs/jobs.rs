//! The tab of jobs: the list, and the job that is open.

use super::job_detail;
use super::list::ListPane;
use crate::dashboard::app::format;
use crate::dashboard::app::geometry;
use crate::dashboard::app::state::State;
use crate::dashboard::app::text::Tone;
use crate::dashboard::ui::canvas::Canvas;
use crate::dashboard::ui::fresh;
use crate::dashboard::ui::marks;
use crate::dashboard::ui::widgets::table::{Cell, Column};
use crate::model::job::{Job, JobState};

pub(super) const COLUMNS: [Column; 10] = [
    Column::words("CONFIG", 14, 9).growing(),
    Column::words("STATE", 11, 8),
    Column::words("PROGRESS", 20, 7).growing(),
    Column::numbers("ROWS/S", 7, 6),
    Column::numbers("MB/S", 5, 3),
    Column::numbers("ETA", 7, 5),
    Column::numbers("TABLES", 6, 4),
    Column::words("STARTED", 11, 1),
    Column::words("AS OF", 13, 2),
    Column::numbers("TOOK", 7, 0),
];

/// Paints it.
pub fn render(state: &State, canvas: &mut Canvas<'_>) {
    let (list, detail) = geometry::jobs(state);
    if let Some(pane) = list {
        let listing = ListPane {
            pane,
            rows: pane.inner(),
            title: "Jobs",
            columns: &COLUMNS,
            focused: detail.is_none(),
            covers: covers(state),
        };
        listing.render(state, canvas, &state.jobs, |job| row(state, job));
    }
    if let (Some(pane), Some(open)) = (detail, &state.detail) {
        job_detail::render(state, open, canvas, pane);
    }
}

/// What is listed, where older jobs are stored than those.
fn covers(state: &State) -> Option<&'static str> {
    match (state.job_pages.has_more(), state.job_pages.reading) {
        (false, _) => None,
        (true, None) => Some("newest"),
        (true, Some(_)) => Some("newest, reading on …"),
    }
}

fn row(state: &State, job: &Job) -> Vec<Cell> {
    let mark = marks::job(job);
    let running = job.state == JobState::Running;
    let p = &job.progress;
    let number = |text: String| Cell::plain(if running { text } else { String::new() });
    let eta = state.eta(job).map_or("-".to_owned(), format::eta);
    let started = job
        .started_at
        .map_or("-".to_owned(), |at| format::when(at, state.clock.wall));
    let tables = if job.tables_total == 0 {
        "-".to_owned()
    } else {
        format!("{}/{}", job.tables_completed, job.tables_total)
    };
    vec![
        Cell::plain(&job.config),
        Cell::of(mark.text(), mark.tone),
        progress(state, job),
        number(format::rate(p.rows_per_second)),
        number(format::megabytes(p.bytes_per_second)),
        number(eta),
        Cell::plain(tables),
        Cell::of(started, Tone::Dim),
        fresh::of_job(state, job),
        Cell::of(took(state, job), Tone::Dim),
    ]
}

/// A gauge while it runs, then what came of it.
fn progress(state: &State, job: &Job) -> Cell {
    match job.state {
        JobState::Running | JobState::Paused => Cell::Gauge(job.progress.percent),
        JobState::Pending => match state.waits_for_labels(job) {
            Some((labels, _)) => Cell::of(format!("waits for {labels}"), Tone::Warn),
            None => Cell::of("in the queue", Tone::Dim),
        },
        JobState::Completed => Cell::of(
            format!("{} rows", format::count(job.progress.rows_done)),
            Tone::Dim,
        ),
        JobState::CompletedWithErrors => Cell::of(
            format!(
                "{} failed",
                format::plural(job.tables_failed as usize, "table", "tables")
            ),
            Tone::Bad,
        ),
        JobState::Failed => {
            let why = job.error.as_ref().map_or_else(
                || "no table completed".to_owned(),
                |error| error.message.clone(),
            );
            Cell::of(why, Tone::Bad)
        }
        JobState::Cancelled => Cell::of(format!("at {:.0} %", job.progress.percent), Tone::Dim),
    }
}

/// How long it took, or takes so far.
pub fn took(state: &State, job: &Job) -> String {
    let Some(started) = job.started_at else {
        return "-".to_owned();
    };
    let end = job.finished_at.unwrap_or(state.clock.wall);
    format::span((end - started).num_milliseconds() as f64 / 1000.0)
}
