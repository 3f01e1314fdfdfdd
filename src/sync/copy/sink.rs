//! Writes what was read of a range, each transaction with its fence, and believes no count of the
//! server's without checking it.

use std::time::Instant;

use super::locate::column_in;
use super::segment::Segment;
use crate::model::error::{ErrorCode, ErrorInfo};
use crate::mysql::WRITE_SQL_MODE;
use crate::mysql::rows::{AnyWriter, RowWriter, Written, insert_head_sql, tuple_sql};
use crate::mysql::session::Warning;
use crate::mysql::{Session, SessionKind, TableRef};
use crate::store::ranges::{RangeCommit, RangeRow, RangeState};
use crate::sync::commit::commit_fenced;
use crate::sync::error::SyncError;
use crate::sync::key::KeyTuple;
use crate::sync::meter::{TableMeter, Waiting};
use crate::sync::shared::{TableShared, TargetSession};
use crate::sync::table::PlannedTable;

/// Writes segments, each with its fence.
pub(super) struct Sink<'a> {
    table: &'a TableShared,
    range: &'a RangeRow,
    shadow: &'a TableRef,
    writer: &'a AnyWriter,
    whole: bool,
    failed: bool,
    /// Rows of the transaction that is open.
    written: u64,
    /// Rows committed.
    pub(super) copied: u64,
    position: Option<String>,
    session: Option<TargetSession>,
}

impl<'a> Sink<'a> {
    pub(super) fn new(
        table: &'a TableShared,
        range: &'a RangeRow,
        shadow: &'a TableRef,
        writer: &'a AnyWriter,
        whole: bool,
    ) -> Self {
        Self {
            table,
            range,
            shadow,
            writer,
            whole,
            failed: false,
            written: 0,
            copied: 0,
            position: range.position.clone(),
            session: None,
        }
    }

    /// A session in a transaction. Only now: a slow source could outlast an idle one.
    async fn begin(&self) -> Result<TargetSession, SyncError> {
        let mut session = self.table.session(SessionKind::Load).await?;
        if self.whole {
            // One transaction for the whole table waits for the source between its loads.
            session.run("SET SESSION wait_timeout = 3600").await?;
        }
        session.run("START TRANSACTION").await?;
        Ok(session)
    }

    pub(super) async fn write(
        &mut self,
        mut segment: Segment,
        last: bool,
    ) -> Result<(), SyncError> {
        while let Some(piece) = segment.encoder.take(true) {
            segment.pieces.push(piece);
        }
        if self.failed {
            return Err(SyncError::stop(
                ErrorCode::Internal,
                "a failed range was written again",
            ));
        }
        let clock = Instant::now();
        // A failure gives the session up with its transaction.
        let mut session = match self.session.take() {
            Some(session) => session,
            None => self.begin().await?,
        };
        let outcome = self.write_in(&mut session, &mut segment, last).await;
        match outcome {
            // Its silence is allowed to last longer than a lease: not for others.
            Ok(true) if self.whole => session.abandon(),
            Ok(true) => {}
            Ok(false) => self.session = Some(session),
            Err(error) => {
                self.failed = true;
                session.abandon();
                return Err(error);
            }
        }
        TableMeter::add(&self.table.meter.bytes_done, segment.bytes);
        self.table.meter.moved.wrote(segment.bytes);
        self.table.meter.waited(Waiting::Target, clock.elapsed());
        Ok(())
    }

    /// Whether the transaction has ended.
    async fn write_in(
        &mut self,
        session: &mut TargetSession,
        segment: &mut Segment,
        last: bool,
    ) -> Result<bool, SyncError> {
        let pieces = std::mem::take(&mut segment.pieces);
        if !pieces.is_empty() {
            let expected = segment.rows - segment.odd.len() as u64;
            let written = self.writer.write(session, pieces).await?;
            check_written(&written, expected, &generated_columns(&self.table.plan))?;
        }
        insert_odd(session, self.shadow, &self.table.plan.pairs, &segment.odd).await?;
        self.written += segment.rows;
        crate::sync::hooks::reach("copy.written");
        let ends = !self.whole || last;
        if ends {
            let position = segment.last.as_ref().map(KeyTuple::to_text);
            let fence = self.table.job.context.store.range_fence(&RangeCommit {
                table_run: self.table.table_run,
                range_no: self.range.range_no,
                fence: self.table.fence(),
                position: position.as_deref(),
                state: if last {
                    RangeState::Copied
                } else {
                    RangeState::Planned
                },
                compared_in: None,
                rows: i64::try_from(self.written).unwrap_or(i64::MAX),
            });
            commit_fenced(session, &fence).await?;
            if position.is_some() {
                self.position = position;
            }
            let meter = &self.table.meter;
            TableMeter::add(&meter.rows_done, self.written);
            TableMeter::add(&meter.inserted, self.written);
            self.copied += self.written;
            self.written = 0;
            meter.committed();
            if last {
                TableMeter::add(&meter.chunks_done, 1);
            }
        }
        Ok(ends)
    }

    /// Rolls back; says where the range is.
    pub(super) fn give_up(&mut self) -> RangeRow {
        if let Some(session) = self.session.take() {
            session.abandon();
        }
        RangeRow {
            position: self.position.clone(),
            ..self.range.clone()
        }
    }
}

/// Columns of the target that the server computes.
fn generated_columns(plan: &PlannedTable) -> Vec<String> {
    let schema = plan.target_schema.as_ref().or(plan.source_schema.as_ref());
    let columns = schema.map(|s| s.columns.as_slice()).unwrap_or_default();
    columns
        .iter()
        .filter(|c| c.generated)
        .map(|c| c.name.raw().to_owned())
        .collect()
}

/// What is left open is rolled back: nobody else may get a session inside a transaction.
impl Drop for Sink<'_> {
    fn drop(&mut self) {
        if let Some(session) = self.session.take() {
            session.abandon();
        }
    }
}

/// What a writer did must be exactly what it was given.
fn check_written(written: &Written, expected: u64, generated: &[String]) -> Result<(), SyncError> {
    // What the target computes may be rounded by its own definition, on both sides alike.
    let ours = |warning: &&Warning| {
        warning.level != "Note"
            || !column_in(&warning.message).is_some_and(|c| generated.contains(&c))
    };
    if let Some(warning) = written.warnings.iter().find(ours) {
        let class = crate::mysql::MysqlError::from_server(warning.number, String::new());
        let code = match class.code {
            ErrorCode::Internal => ErrorCode::ValueRejected,
            other => other,
        };
        return Err(ErrorInfo::new(
            code,
            format!(
                "the target would change a value: {} ({})",
                warning.message, warning.number
            ),
        )
        .into());
    }
    if written.displaced != 0 || written.rows != expected {
        return Err(ErrorInfo::new(
            ErrorCode::DuplicateKey,
            format!(
                "{expected} rows were sent, {} arrived, {} were displaced: the target takes two rows for one",
                written.rows, written.displaced
            ),
        )
        .into());
    }
    Ok(())
}

/// Rows with an ENUM's index 0: it is no member, so only a lenient INSERT takes it, with one
/// warning each.
async fn insert_odd(
    session: &mut Session,
    shadow: &TableRef,
    pairs: &[crate::mysql::value::ColumnPair],
    rows: &[Vec<Option<Vec<u8>>>],
) -> Result<(), SyncError> {
    if rows.is_empty() {
        return Ok(());
    }
    let head = insert_head_sql(shadow, pairs);
    let lenient = WRITE_SQL_MODE.replace("STRICT_ALL_TABLES,", "");
    session
        .run(&format!("SET SESSION sql_mode = '{lenient}'"))
        .await?;
    for row in rows {
        let zeros = row
            .iter()
            .flatten()
            .filter(|value| value.as_slice() == crate::mysql::value::ENUM_ZERO)
            .count();
        let tuple = tuple_sql(pairs, row.iter().map(Option::as_deref));
        let done = session.run(&format!("{head}{tuple}")).await?;
        let warnings = if done.warnings == 0 {
            Vec::new()
        } else {
            session.warnings().await?
        };
        let expected = warnings.iter().filter(|w| w.number == 1265).count();
        if done.affected != 1 || expected != zeros || warnings.len() != zeros {
            return Err(SyncError::stop(
                ErrorCode::ValueRejected,
                "an ENUM value that is no member could not be carried over",
            ));
        }
    }
    session
        .run(&format!("SET SESSION sql_mode = '{WRITE_SQL_MODE}'"))
        .await?;
    Ok(())
}
