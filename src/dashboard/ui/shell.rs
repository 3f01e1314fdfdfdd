//! Header, tabs and footer.

use crate::dashboard::app::action::{ACTIONS, Action};
use crate::dashboard::app::format::{count, plural};
use crate::dashboard::app::geometry;
use crate::dashboard::app::overlay::Overlay;
use crate::dashboard::app::state::{State, Tab};
use crate::dashboard::app::text::{Line, Tone, fit};
use crate::dashboard::app::trail::trail;
use crate::dashboard::ui::canvas::Canvas;
use crate::model::status::Stats;

/// Who, where, how it goes.
pub fn header(state: &State, canvas: &mut Canvas<'_>) {
    let mut right = Line::empty();
    if state.setup.read_only {
        right = right.and("read-only", Tone::Warn);
    }
    // Not in the footer: a long log is written while other things are done and said.
    if let Some(saving) = &state.log_saving {
        let gap = if right.pieces.is_empty() { "" } else { "  " };
        let words = format!("{gap}… log: {} lines written", count(saving.lines));
        right = right.and(words, Tone::Accent);
    }
    if state.dropped > 0 {
        let gap = if right.pieces.is_empty() { "" } else { "  " };
        right = right.and(
            format!("{gap}! {} log lines dropped", count(state.dropped)),
            Tone::Warn,
        );
    }
    let width = state.width.saturating_sub(2);
    let right_width = (right.width() as u16).min(width);
    let room = width.saturating_sub(right_width + u16::from(right_width > 0) * 2);
    let line = joined(parts(state), usize::from(room));
    canvas.put_line(1, 0, room, &line);
    canvas.put_line(1 + width - right_width, 0, right_width, &right);
}

/// As many parts as there is room for, the first before the others; then in their longer form: the
/// name, then the last ones, since the counts stand there.
fn joined(parts: Vec<(Line, Option<Line>)>, room: usize) -> Line {
    let mut used = 0;
    let mut shown: Vec<(Line, Option<Line>)> = Vec::new();
    for (long, short) in parts {
        let (part, longer) = match short {
            Some(short) => (short, Some(long)),
            None => (long, None),
        };
        let gap = if shown.is_empty() { 0 } else { GAP };
        if used + gap + part.width() <= room {
            used += gap + part.width();
            shown.push((part, longer));
        }
    }
    let last_first = (1..shown.len()).rev();
    for at in (0..shown.len().min(1)).chain(last_first) {
        let (part, longer) = &mut shown[at];
        let wanted = longer.as_ref().map_or(usize::MAX, Line::width);
        if let Some(longer) = longer.take_if(|_| used - part.width() + wanted.min(room + 1) <= room)
        {
            used = used - part.width() + wanted;
            *part = longer;
        }
    }
    let mut line = Line::empty();
    for (i, (part, _)) in shown.into_iter().enumerate() {
        if i > 0 {
            line = line.and(" · ", Tone::Dim);
        }
        line.pieces.extend(part.pieces);
    }
    line
}

/// The parts of the header, most important first, some with a shorter form.
fn parts(state: &State) -> Vec<(Line, Option<Line>)> {
    let name = Line::of("db-taxi", Tone::Strong);
    let Some(overview) = &state.overview else {
        return vec![(name, None), (Line::of("connecting", Tone::Dim), None)];
    };
    let whole = |line: Line| (line, None);
    let mut parts = vec![(
        name.clone()
            .and(format!("  {}", overview.instance), Tone::Plain),
        Some(name),
    )];
    let database = &overview.database;
    parts.push(if state.database_unknown() {
        whole(Line::of("connecting to the control database", Tone::Dim))
    } else if database.connected {
        let server = database.server.as_deref().unwrap_or("server");
        (
            Line::plain(format!("local {server} ")).and("ok", Tone::Good),
            Some(Line::plain("local ").and("ok", Tone::Good)),
        )
    } else {
        whole(Line::of("! control database down", Tone::Bad))
    });
    for check in overview.checks.iter().filter(|check| !check.ok).take(1) {
        parts.push(whole(Line::of(format!("! {}", check.message), Tone::Warn)));
    }
    if let Some(stats) = &overview.stats {
        parts.push((counts(stats, true), Some(counts(stats, false))));
        let reached = Line::plain(format!(
            "connections {}/{}",
            count(stats.connected_connections),
            count(stats.total_connections)
        ));
        parts.push((
            reached,
            Some(Line::plain(format!(
                "conn {}/{}",
                count(stats.connected_connections),
                count(stats.total_connections)
            ))),
        ));
        if stats.instances > 1 {
            parts.push(whole(Line::plain(plural(
                stats.instances as usize,
                "instance",
                "instances",
            ))));
        }
    }
    parts
}

/// Jobs by state; `all` tells those that ended well too.
fn counts(stats: &Stats, all: bool) -> Line {
    let failed = stats.failed_jobs + stats.completed_with_errors_jobs;
    let completed = if all { stats.completed_jobs } else { 0 };
    let mut line = Line::plain(format!("jobs {}", count(stats.total_jobs)));
    let mut gap = ": ";
    for (number, word, tone) in [
        (stats.running_jobs, "running", Tone::Accent),
        (stats.pending_jobs, "queued", Tone::Plain),
        (stats.paused_jobs, "paused", Tone::Plain),
        (completed, "completed", Tone::Plain),
        (failed, "failed", Tone::Bad),
    ] {
        if number > 0 {
            line = line.and(format!("{gap}{} {word}", count(number)), tone);
            gap = "  ";
        }
    }
    line
}

/// The names of the tabs.
pub fn tabs(state: &State, canvas: &mut Canvas<'_>) {
    let mut end = 1;
    for (tab, x, text) in geometry::tabs(state) {
        let style = if tab == state.tab {
            canvas.theme.tab_active
        } else {
            canvas.theme.tab
        };
        end = x + canvas.put(x, 1, state.width.saturating_sub(x), &text, style);
    }
    breadcrumbs(state, canvas, end + 2);
}

/// The way to what is shown, at the right end, its last steps where there is no room for all.
fn breadcrumbs(state: &State, canvas: &mut Canvas<'_>, from: u16) {
    let trail = trail(state);
    if trail.len() < 2 {
        return;
    }
    let room = usize::from((state.width.saturating_sub(1)).saturating_sub(from));
    let line = (0..trail.len() - 1)
        .map(|first| crumbs(&trail[first..], first > 0))
        .find(|line| line.width() <= room);
    if let Some(line) = line {
        let width = line.width() as u16;
        canvas.put_line(state.width - 1 - width, 1, width, &line);
    }
}

fn crumbs(steps: &[String], cut: bool) -> Line {
    let mut line = Line::of(if cut { "… › " } else { "" }, Tone::Dim);
    for (i, step) in steps.iter().enumerate() {
        let last = i + 1 == steps.len();
        let tone = if last { Tone::Plain } else { Tone::Dim };
        line = line.and(fit(step, 30, '…'), tone);
        if !last {
            line = line.and(" › ", Tone::Dim);
        }
    }
    line
}

/// What can be done here, or what was just said.
pub fn footer(state: &State, canvas: &mut Canvas<'_>) {
    let y = state.height - 1;
    let width = state.width.saturating_sub(2);
    if let (Some(typing), true) = (&state.typing, state.overlays.is_empty()) {
        let line = Line::of(
            if state.searching && state.tab == Tab::Logs {
                "search: "
            } else {
                "filter: "
            },
            Tone::Accent,
        )
        .and(typing, Tone::Plain)
        .and("▌", Tone::Accent)
        .and("   enter keeps it, esc as before", Tone::Dim);
        canvas.put_line(1, y, width, &line);
        return;
    }
    if let Some(waiting) = state.waiting.first() {
        let line = Line::of(format!("… {waiting}"), Tone::Accent);
        canvas.put_line(1, y, width, &line);
        return;
    }
    let asking = matches!(
        state.overlays.last(),
        Some(Overlay::Dialog(_) | Overlay::Confirm(_) | Overlay::Palette(_))
    );
    let mut x = 1;
    if let Some(notice) = state.notice.as_ref().filter(|_| !asking) {
        let mark = match notice.tone {
            Tone::Bad | Tone::Warn => "! ",
            _ => "",
        };
        let line = Line::of(format!("{mark}{}", notice.text), notice.tone);
        canvas.put_line(1, y, width, &line);
        // Behind a short word the keys stay in sight.
        x += (line.width() as u16).min(width) + 3;
    }
    for (key, words) in fitting(hints(state), usize::from((1 + width).saturating_sub(x))) {
        let needed = (key.chars().count() + 1 + words.chars().count()) as u16;
        let (accent, text) = (canvas.theme.accent, canvas.theme.text);
        x += canvas.put(x, y, needed, &key, accent);
        x += 1;
        x += canvas.put(x, y, needed, words, text) + GAP as u16;
    }
}

/// Blank columns between two hints.
const GAP: usize = 3;

/// As many as there is room for; the help and the way out, which are `fixed`, before the others.
fn fitting(
    (mut hints, fixed): (Vec<(String, &'static str)>, usize),
    room: usize,
) -> Vec<(String, &'static str)> {
    let wide = |hints: &[(String, &str)]| {
        let widths = hints
            .iter()
            .map(|(key, words)| line_width(key) + 1 + line_width(words));
        widths.sum::<usize>() + GAP * hints.len().saturating_sub(1)
    };
    while wide(&hints) > room && !hints.is_empty() {
        let own = hints.len().saturating_sub(fixed);
        let least = own.checked_sub(1);
        hints.remove(least.unwrap_or(hints.len().saturating_sub(2)));
    }
    hints
}

fn line_width(text: &str) -> usize {
    text.chars().count()
}

/// What the key that takes a typed line does here, if it does anything yet.
fn accepting(state: &State) -> Option<&'static str> {
    match state.overlays.last()? {
        Overlay::Palette(palette) => palette.chosen().map(|_| "do it"),
        Overlay::Confirm(confirm) => confirm.holds().then_some("do it"),
        _ => Some("keep"),
    }
}

/// Keys and words of the place that the keys go to, in their order, and how many of the last ones
/// are never left out.
fn hints(state: &State) -> (Vec<(String, &'static str)>, usize) {
    let place = state.place();
    let mut rows: Vec<_> = ACTIONS
        .iter()
        .filter(|row| row.rank > 0 && place.contains(&row.context))
        .filter(|row| state.offers(row.action))
        .filter(|row| row.action != Action::Palette || state.width >= 100)
        .collect();
    rows.sort_by_key(|row| row.rank);
    // Few enough to be read at a glance; always with the way to the others.
    let most = 8;
    let fixed = rows.iter().filter(|row| row.rank >= 90).count();
    let own = rows.len() - fixed;
    let kept = own.min(most.max(fixed) - fixed.min(most));
    let mut chosen: Vec<_> = rows[..kept].to_vec();
    chosen.extend_from_slice(&rows[own..]);
    let in_palette = matches!(state.overlays.last(), Some(Overlay::Palette(_)));
    let shown = |action| Some(state.setup.keymap.shown(action)?.to_string());
    let mut hints: Vec<_> = chosen
        .into_iter()
        .filter_map(|row| {
            let words = match row.action {
                Action::Quit if state.has_way_back() => "back",
                Action::AcceptTyped => accepting(state)?,
                Action::NextMatch if !in_palette => return None,
                // The key that sends the form tests it.
                Action::TestTyped if state.form().is_some_and(|f| f.verb == row.short) => {
                    return None;
                }
                Action::SubmitForm => state.form().map_or(row.short, |form| form.verb),
                Action::PickDone if state.picker().is_some_and(|p| !p.many) => {
                    state.picker().map_or(row.short, |p| p.purpose.taking())
                }
                action => state.word(action),
            };
            Some((shown(row.action)?, words))
        })
        .collect();
    let rows = match state.overlays.last() {
        Some(Overlay::Sheet(sheet)) => Some(geometry::sheet_rows(state, sheet)),
        Some(Overlay::Form(form)) if form.on_side() => geometry::side_rows(state),
        _ => None,
    };
    if let (Some((height, rows)), Some(down), Some(up)) =
        (rows, shown(Action::Down), shown(Action::Up))
        && rows > height
    {
        hints.insert(0, (format!("{down} {up}"), "scroll"));
    }
    (hints, fixed)
}
