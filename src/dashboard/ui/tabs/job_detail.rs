//! One job: its tables live, how fast it is, what limits it, what would be lost.

use super::{empty, job_pace, job_result, jobs::took, strip};
use crate::dashboard::app::detail::Detail;
use crate::dashboard::app::format;
use crate::dashboard::app::geometry::{self, Area};
use crate::dashboard::app::sheets::verified;
use crate::dashboard::app::state::State;
use crate::dashboard::app::text::{Line, Tone};
use crate::dashboard::ui::canvas::Canvas;
use crate::dashboard::ui::marks;
use crate::dashboard::ui::widgets::table::{self, Cell, Column};
use crate::model::job::{Job, JobState};
use crate::model::progress::Progress;
use crate::model::table_run::{TableRun, TableState};

pub(super) const COLUMNS: [Column; 9] = [
    Column::words("TABLE", 14, 9).growing(),
    Column::words("PHASE", 11, 8),
    Column::words("PROGRESS", 18, 7).growing(),
    Column::numbers("ROWS / ABOUT", 19, 5),
    Column::numbers("ROWS/S", 8, 6),
    Column::numbers("MB/S", 5, 3),
    Column::numbers("RANGES", 9, 4),
    Column::numbers("RETRIES", 7, 1),
    Column::words("LIMIT", 8, 2),
];

/// Paints it.
pub fn render(state: &State, detail: &Detail, canvas: &mut Canvas<'_>, pane: Area) {
    let (area, strip_area) = geometry::list(pane, geometry::PACE);
    canvas.frame(
        pane,
        &title(state, &detail.job),
        &at_risk(detail, usize::from(pane.width), area.width),
        true,
    );
    if detail.job.tables.is_empty() {
        let words = match (&detail.job.error, detail.loaded) {
            (Some(_), _) => String::new(),
            (None, true) if detail.job.state == JobState::Pending => {
                match state.waits_for_labels(&detail.job) {
                    Some((_, why)) => format!("in the queue: {why}"),
                    None => "in the queue; it begins when a slot is free".to_owned(),
                }
            }
            (None, true) => "its tables are being planned".to_owned(),
            (None, false) if state.database_down() => {
                return empty::render(state, canvas, area, false);
            }
            (None, false) => "reading …".to_owned(),
        };
        canvas.put_line(
            area.x + 2,
            area.y + 1,
            area.width,
            &Line::of(words, Tone::Dim),
        );
    } else if detail.shown().len() == 0 {
        empty::render(state, canvas, area, true);
    } else {
        tables(state, detail, canvas, area);
    }
    if let Some(area) = strip_area {
        let [word, hint] = words(state, detail);
        let width = usize::from(area.width);
        let [first, second, third] = if detail.job.state.is_final() {
            job_result::summary(state, detail)
        } else {
            job_pace::lines(state, detail, width)
        };
        strip(canvas, pane, area, &[first, second, third, word, hint]);
    }
}

/// The rows on the screen only: a job may have thousands of tables.
fn tables(state: &State, detail: &Detail, canvas: &mut Canvas<'_>, area: Area) {
    let ended = detail.job.state.is_final();
    let shown = usize::from(area.height.saturating_sub(1));
    let rows: Vec<Vec<Cell>> = detail
        .shown()
        .skip(detail.offset)
        .take(shown)
        .map(|run| {
            if ended {
                job_result::row(state, run)
            } else {
                row(state, &detail.job, run)
            }
        })
        .collect();
    let selected = detail.place().checked_sub(detail.offset);
    let sorted = detail.sorted();
    table::render_part(canvas, area, columns(detail), &rows, selected, sorted);
}

fn columns(detail: &Detail) -> &'static [Column] {
    if detail.job.state.is_final() {
        &job_result::COLUMNS
    } else {
        &COLUMNS
    }
}

fn title(state: &State, job: &Job) -> Line {
    let target = state
        .connections
        .get(job.connection_id)
        .map_or(String::new(), |c| {
            format!(" → {}", c.spec.target_database())
        });
    let mark = marks::job(job);
    // The list may shorten the words of a state; here they are spelled out.
    let state_words = job.state.as_str().replace('_', " ");
    // The mark of a job that waits looks like the separator.
    let glyph = match job.state {
        JobState::Pending => String::new(),
        _ => format!("{} ", mark.glyph),
    };
    let mut line = Line::of(&job.config, Tone::Strong)
        .and(format!(" · {}{target} · ", job.connection), Tone::Plain)
        .and(glyph, mark.tone)
        .and(state_words, mark.tone)
        .and(format!(" · {}", took(state, job)), Tone::Dim);
    if let Some(instance) = &job.instance {
        line = line.and(format!(" on {instance}"), Tone::Dim);
    }
    line
}

/// The filter, the order where no heading shows it, and the work that is not committed yet.
fn at_risk(detail: &Detail, room: usize, width: u16) -> Line {
    let (job, filter) = (&detail.job, detail.filter());
    let mut narrowed = Line::empty();
    if !filter.is_empty() {
        let (shown, all) = (detail.shown().len() as u64, job.tables.len() as u64);
        let text = format!(
            "filter {filter:?}: {} of {}",
            format::count(shown),
            format::count(all)
        );
        narrowed = narrowed.and(text, Tone::Warn);
    }
    match detail.sorted() {
        Some(("", _)) => narrowed = narrowed.and(" order turned round", Tone::Dim),
        Some((title, down)) if !table::shows(columns(detail), width, title) => {
            let way = if down { " downwards" } else { "" };
            narrowed = narrowed.and(format!(" sorted by {title}{way}"), Tone::Dim);
        }
        _ => {}
    }
    let risk = risk(job);
    // The name of the job needs its room too.
    if narrowed.pieces.is_empty() || narrowed.width() + risk.width() + 40 > room {
        return if narrowed.pieces.is_empty() {
            risk
        } else {
            narrowed
        };
    }
    if !risk.pieces.is_empty() {
        narrowed = narrowed.and(" · ", Tone::Dim);
    }
    narrowed.pieces.extend(risk.pieces);
    narrowed
}

fn risk(job: &Job) -> Line {
    match job.progress.checkpoint_age_seconds {
        Some(age) if job.state == JobState::Running => {
            Line::of("work at risk: ", Tone::Dim).and(format::age(age), Tone::Plain)
        }
        _ => Line::empty(),
    }
}

fn row(state: &State, job: &Job, run: &TableRun) -> Vec<Cell> {
    let job_runs = job.state == JobState::Running;
    let mark = marks::table(run, job_runs);
    let p = &run.progress;
    let running = job_runs && run.state == TableState::Running;
    let name = if run.source_table == run.target_table {
        run.source_table.clone()
    } else {
        format!("{} → {}", run.source_table, run.target_table)
    };
    let progress = match run.state {
        TableState::Running | TableState::Retrying => Cell::Gauge(p.percent),
        TableState::Completed => {
            Cell::of(verified_short(state, run).unwrap_or_default(), Tone::Good)
        }
        TableState::Failed => Cell::of(
            run.error.as_ref().map_or("", |e| e.code.as_str()),
            Tone::Bad,
        ),
        TableState::Pending | TableState::Cancelled | TableState::Skipped => Cell::plain(""),
    };
    let rows = match run.state {
        TableState::Completed => format::count(p.rows_done),
        _ if p.rows_total == 0 && p.rows_done == 0 => String::new(),
        _ => format!(
            "{} / {}",
            format::count(p.rows_done),
            format::about(p.rows_total)
        ),
    };
    let number = |text: String| Cell::plain(if running { text } else { String::new() });
    let retries = match run.counts.retries {
        0 => String::new(),
        n => n.to_string(),
    };
    let limit = match (&p.throttled, &p.bottleneck) {
        (Some(_), _) => Cell::of("throttle", Tone::Warn),
        (None, Some(what)) if running => Cell::plain(what),
        _ => Cell::plain(""),
    };
    vec![
        Cell::plain(name),
        Cell::of(mark.text(), mark.tone),
        progress,
        Cell::plain(rows),
        number(format::rate(p.rows_per_second)),
        number(format::megabytes(p.bytes_per_second)),
        ranges(p),
        Cell::plain(retries),
        limit,
    ]
}

/// `equal as of 02:11:41`.
fn verified_short(state: &State, run: &TableRun) -> Option<String> {
    verified(run, state.clock.wall)?;
    let at = run.verified.as_of.time.map_or(String::new(), |at| {
        format!(" as of {}", format::when(at, state.clock.wall))
    });
    Some(match run.verified.differences {
        0 => format!("equal{at}"),
        n => format!("{} differ{at}", format::count(n)),
    })
}

/// `12/30`.
fn ranges(p: &Progress) -> Cell {
    if p.chunks_total == 0 {
        return Cell::plain("");
    }
    Cell::plain(format!("{}/{}", p.chunks_done, p.chunks_total))
}

/// What there is to say about the selected table, or about the job; then what to do about it.
fn words(state: &State, detail: &Detail) -> [Line; 2] {
    let error = detail
        .selected_table()
        .and_then(|run| run.error.as_ref())
        .or(detail.job.error.as_ref());
    if let Some(error) = error {
        let hint = error.hint.as_ref().map_or_else(Line::empty, |hint| {
            Line::of("  to do: ", Tone::Dim).and(hint, Tone::Accent)
        });
        return [Line::of(format!("! {}", error.message), Tone::Bad), hint];
    }
    let Some(run) = detail.selected_table() else {
        return [Line::empty(), Line::empty()];
    };
    let said = verified(run, state.clock.wall).map_or(String::new(), |v| format!(": {v}"));
    let ways: Vec<&str> = [&run.strategy, &run.full_strategy, &run.writer]
        .into_iter()
        .filter_map(|way| way.as_deref())
        .collect();
    let ways = if ways.is_empty() {
        String::new()
    } else {
        format!(" ({})", ways.join(", ").replace('_', " "))
    };
    let spent = job_result::shares(&run.timing);
    let spent = if spent.is_empty() {
        Line::empty()
    } else {
        Line::of(format!("{}: {spent}", run.target_table), Tone::Dim)
    };
    [
        Line::of(format!("{}{ways}{said}", run.target_table), Tone::Dim),
        spent,
    ]
}
