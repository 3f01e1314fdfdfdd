//! Copying one range: rows of the source, in key order, into the shadow, one transaction per
//! segment, with the checkpoint in the same transaction.
//!
//! Segments are read ahead while the one before is written, as far as the job has room for them; the
//! session on the source is free for the next range as soon as the last row was read.

mod locate;
mod rest;
mod segment;
mod sink;

use std::sync::atomic::Ordering;
use std::time::Instant;

use tokio::sync::mpsc;

use super::ahead::SEGMENT_BYTES;
use super::commit::Again;
use super::error::SyncError;
use super::hooks;
use super::key::KeyTuple;
use super::meter::Waiting;
use super::shared::TableShared;
use super::snapshot::Reader;
use super::table::PlannedTable;
use super::walk::Front;
use crate::model::error::ErrorCode;
use crate::model::log::Level;
use crate::mysql::kind::Kind;
use crate::mysql::rows::{AnyWriter, RowWriter};
use crate::mysql::{ErrorClass, TableRef};
use crate::store::ranges::RangeRow;
use locate::locate;
use rest::rest_of;
pub use rest::whole_of;
use segment::Segment;
use sink::Sink;

/// What came of copying a range.
pub struct Copied {
    /// Rows copied.
    pub rows: u64,
    /// Id of the snapshot that was read last.
    pub snapshot: String,
}

/// Copies what is left of a range into `shadow`. In one transaction where the table can't be
/// walked by a key (`whole`), else in as many as its bytes ask for. `front` passes on when most of
/// `rows` are read, at the latest when all are.
///
/// What the target does not take at once is sent again in smaller batches, from the last row that
/// was committed.
///
/// # Errors
/// Why it failed; everything committed is in the range's row.
pub async fn copy_range(
    table: &TableShared,
    range: &RangeRow,
    (front, rows): (Front, Option<u64>),
    shadow: &TableRef,
    writer: &AnyWriter,
    whole: bool,
) -> Result<Copied, SyncError> {
    let mut left = range.clone();
    let mut patience = LOCKED_TRIES;
    let mut again = Again::default();
    let mut baton = Baton {
        front: Some(front),
        pass_at: rows.map_or(u64::MAX, |rows| rows / 4 * 3),
    };
    loop {
        let halved = table.meter.halved.load(Ordering::Relaxed);
        let small = writer.halved(halved).unwrap_or_else(|| writer.clone());
        let most = (SEGMENT_BYTES >> halved.min(10)).max(LEAST_BYTES);
        let reader = table.snapshots.reader().await?;
        let snapshot = reader.snapshot().id.clone();
        let copied = copy_once(
            table,
            &left,
            (reader, &mut baton),
            shadow,
            &small,
            (whole, most),
        );
        let failed = match copied.await {
            Ok(rows) => {
                return Ok(Copied {
                    rows: left.rows - range.rows + rows,
                    snapshot,
                });
            }
            Err(failed) => failed,
        };
        // A COMMIT comes after the source was read to its end, or is read on from the checkpoint.
        let undone = table.check().is_ok() && again.allows(&failed.error);
        let last = match undone {
            true => None,
            false => failed.error_if_final(table, writer, whole, &mut patience),
        };
        let Some(error) = last else {
            left = stored(table, &failed.at).await?;
            continue;
        };
        return Err(locate(error, table, &failed.at).await);
    }
}

/// Passes the front on once most of a range is read: the next range is asked for meanwhile, and
/// its first rows come when the last ones of this have.
struct Baton {
    front: Option<Front>,
    pass_at: u64,
}

impl Baton {
    fn read(&mut self, rows: u64) {
        if rows >= self.pass_at
            && let Some(front) = &mut self.front
        {
            front.pass();
        }
    }
}

/// Times that a lock is waited for within one range.
const LOCKED_TRIES: u32 = 3;
/// A transaction is not made smaller than this.
const LEAST_BYTES: u64 = 64 << 10;

/// Why a range was not copied to its end.
struct Failed {
    error: SyncError,
    /// Where the range is.
    at: RangeRow,
    /// Whether it was the target that failed, and the reader can go on.
    by_target: bool,
}

impl Failed {
    /// The error to end with; `None` where smaller batches may do.
    fn error_if_final(
        &self,
        table: &TableShared,
        writer: &AnyWriter,
        whole: bool,
        patience: &mut u32,
    ) -> Option<SyncError> {
        let error = self.error.clone();
        let SyncError::Failed(mut failure) = error else {
            return Some(error);
        };
        if !self.by_target || table.check().is_err() {
            return Some(SyncError::Failed(failure));
        }
        let locked = matches!(
            failure.info.code,
            ErrorCode::LockTimeout | ErrorCode::Deadlock
        );
        let may = match failure.class {
            ErrorClass::Shrink => true,
            ErrorClass::Retry if locked && *patience > 0 => {
                *patience -= 1;
                true
            }
            _ => false,
        };
        if !may {
            return Some(SyncError::Failed(failure));
        }
        let halved = table.meter.halved.load(Ordering::Relaxed);
        let smaller = writer.halved(halved + 1).is_some();
        if smaller {
            table.meter.halved.store(halved + 1, Ordering::Relaxed);
            table.log(
                Level::Info,
                format!(
                    "the target does not take it at once; batches are halved: {}",
                    failure.info
                ),
            );
        } else if failure.class == ErrorClass::Shrink {
            // One row by itself is too large.
            failure.class = ErrorClass::Stop;
            failure.info.transient = false;
            return Some(SyncError::Failed(failure));
        }
        // The table's only statement was not read to its end: it begins again by another try.
        whole.then_some(SyncError::Failed(failure))
    }
}

/// The range as it is stored: another transaction of it may have been committed.
async fn stored(table: &TableShared, at: &RangeRow) -> Result<RangeRow, SyncError> {
    let ranges = table.job.context.store.ranges(table.table_run).await?;
    ranges
        .into_iter()
        .find(|range| range.range_no == at.range_no)
        .ok_or_else(SyncError::lease_lost)
}

async fn copy_once(
    table: &TableShared,
    range: &RangeRow,
    (mut reader, baton): (Reader, &mut Baton),
    shadow: &TableRef,
    writer: &AnyWriter,
    (whole, most): (bool, u64),
) -> Result<u64, Failed> {
    let of_source = |error: SyncError| Failed {
        error,
        at: range.clone(),
        by_target: false,
    };
    let query = Query::new(&table.plan, range, whole).map_err(of_source)?;
    // One segment is written, the next waits; a third is filled where the job has room for it.
    let (full, mut filled) = mpsc::channel::<Segment>(1);
    let read = async move {
        match read_rows(
            table,
            &mut reader,
            &query,
            writer,
            (whole, most),
            full,
            baton,
        )
        .await
        {
            Ok(()) => reader.release().await,
            Err(error) => {
                reader.failed(&error);
                Err(error)
            }
        }
    };
    let mut sink = Sink::new(table, range, shadow, writer, whole);
    let into = &mut sink;
    let write = async move {
        while let Some(segment) = filled.recv().await {
            let _permit = table.job.writers.permit().await;
            let ends = segment.ends;
            into.write(segment, ends).await?;
        }
        Ok::<_, SyncError>(())
    };
    let (read, written) = tokio::join!(read, write);
    let (error, by_target) = match (read, written) {
        (Ok(()), Ok(())) => return Ok(sink.copied),
        (_, Err(error)) => (error, true),
        (Err(error), Ok(())) => (error, false),
    };
    Err(Failed {
        error,
        at: sink.give_up(),
        by_target,
    })
}

/// What is asked of the source, and where in its rows things are.
struct Query {
    sql: String,
    width: usize,
    key_at: Vec<usize>,
    enums: Vec<usize>,
}

impl Query {
    fn new(plan: &PlannedTable, range: &RangeRow, whole: bool) -> Result<Self, SyncError> {
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
        let enums = plan
            .pairs
            .iter()
            .enumerate()
            .filter(|(_, p)| p.kind() == Kind::Enum)
            .map(|(at, _)| at)
            .collect();
        Ok(Self {
            sql,
            width: plan.pairs.len(),
            key_at,
            enums,
        })
    }
}

/// Reads rows into segments of at least `most` bytes, and gives them on.
async fn read_rows(
    table: &TableShared,
    reader: &mut Reader,
    query: &Query,
    writer: &AnyWriter,
    (whole, most): (bool, u64),
    full: mpsc::Sender<Segment>,
    baton: &mut Baton,
) -> Result<(), SyncError> {
    let ahead = &table.job.ahead;
    let mut seen = 0;
    let mut given_up = false;
    let mut segment = Segment::new(writer.encoder(), ahead.room().await?);
    let mut clock = Instant::now();
    {
        let mut rows = reader.session().stream(&query.sql).await?;
        hooks::reach("copy.asked");
        while let Some(row) = rows.next().await? {
            if given_up {
                // A result is never left half read: the rest of the range is dropped.
                continue;
            }
            table.meter.waited(Waiting::Source, clock.elapsed());
            let begun = Instant::now();
            segment.push(&row, query.width, &query.enums);
            seen += 1;
            let is_full = segment.bytes >= most;
            if is_full && !query.key_at.is_empty() {
                segment.last = Some(KeyTuple::of_row(&row, &query.key_at)?);
            }
            table.meter.waited(Waiting::Client, begun.elapsed());
            if is_full {
                table.charge(segment.rows, segment.bytes);
                table.check()?;
                if full.send(segment).await.is_err() {
                    if whole {
                        return Ok(());
                    }
                    given_up = true;
                }
                segment = Segment::new(writer.encoder(), ahead.room().await?);
            }
            baton.read(seen);
            clock = Instant::now();
        }
    }
    table.charge(segment.rows, segment.bytes);
    baton.front = None;
    segment.ends = true;
    // Where nobody takes it any more, the writer has said why.
    let _given = full.send(segment).await;
    Ok(())
}
