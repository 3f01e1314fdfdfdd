//! The tab of sync configs.

use super::list::ListPane;
use super::strip;
use crate::dashboard::app::format;
use crate::dashboard::app::geometry;
use crate::dashboard::app::state::State;
use crate::dashboard::app::text::{Line, Tone};
use crate::dashboard::ui::canvas::Canvas;
use crate::dashboard::ui::widgets::table::{Cell, Column};
use crate::model::config::Config;
use crate::model::job::JobState;
use crate::model::rule::TableSelect;

const COLUMNS: [Column; 6] = [
    Column::words("NAME", 18, 9).growing(),
    Column::words("CONNECTION", 14, 8).growing(),
    Column::words("MODE", 6, 5),
    Column::numbers("RULES", 5, 4),
    Column::words("ENABLED", 7, 3),
    Column::words("LAST JOB", 24, 7),
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
    let mode = spec.sync_mode.as_str();
    let enabled = if spec.enabled {
        Cell::plain("yes")
    } else {
        Cell::of("no", Tone::Warn)
    };
    vec![
        Cell::plain(&spec.name),
        Cell::plain(&spec.connection),
        Cell::plain(mode),
        Cell::plain(spec.tables.len().to_string()),
        enabled,
        last_job(state, config),
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

fn about(state: &State, config: &Config) -> [Line; 2] {
    let spec = &config.spec;
    let tables: Vec<String> = spec
        .tables
        .iter()
        .map(|rule| match &rule.select {
            TableSelect::Source(name) => name.clone(),
            TableSelect::Match(pattern) => format!("match {pattern}"),
        })
        .collect();
    let connection = state
        .connections
        .all()
        .iter()
        .find(|c| c.id == config.connection_id);
    let goes = connection.map_or(String::new(), |c| {
        format!(" · {} → {}", c.spec.database, c.spec.target_database())
    });
    [
        Line::of("tables ", Tone::Dim).and(tables.join(", "), Tone::Plain),
        Line::plain(format!(
            "{} workers · consistency {}{goes}",
            spec.options.max_concurrency,
            spec.options.consistency.as_str(),
        )),
    ]
}
