//! Differences in an order in which they can be written, found out without writing any.

use std::collections::{HashMap, HashSet};

use super::foreign::Bonds;
use super::live::{both_can_not_be, held_for_good, in_order};
use super::statements::{delete_sql, inserts, of_kind, update_sql};
use super::unique::{has_others, holders_with_hashes};
use super::{KEYS, fetch};
use crate::model::error::{ErrorCode, ErrorInfo};
use crate::model::log::DifferenceKind;
use crate::mysql::Session;
use crate::mysql::WRITE_SQL_MODE;
use crate::mysql::kind::Kind;
use crate::sync::compare::{Comparer, RowDifference};
use crate::sync::error::SyncError;
use crate::sync::key::KeyTuple;
use crate::sync::shared::TableShared;
use crate::sync::snapshot::Reader;

/// All differences of a table, arranged.
pub struct Arranged {
    /// To be deleted before anything else: they hold values that others need.
    early: Vec<RowDifference>,
    /// To be deleted.
    extra: Vec<RowDifference>,
    /// To be updated, in this order.
    changed: Vec<RowDifference>,
    /// To be deleted and inserted again: they exchange values.
    circles: Vec<RowDifference>,
    /// To be inserted.
    missing: Vec<RowDifference>,
    /// Whether the server's checks of foreign keys let no row in before the others.
    unchecked: bool,
    /// Whether they let no row go before the others.
    knotted: bool,
}

/// Which rows hold the unique values that a row is to have, for each row that comes or changes; and
/// the rows to be deleted that hold some.
pub(super) async fn waits(
    table: &TableShared,
    comparer: &Comparer<'_>,
    reader: &mut Reader,
    session: &mut Session,
    differences: &[RowDifference],
) -> Result<(HashMap<KeyTuple, HashSet<KeyTuple>>, HashSet<KeyTuple>), SyncError> {
    let gone: HashSet<&KeyTuple> = differences
        .iter()
        .filter(|d| d.kind == DifferenceKind::Extra)
        .map(|d| &d.key)
        .collect();
    let comes: Vec<RowDifference> = differences
        .iter()
        .filter(|d| d.kind != DifferenceKind::Extra)
        .cloned()
        .collect();
    let (mut waits, mut needed) = (HashMap::new(), HashSet::new());
    for batch in comes.chunks(KEYS) {
        table.check()?;
        if !has_others(table) {
            waits.extend(batch.iter().map(|d| (d.key.clone(), HashSet::new())));
            continue;
        }
        let rows = fetch(comparer, reader, batch).await?;
        let all: Vec<&Vec<_>> = rows.values().collect();
        let held = holders_with_hashes(table, comparer, session, &all, false).await?;
        needed.extend(held.keys().filter(|k| gone.contains(k)).cloned());
        let alone = held.keys().all(|key| gone.contains(key));
        for difference in batch {
            let mut others = HashSet::new();
            if !alone && let Some(row) = rows.get(&difference.source_key) {
                let held = holders_with_hashes(table, comparer, session, &[row], false).await?;
                others = held.into_keys().collect();
                others.retain(|key| *key != difference.key && !gone.contains(key));
            }
            waits.insert(difference.key.clone(), others);
        }
    }
    Ok((waits, needed))
}

/// Differences without the rows that the policy leaves out for good, since a row that stays holds a
/// unique value of theirs; and how many these are. Writes nothing.
///
/// # Errors
/// The servers' refusals, or the loss of a connection.
pub async fn leave_held(
    table: &TableShared,
    comparer: &Comparer<'_>,
    reader: &mut Reader,
    session: &mut Session,
    mut differences: Vec<RowDifference>,
) -> Result<(Vec<RowDifference>, u64), SyncError> {
    let keeps = table.plan.options.conflict_resolution.may_keep();
    if !keeps || !has_others(table) {
        return Ok((differences, 0));
    }
    let (waits, _) = waits(table, comparer, reader, session, &differences).await?;
    let held = held_for_good(&waits);
    differences.retain(|d| !held.contains(&d.key));
    Ok((differences, held.len() as u64))
}

impl Arranged {
    /// Arranges all differences of a table.
    ///
    /// # Errors
    /// `duplicate_key` where they can't all be written; else the servers' own.
    pub async fn of(
        table: &TableShared,
        comparer: &Comparer<'_>,
        reader: &mut Reader,
        session: &mut Session,
        differences: Vec<RowDifference>,
    ) -> Result<Self, SyncError> {
        let bonds = Bonds::of(table);
        let (waits, needed) = waits(table, comparer, reader, session, &differences).await?;
        if let Some(key) = held_for_good(&waits).iter().next() {
            return Err(both_can_not_be(table, comparer, key));
        }
        let (early, extra) = of_kind(&differences, DifferenceKind::Extra)
            .into_iter()
            .partition(|d| needed.contains(&d.key));
        let changed = of_kind(&differences, DifferenceKind::Changed);
        let own: HashSet<KeyTuple> = changed.iter().map(|d| d.key.clone()).collect();
        let waits = waits
            .into_iter()
            .filter(|(key, _)| own.contains(key))
            .collect();
        let (mut changed, mut circles) = in_order(changed, waits);
        // An UPDATE keeps a JSON value that equals the new one but for the types of its numbers.
        let json = comparer.plan.pairs.iter().any(|p| p.kind() == Kind::Json);
        if json {
            circles.append(&mut changed);
        }
        if let Some(first) = circles.first()
            && !bonds.can_replace(comparer)
        {
            let mut info = ErrorInfo::new(
                ErrorCode::DuplicateKey,
                "rows exchange values of a unique key that foreign keys refer to, so they can't be replaced",
            );
            let target_key = comparer.plan.target_key.as_ref();
            info.key = target_key.map(|k| k.shown(&first.key));
            return Err(info.into());
        }
        Ok(Self {
            early,
            extra,
            changed,
            circles,
            missing: of_kind(&differences, DifferenceKind::Missing),
            unchecked: bonds.any(),
            knotted: bonds.is_knotted(),
        })
    }

    /// Writes the statements down. Where other tables are bound to this one, deletes go to `later`.
    ///
    /// # Errors
    /// The source's refusal, or that of `write`.
    pub async fn script(
        &self,
        comparer: &Comparer<'_>,
        reader: &mut Reader,
        session: &Session,
        write: &mut (dyn FnMut(&str) -> Result<(), SyncError> + Send),
        bound: bool,
        later: &mut String,
    ) -> Result<(), SyncError> {
        if self.unchecked || !self.circles.is_empty() {
            write("SET SESSION foreign_key_checks = 0;\n")?;
        }
        write(&deletes(comparer, &self.early))?;
        write(&deletes(comparer, &self.circles))?;
        write("SET SESSION foreign_key_checks = 1;\n")?;
        let gone = deletes(comparer, &self.extra);
        let gone = if self.knotted && !gone.is_empty() {
            format!(
                "SET SESSION foreign_key_checks = 0;\n{gone}SET SESSION foreign_key_checks = 1;\n"
            )
        } else {
            gone
        };
        if bound {
            later.push_str(&gone);
        } else {
            write(&gone)?;
        }
        for batch in self.changed.chunks(KEYS) {
            let rows = fetch(comparer, reader, batch).await?;
            for difference in batch {
                if let Some((sql, zeros)) = update_sql(comparer, difference, &rows)? {
                    write(&lenient(&sql, zeros))?;
                }
            }
        }
        if self.unchecked || !self.circles.is_empty() {
            write("SET SESSION foreign_key_checks = 0;\n")?;
        }
        let comes: Vec<RowDifference> = self.circles.iter().chain(&self.missing).cloned().collect();
        for batch in comes.chunks(KEYS) {
            let rows = fetch(comparer, reader, batch).await?;
            let batch: Vec<&RowDifference> = batch.iter().collect();
            for insert in inserts(comparer, session, &batch, &rows)? {
                write(&lenient(insert.sql(), insert.zeros()))?;
            }
        }
        write("SET SESSION foreign_key_checks = 1;\n")
    }
}

fn deletes(comparer: &Comparer<'_>, rows: &[RowDifference]) -> String {
    let keys: Vec<&KeyTuple> = rows.iter().map(|d| &d.key).collect();
    keys.chunks(KEYS)
        .filter_map(|batch| delete_sql(comparer, batch))
        .map(|sql| format!("{sql};\n"))
        .collect()
}

/// A statement whose ENUM values without a member a strict session would not let in.
fn lenient(sql: &str, zeros: usize) -> String {
    if zeros == 0 {
        return format!("{sql};\n");
    }
    format!(
        "SET SESSION sql_mode = '{}';\n{sql};\nSET SESSION sql_mode = '{WRITE_SQL_MODE}';\n",
        WRITE_SQL_MODE.replace("STRICT_ALL_TABLES,", "")
    )
}
