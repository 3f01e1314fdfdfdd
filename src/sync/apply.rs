//! Applying differences row by row: to a shadow (repair) or to a live target (in place).
//!
//! On a live target every row that is changed or deleted is locked and compared again first, and
//! every row that was written is read back, all in the same transaction. Deletes, then updates,
//! then inserts; a unique key in the way waits for the row that holds it.

use std::collections::HashMap;

use super::compare::{Comparer, RowDifference};
use super::error::SyncError;
use super::key::KeyTuple;
use super::meter::TableMeter;
use super::shared::TableShared;
use super::snapshot::Reader;
use crate::model::error::{ErrorCode, ErrorInfo};
use crate::model::log::DifferenceKind;
use crate::mysql::rows::{insert_head_sql, tuple_sql};
use crate::mysql::session::WRITE_SQL_MODE;
use crate::mysql::value::ENUM_ZERO;
use crate::mysql::{MysqlError, Session, SessionKind};
use crate::store::ranges::{RangeCommit, RangeState};

/// Keys per statement.
const KEYS: usize = 500;
/// Bytes of literals per INSERT.
const STATEMENT: usize = 1 << 20;

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
///
/// # Errors
/// The server's refusal, or the loss of the connection.
pub async fn fetch(
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
    let mut session = table.session(SessionKind::Load).await?;
    let fence = fence_sql(table, range_no, RangeState::Copied);
    let work = async {
        session.run("START TRANSACTION").await?;
        let gone: Vec<&RowDifference> = differences
            .iter()
            .filter(|d| d.kind != DifferenceKind::Missing)
            .collect();
        for batch in gone.chunks(KEYS) {
            delete(comparer, &mut session, batch).await?;
        }
        let fresh: Vec<&RowDifference> = differences
            .iter()
            .filter(|d| d.kind != DifferenceKind::Extra)
            .collect();
        insert(comparer, &mut session, &fresh, &rows).await
    }
    .await;
    session.end(work, &fence).await?;
    Ok(())
}

/// Applies differences to a live target in one transaction, fenced by `range_no`.
///
/// # Errors
/// `LockTimeout`, transient, when a row was changed by somebody else since it was compared; else
/// why it failed. Nothing was changed then.
pub async fn apply_live(
    table: &TableShared,
    comparer: &Comparer<'_>,
    reader: &mut Reader,
    range_no: u32,
    differences: &[RowDifference],
    which: Which,
) -> Result<(), SyncError> {
    let wanted: Vec<&RowDifference> = differences.iter().filter(|d| which.takes(d.kind)).collect();
    if wanted.is_empty() {
        return Ok(());
    }
    let rows = if which == Which::Deletes {
        HashMap::new()
    } else {
        fetch(comparer, reader, differences).await?
    };
    let mut session = table.session(SessionKind::Apply).await?;
    let fence = fence_sql(table, range_no, RangeState::Planned);
    let counts = (
        count(&wanted, DifferenceKind::Missing),
        count(&wanted, DifferenceKind::Changed),
        count(&wanted, DifferenceKind::Extra),
    );
    let work = async {
        session.run("START TRANSACTION").await?;
        recheck(comparer, &mut session, &wanted).await?;
        write_live(comparer, &mut session, &wanted, &rows, table).await?;
        super::hooks::reach("apply.written");
        read_back(comparer, reader, &mut session, &wanted).await
    }
    .await;
    session.end(work, &fence).await?;
    let meter = &table.meter;
    TableMeter::add(&meter.inserted, counts.0);
    TableMeter::add(&meter.updated, counts.1);
    TableMeter::add(&meter.deleted, counts.2);
    meter.committed();
    Ok(())
}

fn count(differences: &[&RowDifference], kind: DifferenceKind) -> u64 {
    differences.iter().filter(|d| d.kind == kind).count() as u64
}

fn fence_sql(table: &TableShared, range_no: u32, state: RangeState) -> String {
    table.job.context.store.range_commit_sql(&RangeCommit {
        table_run: table.table_run,
        range_no,
        fence: table.fence(),
        position: None,
        state,
        compared_in: None,
        rows: 0,
    })
}

/// Every row that will be changed is still what was compared, and every row that will be
/// inserted is still missing.
async fn recheck(
    comparer: &Comparer<'_>,
    session: &mut Session,
    differences: &[&RowDifference],
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

async fn write_live(
    comparer: &Comparer<'_>,
    session: &mut Session,
    differences: &[&RowDifference],
    rows: &Rows,
    table: &TableShared,
) -> Result<(), SyncError> {
    let of = |kind: DifferenceKind| -> Vec<&RowDifference> {
        differences
            .iter()
            .filter(|d| d.kind == kind)
            .copied()
            .collect()
    };
    let extra = of(DifferenceKind::Extra);
    if !extra.is_empty() {
        check_cascades(comparer, session, &extra, table).await?;
    }
    for batch in extra.chunks(KEYS) {
        delete(comparer, session, batch).await?;
    }
    // A row whose unique value another row still holds waits for it: passes until none is left
    // or none moves.
    let mut waiting = of(DifferenceKind::Changed);
    loop {
        let mut stuck = Vec::new();
        for difference in &waiting {
            match update(comparer, session, difference, rows).await {
                Ok(()) => {}
                Err(error) if is_duplicate(&error) => stuck.push(*difference),
                Err(error) => return Err(error),
            }
        }
        if stuck.is_empty() {
            break;
        }
        if stuck.len() == waiting.len() {
            return exchange(
                comparer,
                session,
                &stuck,
                rows,
                table,
                &of(DifferenceKind::Missing),
            )
            .await;
        }
        waiting = stuck;
    }
    insert(comparer, session, &of(DifferenceKind::Missing), rows).await
}

/// Rows that hold each other's unique values: they are deleted and inserted again, which foreign
/// keys onto them forbid.
async fn exchange(
    comparer: &Comparer<'_>,
    session: &mut Session,
    stuck: &[&RowDifference],
    rows: &Rows,
    table: &TableShared,
    missing: &[&RowDifference],
) -> Result<(), SyncError> {
    if !table.plan.inbound.is_empty() {
        let key = comparer
            .plan
            .target_key
            .as_ref()
            .map(|k| k.shown(&stuck[0].key));
        let mut info = ErrorInfo::new(
            ErrorCode::DuplicateKey,
            "rows exchange values of a unique key, and foreign keys refer to them, so they can't be replaced",
        );
        info.key = key;
        return Err(info.into());
    }
    for batch in stuck.chunks(KEYS) {
        delete(comparer, session, batch).await?;
    }
    let all: Vec<&RowDifference> = stuck.iter().chain(missing).copied().collect();
    insert(comparer, session, &all, rows).await
}

fn is_duplicate(error: &SyncError) -> bool {
    error
        .info()
        .is_some_and(|info| info.code == ErrorCode::DuplicateKey)
}

/// Deletes that would take rows of other tables along are refused, unless allowed.
async fn check_cascades(
    comparer: &Comparer<'_>,
    session: &mut Session,
    extra: &[&RowDifference],
    table: &TableShared,
) -> Result<(), SyncError> {
    let Some(target_key) = &comparer.plan.target_key else {
        return Ok(());
    };
    if table.plan.options.allow_cascade {
        return Ok(());
    }
    for key in &table.plan.inbound {
        if matches!(key.on_delete.as_str(), "RESTRICT" | "NO ACTION") {
            continue;
        }
        let join: Vec<String> = key
            .columns
            .iter()
            .zip(&key.parent_columns)
            .map(|(child, parent)| format!("c.{child} = p.{parent}"))
            .collect();
        for batch in extra.chunks(KEYS) {
            let keys: Vec<&KeyTuple> = batch.iter().map(|d| &d.key).collect();
            let parents = target_key.any_of_sql(&keys);
            let sql = format!(
                "SELECT COUNT(*) AS n FROM {} c JOIN (SELECT * FROM {} WHERE {parents}) p ON {}",
                key.table,
                comparer.other,
                join.join(" AND ")
            );
            let reached = session
                .first(&sql)
                .await?
                .map(|row| row.u64("n"))
                .transpose()?
                .unwrap_or(0);
            if reached > 0 {
                return Err(ErrorInfo::new(
                    ErrorCode::DeleteLimit,
                    format!(
                        "deleting rows would reach {reached} rows of {} by the foreign key {} ({})",
                        key.table.shown(),
                        key.name.raw(),
                        key.on_delete
                    ),
                )
                .hint("allow_cascade: true allows it; or sync that table in the same config")
                .into());
            }
        }
    }
    Ok(())
}

async fn delete(
    comparer: &Comparer<'_>,
    session: &mut Session,
    batch: &[&RowDifference],
) -> Result<(), SyncError> {
    let Some(target_key) = &comparer.plan.target_key else {
        return Ok(());
    };
    let keys: Vec<&KeyTuple> = batch.iter().map(|d| &d.key).collect();
    let sql = format!(
        "DELETE FROM {} WHERE {}",
        comparer.other,
        target_key.any_of_sql(&keys)
    );
    let done = session.run(&sql).await?;
    no_warnings(session, done.warnings).await?;
    if done.affected != batch.len() as u64 {
        return Err(SyncError::stop(
            ErrorCode::Internal,
            format!(
                "{} rows were to be deleted, {} were",
                batch.len(),
                done.affected
            ),
        ));
    }
    Ok(())
}

async fn update(
    comparer: &Comparer<'_>,
    session: &mut Session,
    difference: &RowDifference,
    rows: &Rows,
) -> Result<(), SyncError> {
    let Some(target_key) = &comparer.plan.target_key else {
        return Ok(());
    };
    let row = row_of(rows, difference)?;
    let sets: Vec<String> = comparer
        .plan
        .pairs
        .iter()
        .zip(row)
        .filter(|(pair, _)| {
            !target_key
                .columns
                .iter()
                .any(|c| c.name == pair.target.name)
        })
        .map(|(pair, value)| {
            format!(
                "{} = {}",
                pair.target.name,
                pair.literal_sql(value.as_deref())
            )
        })
        .collect();
    if sets.is_empty() {
        return Ok(());
    }
    let sql = format!(
        "UPDATE {} SET {} WHERE {}",
        comparer.other,
        sets.join(", "),
        target_key.any_of_sql(&[&difference.key])
    );
    let zeros = zeros(row);
    lenient(session, zeros > 0).await?;
    let done = session.run(&sql).await?;
    if done.affected != 1 {
        return Err(SyncError::stop(
            ErrorCode::VerifyFailed,
            format!("an update changed {} rows, not one", done.affected),
        ));
    }
    expect_warnings(session, done.warnings, zeros).await?;
    strict(session, zeros > 0).await
}

async fn insert(
    comparer: &Comparer<'_>,
    session: &mut Session,
    differences: &[&RowDifference],
    rows: &Rows,
) -> Result<(), SyncError> {
    let head = insert_head_sql(&comparer.other, &comparer.plan.pairs);
    let mut sql = String::new();
    let mut pending = 0_u64;
    for difference in differences {
        let row = row_of(rows, difference)?;
        let tuple = tuple_sql(&comparer.plan.pairs, row.iter().map(Option::as_deref));
        let zeros = zeros(row);
        if zeros > 0 {
            lenient(session, true).await?;
            let done = session.run(&format!("{head}{tuple}")).await?;
            expect_warnings(session, done.warnings, zeros).await?;
            strict(session, true).await?;
            continue;
        }
        if pending > 0 && sql.len() + tuple.len() > STATEMENT {
            send_insert(session, &sql, pending).await?;
            sql.clear();
            pending = 0;
        }
        sql.push_str(if pending == 0 { &head } else { ", " });
        sql.push_str(&tuple);
        pending += 1;
    }
    if pending > 0 {
        send_insert(session, &sql, pending).await
    } else {
        Ok(())
    }
}

async fn send_insert(session: &mut Session, sql: &str, rows: u64) -> Result<(), SyncError> {
    let done = session.run(sql).await?;
    no_warnings(session, done.warnings).await?;
    if done.affected == rows {
        return Ok(());
    }
    Err(SyncError::stop(
        ErrorCode::Internal,
        format!("{rows} rows were to be inserted, {} were", done.affected),
    ))
}

fn row_of<'a>(
    rows: &'a Rows,
    difference: &RowDifference,
) -> Result<&'a [Option<Vec<u8>>], SyncError> {
    rows.get(&difference.source_key)
        .map(Vec::as_slice)
        .ok_or_else(|| {
            SyncError::stop(
                ErrorCode::Internal,
                "a row of the snapshot was found once and not again",
            )
        })
}

fn zeros(row: &[Option<Vec<u8>>]) -> usize {
    row.iter()
        .flatten()
        .filter(|value| value.as_slice() == ENUM_ZERO)
        .count()
}

/// Lifts strictness where an ENUM's index 0 must go in. A failure in between costs the session.
async fn lenient(session: &mut Session, needed: bool) -> Result<(), SyncError> {
    if needed {
        let mode = WRITE_SQL_MODE.replace("STRICT_ALL_TABLES,", "");
        session
            .run(&format!("SET SESSION sql_mode = '{mode}'"))
            .await?;
    }
    Ok(())
}

async fn strict(session: &mut Session, needed: bool) -> Result<(), SyncError> {
    if needed {
        session
            .run(&format!("SET SESSION sql_mode = '{WRITE_SQL_MODE}'"))
            .await?;
    }
    Ok(())
}

async fn no_warnings(session: &mut Session, warnings: u16) -> Result<(), SyncError> {
    expect_warnings(session, warnings, 0).await
}

/// Exactly `zeros` warnings about values that are no ENUM member, and no other.
async fn expect_warnings(
    session: &mut Session,
    warnings: u16,
    zeros: usize,
) -> Result<(), SyncError> {
    if warnings == 0 && zeros == 0 {
        return Ok(());
    }
    let found = session.warnings().await?;
    let other = found.iter().find(|w| w.number != 1265 || zeros == 0);
    match other {
        None if found.len() == zeros => Ok(()),
        None => Err(SyncError::stop(
            ErrorCode::ValueRejected,
            "an ENUM value could not be carried over",
        )),
        Some(warning) => {
            let as_error = MysqlError::from_server(warning.number, warning.message.clone());
            let mut info = as_error.info();
            info.code = match info.code {
                ErrorCode::Internal => ErrorCode::ValueRejected,
                code => code,
            };
            info.transient = false;
            info.message = format!("the target would change a value: {}", info.message);
            Err(info.into())
        }
    }
}

/// What was written is what the source has.
async fn read_back(
    comparer: &Comparer<'_>,
    reader: &mut Reader,
    session: &mut Session,
    differences: &[&RowDifference],
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
