//! The tab of sync configs.

use super::list::ListPane;
use super::strip;
use crate::dashboard::app::configs::words;
use crate::dashboard::app::format;
use crate::dashboard::app::geometry;
use crate::dashboard::app::state::State;
use crate::dashboard::app::text::{Line, Tone};
use crate::dashboard::ui::canvas::Canvas;
use crate::dashboard::ui::fresh;
use crate::dashboard::ui::widgets::table::{Cell, Column};
use crate::model::config::Config;
use crate::model::job::JobState;

pub(super) const COLUMNS: [Column; 8] = [
    Column::words("NAME", 16, 9).growing(),
    Column::words("CONNECTION", 12, 3).growing(),
    Column::words("MODE", 11, 5),
    Column::words("TABLES", 9, 4),
    Column::words("SCHEDULE", 13, 2),
    Column::words("LAST JOB", 21, 8),
    Column::words("NEXT RUN", 11, 7),
    Column::words("EQUAL AS OF", 13, 2),
];

/// Paints it.
pub fn render(state: &State, canvas: &mut Canvas<'_>) {
    let pane = geometry::body(state);
    let (area, strip_area) = geometry::list(pane, geometry::ABOUT);
    let list = &state.configs;
    let listing = ListPane {
        pane,
        rows: area,
        title: "Sync configs",
        columns: &COLUMNS,
        focused: true,
        covers: None,
    };
    if !listing.render(state, canvas, list, |c| row(state, c)) {
        return;
    }
    if let (Some(area), Some(selected)) = (strip_area, list.selected()) {
        strip(canvas, pane, area, &about(state, selected));
    }
}

fn row(state: &State, config: &Config) -> Vec<Cell> {
    let spec = &config.spec;
    let schedule = match &spec.schedule {
        Some(schedule) => Cell::plain(schedule.as_str()),
        None => Cell::of("by hand", Tone::Dim),
    };
    vec![
        Cell::plain(&spec.name),
        Cell::plain(&spec.connection),
        Cell::plain(spec.sync_mode.as_str()),
        Cell::plain(words::tables(spec)),
        schedule,
        last_job(state, config),
        next_run(state, config),
        fresh::of_config(state, config.id),
    ]
}

fn last_job(state: &State, config: &Config) -> Cell {
    let Some(last) = &config.last_job else {
        return Cell::of("never ran", Tone::Dim);
    };
    let (mark, tone) = match last.state {
        JobState::Completed => ("✓ completed", Tone::Good),
        JobState::CompletedWithErrors => ("! w/ errors", Tone::Bad),
        JobState::Failed => ("✗ failed", Tone::Bad),
        JobState::Cancelled => ("■ cancelled", Tone::Dim),
        JobState::Running => ("▶ running", Tone::Accent),
        JobState::Pending => ("· queued", Tone::Dim),
        JobState::Paused => ("■ paused", Tone::Warn),
    };
    let when = last.finished_at.map_or(String::new(), |at| {
        format!("  {}", format::ago(at, state.clock.wall))
    });
    Cell::of(format!("{mark}{when}"), tone)
}

/// When its schedule starts it next; also says that nothing does.
fn next_run(state: &State, config: &Config) -> Cell {
    if !config.spec.enabled {
        return Cell::of("! disabled", Tone::Warn);
    }
    match config.next_runs.first() {
        Some(at) => Cell::plain(words::due(*at, state.clock.wall)),
        None => Cell::of("-", Tone::Dim),
    }
}

fn about(state: &State, config: &Config) -> [Line; 2] {
    let spec = &config.spec;
    let connection = state
        .connections
        .all()
        .iter()
        .find(|c| c.id == config.connection_id);
    let goes = connection.map_or(String::new(), |c| {
        format!("{} → {} · ", c.spec.database, c.spec.target_database())
    });
    let next = match (&spec.schedule, config.next_runs.first()) {
        (Some(schedule), Some(at)) => {
            let zone = config.zone.unwrap_or_default();
            let wall = zone.wall(*at).format("%Y-%m-%d %H:%M");
            format!(" · {schedule}, next {wall} {zone}")
        }
        (Some(schedule), None) => format!(" · {schedule}, but disabled"),
        (None, _) => String::new(),
    };
    [
        Line::of("tables ", Tone::Dim).and(words::rules(spec), Tone::Plain),
        Line::plain(format!(
            "{goes}{} workers · consistency {}{next}",
            spec.options.max_concurrency,
            spec.options.consistency.as_str(),
        )),
    ]
}
