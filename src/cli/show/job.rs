//! Jobs as text: the list, one job with its tables, the summary of a run, lines of a log.

use chrono::{DateTime, Utc};

use crate::cli::exit::Exit;
use crate::cli::failure::is_unreachable;
use crate::cli::output::number::{bytes, count, plural, seconds, time};
use crate::cli::output::table::{Table, fields};
use crate::model::error::{ErrorCode, ErrorInfo};
use crate::model::incremental::WATERMARK_PROMISE;
use crate::model::job::{Job, JobKind, JobState};
use crate::model::log::LogEntry;
use crate::model::table_run::{TableRun, TableState, Verified, VerifiedScope};

/// Jobs, one a line.
#[must_use]
pub fn list(jobs: &[Job]) -> String {
    let mut table = Table::new(&[
        "ID", "CONFIG", "KIND", "STATE", ">TABLES", ">ROWS", "CREATED", ">TIME", "INSTANCE",
    ]);
    for job in jobs {
        table.row([
            job.id.to_string(),
            job.config.clone(),
            job.kind.as_str().to_owned(),
            state(job),
            format!("{}/{}", job.tables_completed, job.tables_total),
            count(job.progress.rows_done),
            time(Some(job.created_at)),
            took(job).map_or_else(String::new, seconds),
            job.instance.clone().unwrap_or_default(),
        ]);
    }
    table.render()
}

/// One job with its tables.
#[must_use]
pub fn one(job: &Job) -> String {
    let progress = &job.progress;
    let mut flags = Vec::new();
    if job.full {
        flags.push("full");
    }
    if job.fresh {
        flags.push("fresh");
    }
    let mut out = fields(&[
        ("id", job.id.to_string()),
        ("config", job.config.clone()),
        ("connection", job.connection.clone()),
        ("kind", job.kind.as_str().to_owned()),
        ("state", state(job)),
        ("flags", flags.join(", ")),
        (
            "asked for by",
            format!("{} ({})", job.requested_by, job.trigger.as_str()),
        ),
        ("instance", job.instance.clone().unwrap_or_default()),
        ("created", time(Some(job.created_at))),
        ("started", time(job.started_at)),
        ("finished", time(job.finished_at)),
        ("took", took(job).map_or_else(String::new, seconds)),
        (
            "progress",
            format!(
                "{:.1}%, {} of about {}, {}",
                progress.percent,
                count(progress.rows_done),
                plural(progress.rows_total, "row"),
                bytes(progress.bytes_done)
            ),
        ),
        (
            "limited by",
            progress.bottleneck.clone().unwrap_or_default(),
        ),
        ("error", job.error.as_ref().map(error).unwrap_or_default()),
    ]);
    let tables = tables(&job.tables);
    if !tables.is_empty() {
        out.push('\n');
        out.push_str(&tables);
    }
    let times = times(&job.tables);
    if !times.is_empty() {
        out.push('\n');
        out.push_str(&times);
    }
    for run in &job.tables {
        if let Some(why) = &run.error {
            out.push_str(&format!("\n{}\n", error(why)));
        }
    }
    out
}

/// The tables of a job, one a line.
#[must_use]
pub fn tables(runs: &[TableRun]) -> String {
    let mut table = Table::new(&[
        "TABLE",
        "STATE",
        "PHASE",
        ">ROWS",
        ">INSERTED",
        ">UPDATED",
        ">DELETED",
        ">TIME",
        "VERIFIED",
    ]);
    for run in runs {
        table.row([
            run.target_table.clone(),
            run.state.as_str().to_owned(),
            run.phase.as_str().to_owned(),
            count(run.progress.rows_done),
            count(run.counts.inserted),
            count(run.counts.updated),
            count(run.counts.deleted),
            between(run.started_at, run.finished_at).map_or_else(String::new, seconds),
            verified(&run.verified),
        ]);
    }
    table.render()
}

/// Where the workers' time went, by table, in seconds; nothing where none was spent.
fn times(runs: &[TableRun]) -> String {
    let mut table = Table::new(&[
        "WORKER TIME",
        ">SOURCE",
        ">TARGET",
        ">CLIENT",
        ">LOCK",
        ">THROTTLE",
        ">DDL",
        "LIMITED BY",
    ]);
    for run in runs {
        let timing = &run.timing;
        let sides = [
            timing.source,
            timing.target,
            timing.client,
            timing.lock,
            timing.throttle,
            timing.ddl,
        ];
        if sides.iter().all(|spent| *spent < 0.001) {
            continue;
        }
        let mut cells = vec![run.target_table.clone()];
        cells.extend(sides.map(|spent| format!("{spent:.1}")));
        cells.push(run.progress.bottleneck.clone().unwrap_or_default());
        table.row(cells);
    }
    if table.is_empty() {
        return String::new();
    }
    table.render()
}

/// The last line of a run: what became of the job.
#[must_use]
pub fn summary(job: &Job) -> String {
    let state = match job.state {
        JobState::Pending => "stopped".to_owned(),
        _ => state(job),
    };
    let mut line = format!("{}: {state}", job.config);
    if let Some(time) = took(job) {
        let after = if job.state == JobState::Completed {
            "in"
        } else {
            "after"
        };
        line.push_str(&format!(" {after} {}", seconds(time)));
    }
    line.push_str(&format!(
        "; {} of {}",
        job.tables_completed,
        plural(u64::from(job.tables_total), "table")
    ));
    if job.tables_failed > 0 {
        line.push_str(&format!(", {} failed", job.tables_failed));
    }
    match job.kind {
        JobKind::Undo => line.push_str(&format!(
            "; {} put back, {} kept in quarantine",
            plural(job.counts.inserted, "row"),
            count(job.counts.kept)
        )),
        JobKind::Sync | JobKind::Repair => {
            let counts = &job.counts;
            line.push_str(&format!(
                "; {} inserted, {} updated, {} deleted",
                count(counts.inserted),
                count(counts.updated),
                count(counts.deleted)
            ));
            if counts.kept > 0 {
                line.push_str(&format!(", {} kept", count(counts.kept)));
            }
            if counts.missed_by_watermark > 0 {
                line.push_str(&format!(
                    ", {} missed by watermark",
                    count(counts.missed_by_watermark)
                ));
            }
            if let Some(rate) = rate(job) {
                line.push_str(&format!(", {} rows/s", count(rate)));
            }
        }
        JobKind::Verify => line.push_str(&format!(
            "; {} compared, {}",
            plural(compared(job), "row"),
            plural(differences(job), "difference")
        )),
    }
    match job.state {
        JobState::Cancelled | JobState::Failed | JobState::CompletedWithErrors if goes_on(job) => {
            line.push_str("; the next run goes on where it stopped");
        }
        JobState::Paused => line.push_str("; it goes on when it is resumed"),
        JobState::Pending => line.push_str("; back in the queue"),
        _ => {}
    }
    line
}

/// What a run by watermark can't promise, where a table had one: it was not compared.
#[must_use]
pub fn promise(job: &Job) -> Option<String> {
    let by_watermark = |run: &TableRun| {
        run.strategy.as_deref() == Some("watermark")
            && run.state == TableState::Completed
            && run.verified.scope != VerifiedScope::Table
    };
    let count = job.tables.iter().filter(|run| by_watermark(run)).count() as u64;
    (count > 0).then(|| {
        format!(
            "{}: {} by watermark: {WATERMARK_PROMISE}",
            job.config,
            plural(count, "table")
        )
    })
}

/// Whether something that was begun is kept for the next run: a permanent error drops it.
fn goes_on(job: &Job) -> bool {
    let kept = |run: &TableRun| match run.state {
        TableState::Completed | TableState::Skipped => false,
        TableState::Failed => run
            .error
            .as_ref()
            .is_some_and(|why| why.transient || why.code == ErrorCode::JobTimeout),
        _ => run.started_at.is_some(),
    };
    job.kind == JobKind::Sync && job.tables.iter().any(kept)
}

/// Why a job or one of its tables failed: `error: …` and `hint: …` lines.
#[must_use]
pub fn errors(job: &Job) -> Vec<String> {
    let of_tables = job
        .tables
        .iter()
        .filter(|run| run.state == TableState::Failed)
        .filter_map(|run| {
            let why = run.error.clone()?;
            Some(why.table(run.target_table.clone()))
        });
    // A job that fails by its only table has the table's error.
    let mut all: Vec<ErrorInfo> = Vec::new();
    for why in job.error.iter().cloned().chain(of_tables) {
        if !all.contains(&why) {
            all.push(why);
        }
    }
    all.into_iter()
        .map(|why| format!("error: {}: {}", job.config, error(&why)))
        .collect()
}

/// How a job that ended by itself ends the command that ran it.
#[must_use]
pub fn exit(job: &Job) -> Exit {
    if job.error.as_ref().is_some_and(is_unreachable) {
        return Exit::Unreachable;
    }
    match job.state {
        JobState::Completed if differences(job) == 0 => Exit::Done,
        JobState::Pending | JobState::Running | JobState::Paused => Exit::Refused,
        _ => Exit::Findings,
    }
}

/// One line of a log.
#[must_use]
pub fn log_line(entry: &LogEntry) -> String {
    let mut line = format!(
        "{} {:5} ",
        entry
            .time
            .to_rfc3339_opts(chrono::SecondsFormat::Millis, true),
        entry.level.as_str().to_ascii_uppercase()
    );
    if let Some(table) = &entry.table {
        line.push_str(&format!("{table}: "));
    }
    line.push_str(&entry.message.replace(char::is_control, " "));
    for (name, value) in &entry.fields {
        match value.as_str() {
            Some(text) => {
                line.push_str(&format!(" {name}={}", text.replace(char::is_control, " ")))
            }
            None => line.push_str(&format!(" {name}={value}")),
        }
    }
    line
}

/// What failed, why and where, with the advice on a second line.
fn error(why: &ErrorInfo) -> String {
    match &why.hint {
        Some(hint) => format!("{why}\nhint: {hint}"),
        None => why.to_string(),
    }
}

fn state(job: &Job) -> String {
    job.state.as_str().replace('_', " ")
}

fn differences(job: &Job) -> u64 {
    if job.kind == JobKind::Verify {
        return job.tables.iter().map(|run| run.verified.differences).sum();
    }
    0
}

fn compared(job: &Job) -> u64 {
    job.tables.iter().map(|run| run.verified.rows).sum()
}

fn took(job: &Job) -> Option<f64> {
    between(job.started_at, job.finished_at)
}

/// Time from `from` to `to`, or to this moment.
fn between(from: Option<DateTime<Utc>>, to: Option<DateTime<Utc>>) -> Option<f64> {
    let spent = to.unwrap_or_else(Utc::now) - from?;
    Some(spent.to_std().map_or(0.0, |spent| spent.as_secs_f64()))
}

fn rate(job: &Job) -> Option<u64> {
    let spent = took(job).filter(|spent| *spent >= 0.001)?;
    let rows = job.progress.rows_done;
    (rows > 0).then_some((rows as f64 / spent) as u64)
}

fn verified(verified: &Verified) -> String {
    match verified.scope {
        VerifiedScope::None => String::new(),
        _ if verified.differences > 0 => plural(verified.differences, "difference"),
        VerifiedScope::Table => format!("equal as of {}", time(verified.as_of.time)),
        VerifiedScope::Run => "written ranges equal".to_owned(),
    }
}
