//! A job that has ended: what each table equals and as of when, what was written, where the time
//! went.

use crate::dashboard::app::detail::Detail;
use crate::dashboard::app::format::{self, count, plural};
use crate::dashboard::app::state::State;
use crate::dashboard::app::text::{Line, Tone};
use crate::dashboard::ui::widgets::table::{Cell, Column};
use crate::dashboard::ui::{fresh, marks};
use crate::model::job::{Job, JobKind, JobState};
use crate::model::table_run::{TableRun, TableState, Timing, VerifiedScope};

/// Columns of the tables of a job that has ended.
pub const COLUMNS: [Column; 9] = [
    Column::words("TABLE", 11, 9).growing(),
    Column::words("RESULT", 11, 8),
    Column::words("COMPARED", 20, 7).growing(),
    Column::numbers("ROWS", 9, 3),
    Column::numbers("INSERTED", 9, 6),
    Column::numbers("UPDATED", 7, 5),
    Column::numbers("DELETED", 7, 4),
    Column::numbers("KEPT", 6, 1),
    Column::numbers("TOOK", 7, 2),
];

/// One table.
pub fn row(state: &State, run: &TableRun) -> Vec<Cell> {
    let mark = marks::table(run, false);
    let name = if run.source_table == run.target_table {
        run.source_table.clone()
    } else {
        format!("{} → {}", run.source_table, run.target_table)
    };
    let c = &run.counts;
    let number = |n: u64| match n {
        0 => Cell::of("-", Tone::Dim),
        n => Cell::plain(count(n)),
    };
    let took = run
        .started_at
        .zip(run.finished_at)
        .map_or(String::new(), |(from, to)| {
            format::span((to - from).num_milliseconds() as f64 / 1000.0)
        });
    vec![
        Cell::plain(name),
        Cell::of(mark.text(), mark.tone),
        compared(state, run),
        number(run.progress.rows_done.max(run.verified.rows)),
        number(c.inserted),
        number(c.updated),
        number(c.deleted),
        number(c.kept),
        Cell::of(took, Tone::Dim),
    ]
}

/// `equal as of 02:11:41`, `12 differ`, or the kind of the error.
fn compared(state: &State, run: &TableRun) -> Cell {
    if run.state == TableState::Failed {
        let code = run.error.as_ref().map_or("", |e| e.code.as_str());
        return Cell::of(code.replace('_', " "), Tone::Bad);
    }
    let v = &run.verified;
    let at = v.as_of.time.map_or(String::new(), |at| {
        format!(" as of {}", format::when(at, state.clock.wall))
    });
    match (v.scope, v.differences) {
        (VerifiedScope::None, _) => Cell::of("not compared", Tone::Dim),
        (VerifiedScope::Table, 0) => Cell::of(format!("equal{at}"), Tone::Good),
        (VerifiedScope::Run, 0) => Cell::of(format!("written equal{at}"), Tone::Good),
        (_, n) => Cell::of(format!("{} differ{at}", count(n)), Tone::Bad),
    }
}

/// What came of it, what was written, where the time went.
pub fn summary(state: &State, detail: &Detail) -> [Line; 3] {
    let job = &detail.job;
    [outcome(state, job), written(job), times(job)]
}

/// How much of it is equal as of when: its state stands in the title.
fn outcome(state: &State, job: &Job) -> Line {
    let mut line = Line::empty();
    let differing: u64 = job.tables.iter().map(|run| run.verified.differences).sum();
    if differing > 0 {
        line = line.and(format!("! {} rows differ ", count(differing)), Tone::Bad);
    }
    if let Some(at) = job.as_of() {
        let known = fresh::current(state, job);
        let equal = if differing == 0 { "equal " } else { "" };
        let tone = known.map_or(Tone::Plain, |known| fresh::tone(known.verdict));
        line = line.and(
            format!("{equal}{}", format::as_of(at, state.clock.wall)),
            tone,
        );
        let said = known.map_or("", |known| fresh::words(known.verdict));
        if !said.is_empty() && tone == Tone::Warn {
            line = line.and(format!(", {said}"), tone);
        }
        line = line.and(" · ", Tone::Dim);
    }
    line = line.and(
        format!(
            "{} of {} done",
            job.tables_completed,
            plural(job.tables_total as usize, "table", "tables")
        ),
        Tone::Plain,
    );
    if job.tables_failed > 0 {
        line = line.and(format!(", {} failed", job.tables_failed), Tone::Bad);
    }
    line
}

fn written(job: &Job) -> Line {
    let c = &job.counts;
    let text = match job.kind {
        JobKind::Verify => {
            let rows: u64 = job.tables.iter().map(|run| run.verified.rows).sum();
            format!("nothing; {} rows were compared", count(rows))
        }
        JobKind::Undo => format!(
            "{} rows put back, {} kept in quarantine",
            count(c.inserted),
            count(c.kept)
        ),
        JobKind::Sync | JobKind::Repair => {
            let mut text = format!(
                "{} inserted, {} updated, {} deleted",
                count(c.inserted),
                count(c.updated),
                count(c.deleted)
            );
            for (n, word) in [
                (c.kept, "kept"),
                (c.missed_by_watermark, "missed by watermark"),
            ] {
                if n > 0 {
                    text.push_str(&format!(", {} {word}", count(n)));
                }
            }
            text
        }
    };
    let mut line = Line::of("written ", Tone::Dim).and(text, Tone::Plain);
    if c.retries > 0 {
        let retries = plural(c.retries as usize, "retry", "retries");
        line = line.and(format!(" · {retries}"), Tone::Plain);
    }
    if c.warnings > 0 {
        let warnings = plural(c.warnings as usize, "warning", "warnings");
        line = line
            .and(format!(" · ! {warnings}"), Tone::Warn)
            .and(" in the log", Tone::Dim);
    }
    if job.state == JobState::Cancelled {
        line = line.and(" · the next run goes on from its checkpoint", Tone::Dim);
    }
    line
}

fn times(job: &Job) -> Line {
    let mut all = Timing::default();
    for t in job.tables.iter().map(|run| &run.timing) {
        all.source += t.source;
        all.target += t.target;
        all.client += t.client;
        all.lock += t.lock;
        all.throttle += t.throttle;
        all.ddl += t.ddl;
    }
    let text = shares(&all);
    if text.is_empty() {
        return Line::empty();
    }
    Line::of("worker time ", Tone::Dim).and(text, Tone::Plain)
}

/// `target 62 %, source 20 %`, most first; what took under 2 % is left out.
pub fn shares(t: &Timing) -> String {
    let mut sides = [
        ("target writes", t.target),
        ("source reads", t.source),
        ("this program", t.client),
        ("locks", t.lock),
        ("throttle", t.throttle),
        ("keys and swaps", t.ddl),
    ];
    let sum: f64 = sides.iter().map(|(_, seconds)| seconds).sum();
    if sum < 0.05 {
        return String::new();
    }
    sides.sort_by(|a, b| b.1.total_cmp(&a.1));
    let parts: Vec<String> = sides
        .iter()
        .filter(|(_, seconds)| seconds / sum >= 0.02)
        .map(|(side, seconds)| format!("{side} {:.0} %", seconds / sum * 100.0))
        .collect();
    format!("{} of {}", parts.join(", "), format::age(sum))
}
