//! The tab of connections.

use super::list::ListPane;
use super::strip;
use crate::dashboard::app::format;
use crate::dashboard::app::geometry;
use crate::dashboard::app::sheets::address;
use crate::dashboard::app::state::State;
use crate::dashboard::app::text::{Line, Tone};
use crate::dashboard::ui::canvas::Canvas;
use crate::dashboard::ui::marks;
use crate::dashboard::ui::widgets::table::{Cell, Column};
use crate::model::connection::{Connection, HealthState, SslMode};

pub(super) const COLUMNS: [Column; 8] = [
    Column::words("NAME", 14, 9).growing(),
    Column::words("HEALTH", 13, 8),
    Column::words("DATABASE → LOCAL", 18, 7).growing(),
    Column::words("ADDRESS", 16, 5).growing(),
    Column::numbers("MS", 6, 3),
    Column::words("TLS", 8, 4),
    Column::words("SERVER", 18, 2),
    Column::words("CHECKED", 9, 1),
];

/// Paints it.
pub fn render(state: &State, canvas: &mut Canvas<'_>) {
    let pane = geometry::body(state);
    let (area, strip_area) = geometry::list(pane, geometry::ABOUT);
    let list = &state.connections;
    let listing = ListPane {
        pane,
        rows: area,
        title: "Connections",
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

fn row(state: &State, connection: &Connection) -> Vec<Cell> {
    let spec = &connection.spec;
    let health = &connection.health;
    let mark = marks::health(health.state);
    let goes = if spec.target_database() == spec.database {
        spec.database.clone()
    } else {
        format!("{} → {}", spec.database, spec.target_database())
    };
    let latency = health
        .latency_ms
        .filter(|_| health.state == HealthState::Ok)
        .map_or("-".to_owned(), format::milliseconds);
    let checked = health
        .checked_at
        .map_or("-".to_owned(), |at| format::ago(at, state.clock.wall));
    vec![
        Cell::plain(&spec.name),
        Cell::of(mark.text(), mark.tone),
        Cell::plain(goes),
        Cell::plain(address(spec)),
        Cell::plain(latency),
        Cell::plain(tls(spec.ssl.mode)),
        Cell::plain(health.server.as_deref().unwrap_or("-")),
        Cell::of(checked, Tone::Dim),
    ]
}

fn tls(mode: SslMode) -> &'static str {
    match mode {
        SslMode::Disabled => "off",
        SslMode::Required => "required",
        SslMode::VerifyCa => "CA",
        SslMode::VerifyIdentity => "identity",
    }
}

fn about(state: &State, connection: &Connection) -> [Line; 2] {
    let spec = &connection.spec;
    let health = match (&connection.health.state, &connection.health.error) {
        (HealthState::Failed, Some(error)) => Line::of(format!("! {error}"), Tone::Bad),
        (HealthState::Failed, None) => Line::of("! the last check failed", Tone::Bad),
        (HealthState::Unknown, _) => Line::of("not checked yet", Tone::Dim),
        (HealthState::Ok, _) => Line::plain(format!(
            "{} as {} · throttle {}",
            address(spec),
            spec.username,
            spec.throttle.shown()
        )),
    };
    let used: Vec<&str> = state
        .configs
        .all()
        .iter()
        .filter(|config| config.connection_id == connection.id)
        .map(|config| config.spec.name.as_str())
        .collect();
    let used = if used.is_empty() {
        Line::of("no config uses it", Tone::Dim)
    } else {
        Line::of("used by ", Tone::Dim).and(used.join(", "), Tone::Plain)
    };
    [health, used]
}
