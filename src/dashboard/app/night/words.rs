//! The words of the page after a bad night: outcome, reason, remedy, what is safe.

use std::collections::HashSet;

use chrono::{DateTime, Utc};

use crate::dashboard::app::format::{self, count, plural};
use crate::dashboard::app::text::{Line, Tone, clean, fit};
use crate::model::error::{ErrorInfo, shown_key};
use crate::model::night::{BadNight, FailedJob};
use crate::model::table_run::{Phase, TableRun, TableState};

/// Tables of one job that are told in full.
const TOLD: usize = 20;
/// Columns of the names beside the text.
const NAME: usize = 16;

/// Whether a table failed.
#[must_use]
pub fn failed(run: &TableRun) -> bool {
    run.state == TableState::Failed
}

/// `Since yesterday 18:02`.
#[must_use]
pub fn since(night: &BadNight, now: DateTime<Utc>) -> String {
    let since = night.since;
    if !night.visited {
        let hours = (now - since).num_hours();
        return match hours {
            ..=24 => "Failed in the last 24 hours".to_owned(),
            _ => format!("Failed in the last {} days", (hours + 12) / 24),
        };
    }
    let hour = since.format("%H:%M");
    match (now.date_naive() - since.date_naive()).num_days() {
        0 => format!("Failed since {hour}"),
        1 => format!("Failed since yesterday {hour}"),
        _ => format!("Failed since {}", since.format("%Y-%m-%d %H:%M")),
    }
}

/// One job in the list.
#[must_use]
pub fn job_row(line: Line, failed: &FailedJob, tried: bool, now: DateTime<Utc>) -> Line {
    let job = &failed.job;
    let ended = job.finished_at.unwrap_or(job.created_at);
    let line = line
        .and("! ", Tone::Bad)
        .and(&job.config, Tone::Strong)
        .and(format!("  {}  ", format::moment(ended, now)), Tone::Dim);
    if tried {
        return line.and("is tried again", Tone::Good);
    }
    line.and(outcome(failed, now), Tone::Plain)
}

/// One table in the list.
#[must_use]
pub fn table_row(line: Line, run: &TableRun) -> Line {
    let why = run.error.as_ref().map_or("", |error| error.code.as_str());
    line.and("    ", Tone::Plain)
        .and(&run.target_table, Tone::Plain)
        .and(format!("  {}", why.replace('_', " ")), Tone::Dim)
}

/// `1 of 7 tables failed; 6 are equal as of 01:30:04`.
fn outcome(failed: &FailedJob, now: DateTime<Utc>) -> String {
    let job = &failed.job;
    if job.tables_failed == 0 {
        return match job.error.as_ref() {
            Some(error) => format!("failed: {}", error.code.as_str().replace('_', " ")),
            None => "failed".to_owned(),
        };
    }
    let total = plural(job.tables_total as usize, "table", "tables");
    let mut text = format!("{} of {total} failed", job.tables_failed);
    match (job.tables_completed, job.as_of()) {
        (0, _) => {}
        (1, Some(at)) => {
            text.push_str(&format!("; 1 is equal as of {}", format::when(at, now)));
        }
        (n, Some(at)) => {
            text.push_str(&format!("; {n} are equal as of {}", format::when(at, now)));
        }
        (n, None) => text.push_str(&format!("; {n} done")),
    }
    text
}

/// Everything about one job.
#[must_use]
pub fn of_job(failed: &FailedJob, now: DateTime<Utc>) -> Vec<Line> {
    let mut lines = Vec::new();
    let bad = failed.failed().count();
    for run in failed.failed().take(TOLD) {
        lines.extend(of_table(failed, run, now));
        lines.push(Line::empty());
    }
    if bad > TOLD {
        let more = plural(bad - TOLD, "table more", "tables more");
        lines.push(Line::of(
            format!("and {more}, in the list above"),
            Tone::Dim,
        ));
    }
    // A job that fails by its only table has the table's error.
    let known = |error: &&ErrorInfo| {
        let of_table = |run: &TableRun| {
            let own = run.error.as_ref();
            own.is_some_and(|own| own.message == error.message)
        };
        !failed.failed().any(of_table)
    };
    if let Some(error) = failed.job.error.as_ref().filter(known) {
        lines.extend(told("the job", error));
        if bad == 0 {
            let kept = "the local tables stay as they were · nothing was deleted";
            lines.push(named("Safe", Tone::Dim).and(kept, Tone::Good).hanging(NAME));
        }
    }
    while lines.last().is_some_and(|line| line.width() == 0) {
        lines.pop();
    }
    lines
}

/// Everything about one table.
#[must_use]
pub fn of_table(failed: &FailedJob, run: &TableRun, now: DateTime<Utc>) -> Vec<Line> {
    let unknown = ErrorInfo::new(crate::model::error::ErrorCode::Internal, "it failed");
    let mut lines = told(&run.target_table, run.error.as_ref().unwrap_or(&unknown));
    let kept = safe(run, failed.standing_of(&run.target_table), now);
    lines.push(named("Safe", Tone::Dim).and(kept, Tone::Good).hanging(NAME));
    lines
}

fn named(name: &str, tone: Tone) -> Line {
    let short = fit(&clean(name), NAME - 2, '~');
    let used = unicode_width::UnicodeWidthStr::width(short.as_str());
    Line::of(short, tone).and(" ".repeat(NAME.saturating_sub(used)), Tone::Plain)
}

/// What failed and why, then what to do about it.
fn told(what: &str, error: &ErrorInfo) -> Vec<Line> {
    let mut why = error.message.clone();
    if let Some(key) = &error.key {
        why.push_str(&format!(" (row {})", shown_key(key)));
    }
    if let Some(column) = &error.column {
        why.push_str(&format!(" (column {column})"));
    }
    let mut lines = vec![named(what, Tone::Bad).and(why, Tone::Plain).hanging(NAME)];
    let todo = match &error.hint {
        Some(hint) => hint.as_str(),
        None if error.transient => "nothing of yours: it may pass; try again",
        None => return lines,
    };
    lines.push(
        named("To do", Tone::Dim)
            .and(todo, Tone::Accent)
            .hanging(NAME),
    );
    lines
}

/// What the failed run left as it was, as far as it is known.
#[must_use]
pub fn safe(run: &TableRun, standing: Option<DateTime<Utc>>, now: DateTime<Utc>) -> String {
    let swaps = run.full_strategy.as_deref() == Some("swap");
    if swaps && matches!(run.phase, Phase::Swap | Phase::Done) {
        return "the local table is whole: it was replaced in one step, or not at all".to_owned();
    }
    let c = &run.counts;
    let written = c.inserted + c.updated;
    // What a swap has loaded so far lies beside the table, not in it; differences are written in
    // one transaction.
    let beside = swaps && run.phase != Phase::Reconcile;
    if beside || (written == 0 && c.deleted == 0) {
        let state = standing.map_or("stays as it was".to_owned(), |at| {
            format!("keeps the state of {}", format::when(at, now))
        });
        return format!("the local table {state} · nothing was deleted");
    }
    let deleted = match c.deleted {
        0 => "nothing was deleted".to_owned(),
        n => format!("{} deleted", count(n)),
    };
    let rows = match written {
        1 => "1 row".to_owned(),
        n => format!("{} rows", count(n)),
    };
    format!(
        "every batch is whole: {rows} written and {deleted} before it failed, the rest stays as it was"
    )
}

/// What is copied: the statements of the remedies, each once; where there are none, the remedies.
pub fn remedies<'a>(errors: impl Iterator<Item = &'a ErrorInfo>) -> Vec<String> {
    let mut seen = HashSet::new();
    let hints = errors.filter_map(|error| error.hint.as_deref());
    let hints: Vec<&str> = hints.filter(|hint| seen.insert(*hint)).collect();
    let statements: Vec<String> = hints.iter().filter_map(|hint| statement(hint)).collect();
    if statements.is_empty() {
        return hints.into_iter().map(clean).collect();
    }
    statements
}

/// The statement or command in a remedy, if there is one that can be run as it is.
fn statement(hint: &str) -> Option<String> {
    if let Some((_, rest)) = hint.split_once("`db-taxi ") {
        return Some(format!("db-taxi {}", clean(rest.split_once('`')?.0)));
    }
    let from = ["GRANT ", "SET GLOBAL "]
        .iter()
        .find_map(|verb| hint.find(verb))?;
    let text = &hint[from..];
    let ends = |c: char| c == ';' || (c == ',' && text.starts_with("SET"));
    let mut quote = None;
    let end = text.char_indices().find_map(|(at, c)| {
        match quote {
            Some(open) if c == open => quote = None,
            Some(_) => {}
            None if matches!(c, '`' | '\'') => quote = Some(c),
            None if ends(c) => return Some(at),
            None => {}
        }
        None
    });
    let text = text[..end.unwrap_or(text.len())].trim();
    // Advice in words: the account or the database is to be put in by hand.
    let vague = ["to the account", " ON DATABASE."];
    let whole = !vague.iter().any(|words| text.contains(words));
    whole.then(|| format!("{};", clean(text)))
}

#[cfg(test)]
mod tests;
