//! Applying differences row by row: to a shadow (repair) or to a live target (in place).
//!
//! On a live target every row that is changed or deleted is locked and compared again first, and
//! every row that was written is read back, all in the same transaction.

use std::collections::{HashMap, HashSet};
use std::time::Instant;

use super::commit::Again;
use super::compare::{Comparer, RowDifference};
use super::error::SyncError;
use super::fencing;
use super::key::KeyTuple;
use super::meter::{TableMeter, Waiting};
use super::shared::TableShared;
use super::snapshot::Reader;
use crate::model::error::{ErrorCode, ErrorInfo, shown_key};
use crate::model::log::DifferenceKind;
use crate::mysql::{Session, SessionKind};
use crate::store::ranges::RangeState;

mod arranged;
mod foreign;
mod live;
pub mod policy;
mod statements;
mod unique;

pub use arranged::{Arranged, leave_held};
pub use foreign::Reached;

/// Keys per statement.
const KEYS: usize = 500;

/// Which differences are applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// All of them.
    All,
    /// Inserts and updates.
    Upserts,
    /// Deletes.
    Deletes,
}

impl Which {
    fn takes(self, kind: DifferenceKind) -> bool {
        match self {
            Self::All => true,
            Self::Upserts => kind != DifferenceKind::Extra,
            Self::Deletes => kind == DifferenceKind::Extra,
        }
    }
}

/// The source's row for each difference that needs one.
type Rows = HashMap<KeyTuple, Vec<Option<Vec<u8>>>>;

/// The rows that differences need, from the reader's snapshot.
async fn fetch(
    comparer: &Comparer<'_>,
    reader: &mut Reader,
    differences: &[RowDifference],
) -> Result<Rows, SyncError> {
    let wanted: Vec<&KeyTuple> = differences
        .iter()
        .filter(|d| d.kind != DifferenceKind::Extra)
        .map(|d| &d.source_key)
        .collect();
    let mut rows = HashMap::new();
    for keys in wanted.chunks(KEYS) {
        rows.extend(comparer.source_rows(reader, keys).await?);
    }
    Ok(rows)
}

/// Brings rows of a shadow in line with the source: nobody reads it, so they are deleted and
/// inserted. One transaction, fenced, the range left as copied.
///
/// # Errors
/// Why it failed; nothing was changed then.
pub async fn repair_shadow(
    table: &TableShared,
    comparer: &Comparer<'_>,
    reader: &mut Reader,
    range_no: u32,
    differences: &[RowDifference],
) -> Result<(), SyncError> {
    let rows = fetch(comparer, reader, differences).await?;
    let fence = fencing::range_fence(table, range_no, RangeState::Copied);
    let mut again = Again::default();
    loop {
        let mut session = table.session(SessionKind::Load).await?;
        let work = write_shadow(table, comparer, &mut session, differences, &rows).await;
        match session.end(work, &fence).await {
            Err(error) if again.allows(&error) => {}
            ended => return ended.map(|_| ()),
        }
    }
}

/// Begins the transaction of a repair, and writes all of it.
async fn write_shadow(
    table: &TableShared,
    comparer: &Comparer<'_>,
    session: &mut Session,
    differences: &[RowDifference],
    rows: &Rows,
) -> Result<(), SyncError> {
    session.run("START TRANSACTION").await?;
    let gone: Vec<RowDifference> = differences
        .iter()
        .filter(|d| d.kind != DifferenceKind::Missing)
        .cloned()
        .collect();
    statements::delete(comparer, session, &gone).await?;
    let fresh: Vec<&RowDifference> = differences
        .iter()
        .filter(|d| d.kind != DifferenceKind::Extra)
        .collect();
    for insert in statements::inserts(comparer, session, &fresh, rows)? {
        if let Err(error) = insert.send(comparer, session).await {
            if !statements::is_duplicate(&error) {
                return Err(error);
            }
            // Rows of ranges that are not compared yet still hold the values: their own
            // comparison brings them back as they should be.
            let values: Vec<_> = insert.rows.iter().map(|d| &rows[&d.source_key]).collect();
            let held = unique::holders(table, comparer, session, &values).await?;
            statements::delete_keys(comparer, session, &held).await?;
            insert.send(comparer, session).await?;
        }
    }
    Ok(())
}

/// What of a live target is written in one transaction.
pub struct Portion<'a> {
    /// The range whose row fences it; `None`: the table's checkpoint does.
    pub range_no: Option<u32>,
    /// What differs.
    pub differences: &'a [RowDifference],
    /// What of it is applied.
    pub which: Which,
    /// Whether rows that the written ones refer to must be there at its end.
    pub is_last: bool,
}

/// Applies differences to a live target in one transaction, as far as the table's
/// `conflict_resolution` has them written; returns how many rows it leaves alone, which are the
/// caller's to count. Rows whose keys are in `done` are left out; those that had to be written with
/// the others, since they were in their way, are put in. What was moved is charged to the rates.
///
/// # Errors
/// `LockTimeout`, transient, when a row was changed by somebody else since it was compared;
/// `duplicate_key` as the policy has it; else why it failed. Nothing was changed then.
pub async fn apply_live(
    table: &TableShared,
    comparer: &Comparer<'_>,
    reader: &mut Reader,
    portion: Portion<'_>,
    done: &mut HashSet<KeyTuple>,
) -> Result<u64, SyncError> {
    let wanted: Vec<RowDifference> = portion
        .differences
        .iter()
        .filter(|d| portion.which.takes(d.kind) && !done.contains(&d.key))
        .cloned()
        .collect();
    if wanted.is_empty() {
        return Ok(0);
    }
    policy::refuse_conflict(comparer, &wanted)?;
    let mut again = Again::default();
    let Applied { written, left } = loop {
        match apply_once(table, comparer, reader, &portion, &wanted).await {
            Err(error) if again.allows(&error) => {}
            applied => break applied?,
        }
    };
    Ok(left + account(table, comparer, written, done))
}

/// What one transaction on a live target did.
struct Applied {
    /// What it wrote.
    written: live::Written,
    /// How many differences the policy leaves as they are.
    left: u64,
}

async fn apply_once(
    table: &TableShared,
    comparer: &Comparer<'_>,
    reader: &mut Reader,
    portion: &Portion<'_>,
    wanted: &[RowDifference],
) -> Result<Applied, SyncError> {
    let clock = Instant::now();
    let rows = fetch(comparer, reader, wanted).await?;
    table.meter.asked(clock.elapsed());
    let clock = Instant::now();
    let mut session = table.session(SessionKind::Apply).await?;
    let fence = match portion.range_no {
        Some(range_no) => fencing::range_fence(table, range_no, RangeState::Planned),
        None => table.job.context.store.checkpoint_fence(
            table.job.context.config.id,
            table.plan.target.table.raw(),
            table.fence(),
        ),
    };
    // Rows in the way may have to go too.
    let may_delete =
        unique::has_others(table) || wanted.iter().any(|d| d.kind == DifferenceKind::Extra);
    let quarantine = if may_delete {
        table.quarantine().await?
    } else {
        None
    };
    let work = async {
        session.run("START TRANSACTION").await?;
        recheck(comparer, &mut session, wanted).await?;
        let (wanted, left) = policy::leave(comparer, reader, &mut session, wanted.to_vec()).await?;
        let work = (wanted, rows);
        let mut live = live::Live::new(table, comparer, reader, &mut session, quarantine, work);
        live.write(portion.is_last).await?;
        let written = live.into_written();
        super::hooks::reach("apply.written");
        read_back(comparer, reader, &mut session, &written.work).await?;
        Ok(Applied { written, left })
    }
    .await;
    let ended = session.end(work, &fence).await;
    table.meter.waited(Waiting::Target, clock.elapsed());
    let (_session, applied) = ended?;
    Ok(applied)
}

/// Counts, charges and names what was written; returns how many rows were left out.
fn account(
    table: &TableShared,
    comparer: &Comparer<'_>,
    written: live::Written,
    done: &mut HashSet<KeyTuple>,
) -> u64 {
    let live::Written {
        work,
        kept,
        displaced,
        bytes,
    } = written;
    let count = |kind| work.iter().filter(|d| d.kind == kind).count() as u64;
    let meter = &table.meter;
    TableMeter::add(&meter.inserted, count(DifferenceKind::Missing));
    TableMeter::add(&meter.updated, count(DifferenceKind::Changed));
    TableMeter::add(&meter.deleted, count(DifferenceKind::Extra));
    meter.committed();
    table.charge(work.len() as u64, bytes);
    meter.moved.wrote(bytes);
    for key in &displaced {
        table.name_row(format!(
            "{} is not on the source and held a unique value that another row needs: it was deleted",
            named(comparer, key)
        ));
    }
    let kept = table.keep(kept);
    for key in &kept {
        table.name_row(format!(
            "{} is not written: a row that stays holds a unique value of it",
            named(comparer, key)
        ));
    }
    done.extend(work.into_iter().map(|d| d.key));
    kept.len() as u64
}

/// A row of the target, for people.
fn named(comparer: &Comparer<'_>, key: &KeyTuple) -> String {
    let key_spec = comparer.plan.target_key.as_ref();
    let key = key_spec.map(|spec| shown_key(&spec.shown(key)));
    format!("row {}", key.unwrap_or_default())
}

/// The rows of a live target have parents, now that all of them are written.
///
/// # Errors
/// The server's refusal, or the policy about rows without parents.
pub async fn check_parents(table: &TableShared) -> Result<(), SyncError> {
    let mut session = table.session(SessionKind::Apply).await?;
    foreign::Bonds::of(table).after_all(&mut session).await
}

/// Every row that will be changed is still what was compared, and every row that will be
/// inserted is still missing.
async fn recheck(
    comparer: &Comparer<'_>,
    session: &mut Session,
    differences: &[RowDifference],
) -> Result<(), SyncError> {
    for batch in differences.chunks(KEYS) {
        let keys: Vec<&KeyTuple> = batch.iter().map(|d| &d.key).collect();
        let hashes = comparer.target_hashes(session, &keys, true).await?;
        for difference in batch {
            if hashes.get(&difference.key) != difference.target.as_ref() {
                return Err(ErrorInfo::new(
                    ErrorCode::LockTimeout,
                    "somebody else changed a row of the target since it was compared",
                )
                .transient()
                .into());
            }
        }
    }
    Ok(())
}

/// What was written is what the source has.
async fn read_back(
    comparer: &Comparer<'_>,
    reader: &mut Reader,
    session: &mut Session,
    differences: &[RowDifference],
) -> Result<(), SyncError> {
    for batch in differences.chunks(KEYS) {
        let keys: Vec<&KeyTuple> = batch.iter().map(|d| &d.key).collect();
        let hashes = comparer.target_hashes(session, &keys, false).await?;
        for difference in batch {
            if hashes.get(&difference.key) != difference.source.as_ref() {
                return Err(comparer.refuse(reader, session, difference).await);
            }
        }
    }
    Ok(())
}
