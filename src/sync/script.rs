//! Repair as statements: what would be run, written down instead.
//!
//! The text runs in the servers' own client: every value is a literal in hex or a plain number, and
//! the session that reads it is told the rules that ours follow. Between its comparison and its run
//! nothing may write the rows it names.

use std::fmt::Write as _;
use std::io::Write;
use std::sync::Arc;

use super::apply::Arranged;
use super::compare::comparer;
use super::error::SyncError;
use super::meter::TableObserver;
use super::repair::{as_seen, may_repair};
use super::shared::TableShared;
use super::verify;
use crate::model::error::ErrorCode;
use crate::model::event::Side;
use crate::model::log::{Difference, DifferenceKind, Level};
use crate::model::table_run::{Phase, Verified};
use crate::mysql::SessionKind;
use crate::mysql::WRITE_SQL_MODE;

/// The statements that open a script.
#[must_use]
pub fn head(config: &str) -> String {
    format!(
        "-- Repair of {} by db-taxi: run it with the mysql client while nothing else writes these rows.\n\
         SET NAMES utf8mb4;\n\
         SET SESSION time_zone = '+00:00', sql_mode = '{WRITE_SQL_MODE}', foreign_key_checks = 1, unique_checks = 1;\n\
         START TRANSACTION;\n",
        commented(config)
    )
}

/// The statement that closes it.
pub const TAIL: &str = "COMMIT;\n";

fn commented(text: &str) -> String {
    text.replace(char::is_control, " ")
}

/// Hears what a comparison does, and tells nobody: there is no job to tell of.
pub struct Unheard;

impl TableObserver for Unheard {
    fn phase(&self, _phase: Phase) {}
    fn strategy(&self, _full_strategy: &str, _writer: &str) {}
    fn log(&self, _level: Level, message: &str) {
        tracing::debug!(target: "db_taxi::sync", message);
    }
    fn warning(&self, _code: &str, message: &str, _hint: Option<&str>) {
        tracing::warn!(target: "db_taxi::sync", message);
    }
    fn throttled(&self, _side: Side, _reason: &str) {}
    fn unthrottled(&self, _side: Side, _reason: &str) {}
    fn differences(&self, _missing: u64, _extra: u64, _changed: u64, _sample: Vec<Difference>) {}
}

/// Compares one table and writes the statements that repair it. Those that delete rows of a table
/// that others are bound to are returned: they come after the other tables' own.
///
/// # Errors
/// Why it could not be compared, must not be repaired, or the text could not be written.
pub async fn write(
    table: &Arc<TableShared>,
    out: &mut (dyn Write + Send),
) -> Result<(Verified, String), SyncError> {
    let compared = verify::compare(table).await?;
    let mut later = String::new();
    if compared.verified.differences == 0 {
        return Ok((compared.verified, later));
    }
    may_repair(table, &compared).await?;
    let name = table.plan.target.table.raw();
    let bound = table.job.order.is_bound(name) || !table.plan.inbound.is_empty();
    let comparer = comparer(table, &table.plan.target);
    let _permit = table.job.permit().await?;
    let mut reader = table.snapshots.reader().await?;
    let mut session = table.session(SessionKind::Apply).await?;
    let stable = &compared.stable;
    let rows = as_seen(table, &comparer, &mut reader, &mut session, stable).await?;
    let count = |kind| rows.iter().filter(|d| d.kind == kind).count();
    let counted = [
        count(DifferenceKind::Missing),
        count(DifferenceKind::Changed),
        count(DifferenceKind::Extra),
    ];
    let rows = rows.into_owned();
    let arranged = Arranged::of(table, &comparer, &mut reader, &mut session, rows).await?;
    let mut text = String::new();
    let _infallible = writeln!(
        text,
        "\n-- {}: {} missing, {} changed, {} extra rows, as of {}",
        commented(&table.plan.target.shown()),
        counted[0],
        counted[1],
        counted[2],
        compared
            .verified
            .as_of
            .time
            .map_or_else(String::new, |time| time.to_rfc3339())
    );
    emit(out, &text)?;
    let mut lines = |text: &str| emit(out, text);
    arranged
        .script(
            &comparer,
            &mut reader,
            &session,
            &mut lines,
            bound,
            &mut later,
        )
        .await?;
    Ok((compared.verified, later))
}

/// Writes a piece of the script.
///
/// # Errors
/// When it can't be written.
pub fn emit(out: &mut (dyn Write + Send), text: &str) -> Result<(), SyncError> {
    out.write_all(text.as_bytes()).map_err(|error| {
        SyncError::stop(
            ErrorCode::Internal,
            format!("the statements can't be written: {error}"),
        )
    })
}
