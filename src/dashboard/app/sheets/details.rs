//! Everything about one connection, config or table.

use chrono::{DateTime, Utc};

use crate::dashboard::app::configs::words;
use crate::dashboard::app::format;
use crate::dashboard::app::overlay::Sheet;
use crate::dashboard::app::sheets::{field, marked};
use crate::dashboard::app::text::{Line, Tone};
use crate::model::config::Config;
use crate::model::connection::{Connection, ConnectionSpec, HealthState, SslMode};
use crate::model::error::ErrorInfo;
use crate::model::job::Job;
use crate::model::rule::{ColumnSelect, TableRule, TableSelect};
use crate::model::table_run::{TableRun, VerifiedScope};

/// Where a connection goes: `host:port` or the socket.
#[must_use]
pub fn address(spec: &ConnectionSpec) -> String {
    match &spec.socket {
        Some(socket) => socket.clone(),
        None => format!("{}:{}", spec.host, spec.port),
    }
}

/// One connection.
#[must_use]
pub fn connection(connection: &Connection, now: DateTime<Utc>) -> Sheet {
    let spec = &connection.spec;
    let tls = match spec.ssl.mode {
        SslMode::Disabled => "off",
        SslMode::Required => "required, certificate not checked",
        SslMode::VerifyCa => "certificate of a trusted authority",
        SslMode::VerifyIdentity => "certificate of a trusted authority, for this host",
    };
    let mut lines = vec![
        field("Address", address(spec)),
        field("Account", &spec.username),
        field(
            "Password",
            if connection.has_password {
                "stored, sealed"
            } else {
                "none"
            },
        ),
        field("Copies", &spec.database),
        field("into local", spec.target_database()),
        field("TLS", tls),
        field(
            "Sessions",
            format!("at most {} of this instance", spec.max_connections),
        ),
        field("Throttle", spec.throttle.shown()),
        field("Timeout", format::duration(spec.connect_timeout)),
        Line::empty(),
    ];
    let health = &connection.health;
    let when = health
        .checked_at
        .map_or(String::new(), |at| format!(", {}", format::ago(at, now)));
    match health.state {
        HealthState::Ok => {
            let server = health.server.as_deref().unwrap_or("reached");
            let latency = health.latency_ms.map_or(String::new(), |ms| {
                format!(", {} ms", format::milliseconds(ms))
            });
            lines.push(marked(true, format!("{server}{latency}{when}")));
        }
        HealthState::Failed => {
            let error = health.error.as_deref().unwrap_or("failed");
            lines.push(marked(false, format!("{error}{when}")));
        }
        HealthState::Unknown => lines.push(Line::of("not checked yet; t tests it", Tone::Dim)),
    }
    Sheet::text(format!("Connection {}", spec.name), lines)
}

/// One config.
#[must_use]
pub fn config(config: &Config, now: DateTime<Utc>) -> Sheet {
    let spec = &config.spec;
    let options = &spec.options;
    let mode = spec.sync_mode.as_str();
    let mut lines = vec![
        field("Connection", &spec.connection),
        field("Mode", mode),
        field("Enabled", if spec.enabled { "yes" } else { "no" }),
        field("Workers", options.max_concurrency.to_string()),
        field("Consistency", options.consistency.as_str()),
        field(
            "Compression",
            if options.enable_compression {
                "on"
            } else {
                "off"
            },
        ),
        field("Full strategy", options.table.full_strategy.as_str()),
        field(
            "Delete limit",
            format!("{} % of a target", options.table.max_delete_percent),
        ),
    ];
    lines.push(field(
        "Schedule",
        spec.schedule
            .as_ref()
            .map_or_else(|| "none: started by hand".to_owned(), ToString::to_string),
    ));
    if !spec.labels.is_empty() {
        lines.push(field(
            "Runs only on",
            format!("instances with {}", spec.labels.join(", ")),
        ));
    }
    if !config.next_runs.is_empty() {
        let zone = config.zone.unwrap_or_default();
        lines.push(field("Next runs", words::runs(&config.next_runs, zone)));
    }
    if let Some(last) = &config.last_job {
        let when = last
            .finished_at
            .map_or(String::new(), |at| format!(", {}", format::ago(at, now)));
        lines.push(field(
            "Last job",
            format!("{}{when}", last.state.as_str().replace('_', " ")),
        ));
    }
    lines.push(Line::empty());
    lines.push(Line::of("Tables, first rule that fits wins", Tone::Strong));
    lines.extend(spec.tables.iter().map(rule));
    if !spec.exclude.is_empty() {
        lines.push(field("  never", spec.exclude.join(", ")));
    }
    Sheet::text(format!("Config {}", spec.name), lines)
}

fn rule(rule: &TableRule) -> Line {
    let mut text = match &rule.select {
        TableSelect::Source(name) => name.clone(),
        TableSelect::Match(pattern) => format!("match {pattern}"),
    };
    if let Some(target) = &rule.target_table {
        text.push_str(&format!(" → {target}"));
    }
    if let Some(condition) = &rule.where_clause {
        text.push_str(&format!("   where {condition}"));
    }
    match &rule.columns {
        ColumnSelect::All => {}
        ColumnSelect::Only(columns) => text.push_str(&format!("   only {}", columns.join(", "))),
        ColumnSelect::Except(columns) => {
            text.push_str(&format!("   without {}", columns.join(", ")));
        }
    }
    if !rule.is_enabled() {
        text.push_str("   (off)");
    }
    Line::plain(format!("  {text}")).hanging(6)
}

/// One table of a job.
#[must_use]
pub fn table(job: &Job, run: &TableRun, now: DateTime<Utc>) -> Sheet {
    let mut lines = vec![
        field("Source", &run.source_table),
        field("Target", &run.target_table),
        field("State", run.state.as_str()),
        field("Phase", run.phase.as_str().replace('_', " ")),
    ];
    let ways: Vec<&str> = [&run.strategy, &run.full_strategy, &run.writer]
        .into_iter()
        .filter_map(|way| way.as_deref())
        .collect();
    if !ways.is_empty() {
        lines.push(field("Way", ways.join(", ").replace('_', " ")));
    }
    let p = &run.progress;
    lines.push(field(
        "Rows",
        format!(
            "{} of about {}; {} of {} ranges",
            format::count(p.rows_done),
            format::about(p.rows_total),
            format::count(p.chunks_done),
            format::count(p.chunks_total)
        ),
    ));
    let c = &run.counts;
    lines.push(field(
        "Written",
        format!(
            "{} inserted, {} updated, {} deleted, {} kept; {} retries, {} warnings",
            format::count(c.inserted),
            format::count(c.updated),
            format::count(c.deleted),
            format::count(c.kept),
            c.retries,
            c.warnings
        ),
    ));
    lines.push(field("Time waited", waits(run)));
    if let Some(text) = verified(run, now) {
        lines.push(field("Compared", text));
    }
    if let Some(reason) = &p.throttled {
        lines.push(field("Throttled", reason));
    }
    if let Some(error) = &run.error {
        lines.push(Line::empty());
        lines.extend(error_lines(error));
    }
    Sheet::text(format!("{} · {}", job.config, run.target_table), lines)
}

/// What failed, why, what to do.
fn error_lines(error: &ErrorInfo) -> Vec<Line> {
    let mut lines = vec![marked(false, error.to_string())];
    if let Some(hint) = &error.hint {
        lines.push(field("To do", hint));
    }
    lines.push(field(
        "Safe",
        "the local table keeps its rows as they were before this run's last swap or batch",
    ));
    lines
}

fn waits(run: &TableRun) -> String {
    let t = &run.timing;
    [
        ("source", t.source),
        ("target", t.target),
        ("this program", t.client),
        ("locks", t.lock),
        ("throttle", t.throttle),
        ("definitions", t.ddl),
    ]
    .into_iter()
    .filter(|(_, seconds)| *seconds >= 0.05)
    .map(|(what, seconds)| format!("{what} {}", format::age(seconds)))
    .collect::<Vec<_>>()
    .join(", ")
}

/// Up to when a table is known to equal its source.
#[must_use]
pub fn verified(run: &TableRun, now: DateTime<Utc>) -> Option<String> {
    let v = &run.verified;
    let scope = match v.scope {
        VerifiedScope::Table => "whole table",
        VerifiedScope::Run => "what the watermark passed",
        VerifiedScope::None => return None,
    };
    let at = v.as_of.time.map_or(String::new(), |at| {
        format!(" as of {}", format::when(at, now))
    });
    Some(if v.differences == 0 {
        format!("{scope} equal{at}, {} rows", format::count(v.rows))
    } else {
        format!(
            "{scope}{at}: {} of {} rows differ",
            format::count(v.differences),
            format::count(v.rows)
        )
    })
}
