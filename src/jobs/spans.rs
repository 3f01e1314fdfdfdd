//! What is traced of jobs and their tables. Names of configs, connections and tables, counts and
//! states; never a row, a statement or a message, which may hold one.

use tracing::Span;
use tracing::field::Empty;

use super::cell::Cell;
use super::shared::Shared;
use crate::model::command::LEASE_LOST;
use crate::model::error::ErrorInfo;
use crate::model::job::Job;
use crate::sync::SPANS;

/// The span of one run of a job in this process.
#[must_use]
pub fn of_job(job: &Job) -> Span {
    tracing::info_span!(
        target: SPANS,
        parent: None,
        "job",
        "dbtaxi.job.id" = %job.id,
        "dbtaxi.job.kind" = job.kind.as_str(),
        "dbtaxi.job.trigger" = job.trigger.as_str(),
        "dbtaxi.job.state" = Empty,
        "dbtaxi.config" = job.config,
        "dbtaxi.connection" = job.connection,
        "dbtaxi.rows" = Empty,
        "error.type" = Empty,
        "otel.status_code" = Empty,
    )
}

/// A run of a job is over; `None`: it was lost.
pub fn end_job(span: &Span, ended: Option<&Job>) {
    let Some(job) = ended else {
        span.record("dbtaxi.job.state", "lost");
        return failed(span, LEASE_LOST);
    };
    span.record("dbtaxi.job.state", job.state.as_str());
    span.record("dbtaxi.rows", job.progress.rows_done);
    if let Some(error) = &job.error {
        failed(span, error.code.as_str());
    }
}

/// The span of the work on one table.
#[must_use]
pub fn of_table(shared: &Shared, cell: &Cell) -> Span {
    let task = &cell.task;
    tracing::info_span!(
        target: SPANS,
        parent: shared.span.id(),
        "table",
        "dbtaxi.config" = shared.config.spec.name,
        "dbtaxi.table.source" = task.source_table,
        "dbtaxi.table.target" = task.target_table,
        "dbtaxi.attempts" = Empty,
        "dbtaxi.rows" = Empty,
        "dbtaxi.bytes" = Empty,
        "error.type" = Empty,
        "otel.status_code" = Empty,
    )
}

/// The work on a table is over; with the error that ended it, if one did.
pub fn end_table(span: &Span, cell: &Cell, error: Option<&ErrorInfo>) {
    if span.is_disabled() {
        return;
    }
    let run = cell.snapshot();
    span.record("dbtaxi.attempts", run.attempt);
    span.record("dbtaxi.rows", run.progress.rows_done);
    span.record("dbtaxi.bytes", run.progress.bytes_done);
    if let Some(error) = error {
        failed(span, error.code.as_str());
    }
}

fn failed(span: &Span, code: &str) {
    span.record("error.type", code);
    span.record("otel.status_code", "ERROR");
}
