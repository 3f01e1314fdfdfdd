//! Copying one range: rows of the source, in key order, into the shadow, one transaction per
//! 16 MiB, with the checkpoint in the same transaction.

use std::time::Instant;

use bytes::Bytes;

use super::chunk::RANGE_BYTES;
use super::error::SyncError;
use super::key::{KeyRange, KeyTuple};
use super::meter::{TableMeter, Waiting};
use super::shared::{TableShared, commit_fenced};
use super::snapshot::Reader;
use crate::model::error::{ErrorCode, ErrorInfo};
use crate::mysql::kind::Kind;
use crate::mysql::rows::{
    AnyWriter, RowEncoder, RowWriter, Written, has_enum_zero, insert_head_sql, tuple_sql,
};
use crate::mysql::session::{WRITE_SQL_MODE, Warning};
use crate::mysql::stream::RawRow;
use crate::mysql::{Session, SessionKind, TableRef};
use crate::store::ranges::{RangeCommit, RangeRow, RangeState};

/// The bounds of a stored range, from where it stopped.
///
/// # Errors
/// When a stored key can't be read.
pub fn rest_of(range: &RangeRow) -> Result<KeyRange, SyncError> {
    let read = |text: &Option<String>| text.as_deref().map(KeyTuple::from_text).transpose();
    let lower = match read(&range.position)? {
        Some(position) => Some(position),
        None => read(&range.lower)?,
    };
    Ok(KeyRange {
        lower,
        upper: read(&range.upper)?,
        bucket: None,
    })
}

/// The whole of a stored range.
///
/// # Errors
/// When a stored key can't be read.
pub fn whole_of(range: &RangeRow) -> Result<KeyRange, SyncError> {
    rest_of(&RangeRow {
        position: None,
        ..range.clone()
    })
}

/// Rows that are read and not written yet.
struct Segment {
    encoder: Box<dyn RowEncoder>,
    pieces: Vec<Bytes>,
    /// Rows that the writer can't carry: an ENUM's index 0.
    odd: Vec<Vec<Option<Vec<u8>>>>,
    rows: u64,
    bytes: u64,
    last: Option<KeyTuple>,
}

impl Segment {
    fn new(encoder: Box<dyn RowEncoder>) -> Self {
        Self {
            encoder,
            pieces: Vec::new(),
            odd: Vec::new(),
            rows: 0,
            bytes: 0,
            last: None,
        }
    }

    fn push(&mut self, row: &RawRow, width: usize, enums: &[usize]) {
        self.rows += 1;
        if has_enum_zero(row, enums) {
            self.odd.push(
                (0..width)
                    .map(|at| row.get(at).map(<[u8]>::to_vec))
                    .collect(),
            );
            self.bytes += 64;
            return;
        }
        self.bytes += self.encoder.push(row) as u64;
        while let Some(piece) = self.encoder.take(false) {
            self.pieces.push(piece);
        }
    }
}

/// Copies what is left of a range into `shadow`. In one transaction where the table can't be
/// walked by a key (`whole`), else in as many as its bytes ask for. Returns the rows copied.
///
/// # Errors
/// Why it failed; everything committed is in the range's row.
pub async fn copy_range(
    table: &TableShared,
    range: &RangeRow,
    reader: &mut Reader,
    shadow: &TableRef,
    writer: &AnyWriter,
    whole: bool,
) -> Result<u64, SyncError> {
    let plan = &table.plan;
    let rest = rest_of(range)?;
    let key = plan.key.as_ref().filter(|_| !whole);
    let mut reads: Vec<String> = plan.pairs.iter().map(|p| p.read_sql()).collect();
    let mut key_at = Vec::new();
    for column in key.map(|k| k.columns.as_slice()).unwrap_or_default() {
        let plain = plan
            .pairs
            .iter()
            .position(|p| p.source.name == column.name && p.is_read_plain());
        key_at.push(plain.unwrap_or_else(|| {
            reads.push(column.name.to_string());
            reads.len() - 1
        }));
    }
    let condition = key.map_or_else(|| "TRUE".to_owned(), |k| k.range_sql(&rest));
    let order = key
        .map(|k| format!(" ORDER BY {}", k.list_sql()))
        .unwrap_or_default();
    let sql = format!(
        "SELECT {} {}{order}",
        reads.join(", "),
        plan.source_from_sql(&condition)
    );
    let enums: Vec<usize> = plan
        .pairs
        .iter()
        .enumerate()
        .filter(|(_, p)| p.kind() == Kind::Enum)
        .map(|(at, _)| at)
        .collect();

    let mut sink = Sink::new(table, range, shadow, writer, whole);
    let mut segment = Segment::new(writer.encoder());
    let mut failed: Option<SyncError> = None;
    let mut clock = Instant::now();
    let savepoint = !reader.session().server().is_mariadb();
    if savepoint {
        reader.session().run("SAVEPOINT chunk").await?;
    }
    let width = plan.pairs.len();
    let read = async {
        let mut rows = reader.session().stream(&sql).await?;
        while let Some(row) = rows.next().await? {
            if failed.is_some() {
                // A result is never left half read: the rest of the range is dropped.
                continue;
            }
            table.meter.waited(Waiting::Source, clock.elapsed());
            let begun = Instant::now();
            segment.push(&row, width, &enums);
            let full = segment.bytes >= RANGE_BYTES;
            if full && !key_at.is_empty() {
                segment.last = Some(KeyTuple::of_row(&row, &key_at)?);
            }
            table.meter.waited(Waiting::Client, begun.elapsed());
            if full {
                let full = std::mem::replace(&mut segment, Segment::new(writer.encoder()));
                if let Err(error) = sink.write(full, false).await {
                    failed = Some(error);
                    if whole {
                        return Ok(());
                    }
                    continue;
                }
                table.check()?;
            }
            clock = Instant::now();
        }
        Ok::<_, SyncError>(())
    }
    .await;
    if let Some(error) = failed {
        let at = sink.give_up();
        return Err(locate(error, table, &at, reader).await);
    }
    if let Err(error) = read {
        sink.give_up();
        reader.failed(&error);
        return Err(error);
    }
    if savepoint {
        reader.session().run("ROLLBACK TO SAVEPOINT chunk").await?;
    }
    match sink.write(segment, true).await {
        Ok(()) => Ok(sink.copied),
        Err(error) => {
            let at = sink.give_up();
            Err(locate(error, table, &at, reader).await)
        }
    }
}

/// Writes segments, each with its fence.
struct Sink<'a> {
    table: &'a TableShared,
    range: &'a RangeRow,
    shadow: &'a TableRef,
    writer: &'a AnyWriter,
    whole: bool,
    failed: bool,
    /// Rows of the transaction that is open.
    written: u64,
    /// Rows committed.
    copied: u64,
    position: Option<String>,
    session: Option<super::shared::TargetSession>,
}

impl<'a> Sink<'a> {
    fn new(
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
    async fn begin(&self) -> Result<super::shared::TargetSession, SyncError> {
        let mut session = self.table.session(SessionKind::Load).await?;
        if self.whole {
            // One transaction for the whole table waits for the source between its loads.
            session.run("SET SESSION wait_timeout = 3600").await?;
        }
        session.run("START TRANSACTION").await?;
        Ok(session)
    }

    async fn write(&mut self, mut segment: Segment, last: bool) -> Result<(), SyncError> {
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
        self.table.meter.waited(Waiting::Target, clock.elapsed());
        Ok(())
    }

    /// Whether the transaction has ended.
    async fn write_in(
        &mut self,
        session: &mut super::shared::TargetSession,
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
        super::hooks::reach("copy.written");
        let ends = !self.whole || last;
        if ends {
            let position = segment.last.as_ref().map(KeyTuple::to_text);
            let fence = self.table.job.context.store.range_commit_sql(&RangeCommit {
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
    fn give_up(&mut self) -> RangeRow {
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
fn generated_columns(plan: &super::table::PlannedTable) -> Vec<String> {
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

/// Names the row and column of an error that names them only by number.
async fn locate(
    error: SyncError,
    table: &TableShared,
    range: &RangeRow,
    reader: &mut Reader,
) -> SyncError {
    let SyncError::Failed(mut failure) = error else {
        return error;
    };
    let info = &mut failure.info;
    if info.column.is_none() {
        info.column = column_in(&info.message);
    }
    let (Some(key), Ok(rest)) = (
        table.plan.key.as_ref().filter(|k| k.is_chunkable()),
        rest_of(range),
    ) else {
        return SyncError::Failed(failure);
    };
    let condition = key.range_sql(&rest);
    let from = table.plan.source_from_sql(&condition);
    let list = key.list_sql();
    let sql = match info.code {
        ErrorCode::ValueRejected => row_in(&info.message).map(|row| {
            format!(
                "SELECT {list} {from} ORDER BY {list} LIMIT 1 OFFSET {}",
                row.saturating_sub(1)
            )
        }),
        ErrorCode::PacketTooLarge => {
            let size: Vec<String> = table
                .plan
                .pairs
                .iter()
                .filter(|p| Kind::may_be_large(&p.source))
                .map(|p| format!("COALESCE(LENGTH({}), 0)", p.source.name))
                .collect();
            (!size.is_empty()).then(|| {
                format!(
                    "SELECT {list} {from} ORDER BY {} DESC LIMIT 1",
                    size.join(" + ")
                )
            })
        }
        _ => None,
    };
    let Some(sql) = sql else {
        return SyncError::Failed(failure);
    };
    let positions: Vec<usize> = (0..key.columns.len()).collect();
    let mut found = None;
    let looked = async {
        let mut rows = reader.session().stream(&sql).await?;
        while let Some(row) = rows.next().await? {
            found = KeyTuple::of_row(&row, &positions).ok();
        }
        Ok::<_, SyncError>(())
    }
    .await;
    match looked {
        Ok(()) => failure.info.key = found.map(|k| key.shown(&k)),
        Err(error) => reader.failed(&error),
    }
    SyncError::Failed(failure)
}

/// `… for column 'x' at row 5`, or with the table before the column.
fn column_in(message: &str) -> Option<String> {
    let at = message.find("for column ")? + "for column ".len();
    let rest = &message[at..];
    let end = rest.find(" at row").unwrap_or(rest.len());
    let name = rest[..end].rsplit('.').next()?;
    Some(name.trim_matches(|c| c == '\'' || c == '`').to_owned())
}

fn row_in(message: &str) -> Option<u64> {
    let at = message.rfind("at row ")? + "at row ".len();
    message[at..]
        .split(|c: char| !c.is_ascii_digit())
        .next()?
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_and_columns_are_read_from_messages() {
        let message = "Data too long for column 'note' at row 17 (1406)";
        assert_eq!(column_in(message).as_deref(), Some("note"));
        assert_eq!(row_in(message), Some(17));
        let message = "Incorrect value: 'x' for column `d`.`t`.`c` at row 1";
        assert_eq!(column_in(message).as_deref(), Some("c"));
        assert_eq!(row_in("no row"), None);
    }
}
