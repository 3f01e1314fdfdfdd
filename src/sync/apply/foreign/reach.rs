//! Rows of other tables that changes of a live target would reach by foreign keys: counted over the
//! whole table before the first of them is written.

use std::collections::BTreeMap;

use super::bonds::{Bonds, refused, restricts};
use crate::model::log::{DifferenceKind, Level};
use crate::mysql::Session;
use crate::mysql::schema::ForeignKey;
use crate::sync::apply::statements::{of_kind, row_of};
use crate::sync::apply::{KEYS, Rows, fetch};
use crate::sync::compare::{Comparer, RowDifference};
use crate::sync::error::SyncError;
use crate::sync::key::KeyTuple;
use crate::sync::shared::TableShared;
use crate::sync::snapshot::Reader;

/// What a change does to the row that others refer to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Doing {
    Deleting,
    Updating,
}

impl Doing {
    fn as_str(self) -> &'static str {
        match self {
            Self::Deleting => "deleting",
            Self::Updating => "updating",
        }
    }

    fn action(self, key: &ForeignKey) -> &str {
        match self {
            Self::Deleting => &key.on_delete,
            Self::Updating => &key.on_update,
        }
    }
}

/// How many rows of tables that the job does not sync would be reached, by the foreign key's place
/// among those onto the target.
#[derive(Debug, Default)]
pub struct Reached(BTreeMap<(Doing, usize), u64>);

impl Reached {
    /// Counts what writing `rows` would reach.
    ///
    /// # Errors
    /// The servers' refusals, or the loss of a connection.
    pub async fn of(
        table: &TableShared,
        comparer: &Comparer<'_>,
        reader: &mut Reader,
        session: &mut Session,
        rows: &[RowDifference],
    ) -> Result<Self, SyncError> {
        let bonds = Bonds::of(table);
        let mut found = Self::default();
        // A table of the job takes its rows from its own source: whether it still refers to a row is
        // seen when that row goes.
        let inbound = table.plan.inbound.iter().enumerate();
        let strangers: Vec<(usize, &ForeignKey)> =
            inbound.filter(|(_, key)| !bonds.is_of_job(key)).collect();
        let extra = of_kind(rows, DifferenceKind::Extra);
        let changed = of_kind(rows, DifferenceKind::Changed);
        for (at, key) in strangers {
            let deletes = by_deletes(comparer, session, key, &extra).await?;
            found.count(Doing::Deleting, at, deletes);
            for batch in changed.chunks(KEYS) {
                if !can_move(comparer, key) {
                    break;
                }
                let values = fetch(comparer, reader, batch).await?;
                let updates = by_updates(comparer, session, key, batch, &values).await?;
                found.count(Doing::Updating, at, updates);
            }
        }
        Ok(found)
    }

    fn count(&mut self, doing: Doing, key: usize, rows: u64) {
        if rows > 0 {
            *self.0.entry((doing, key)).or_default() += rows;
        }
    }

    /// Adds what another part of the table would reach.
    pub fn add(&mut self, other: Self) {
        for ((doing, key), rows) in other.0 {
            self.count(doing, key, rows);
        }
    }

    /// Lets the changes be written, or not: the server refuses to reach rows of some keys, and
    /// others take their rows along, which has to be allowed.
    ///
    /// # Errors
    /// `delete_limit`, with what to do.
    pub fn allow(&self, table: &TableShared) -> Result<(), SyncError> {
        for ((doing, at), rows) in &self.0 {
            let Some(key) = table.plan.inbound.get(*at) else {
                continue;
            };
            let action = doing.action(key);
            if restricts(action) || !table.plan.options.allow_cascade {
                return Err(refused(doing.as_str(), *rows, key, action));
            }
            table.log(
                Level::Warn,
                format!(
                    "{} rows reaches {rows} rows of {} by the foreign key {} ({action}), which allow_cascade allows",
                    doing.as_str(),
                    key.table.shown(),
                    key.name.raw()
                ),
            );
        }
        Ok(())
    }
}

/// Rows of a child that refer to rows about to be deleted.
pub(super) async fn by_deletes(
    comparer: &Comparer<'_>,
    session: &mut Session,
    key: &ForeignKey,
    rows: &[RowDifference],
) -> Result<u64, SyncError> {
    let Some(target_key) = &comparer.plan.target_key else {
        return Ok(0);
    };
    let mut reached = 0;
    for batch in rows.chunks(KEYS) {
        let keys: Vec<&KeyTuple> = batch.iter().map(|d| &d.key).collect();
        reached += children(comparer, session, key, &target_key.any_of_sql(&keys)).await?;
    }
    Ok(reached)
}

/// Places, among the plan's columns, of those that a child refers to and that an update may move:
/// what identifies a row stays.
fn moving(comparer: &Comparer<'_>, key: &ForeignKey) -> Vec<usize> {
    let Some(target_key) = &comparer.plan.target_key else {
        return Vec::new();
    };
    let pairs = comparer.plan.pairs.iter().enumerate();
    pairs
        .filter(|(_, pair)| {
            let name = &pair.target.name;
            key.parent_columns.contains(name) && !target_key.columns.iter().any(|c| c.name == *name)
        })
        .map(|(at, _)| at)
        .collect()
}

/// Whether updates may move values that a child refers to.
pub(super) fn can_move(comparer: &Comparer<'_>, key: &ForeignKey) -> bool {
    !moving(comparer, key).is_empty()
}

/// Rows of a child that refer to values about to change; `rows` holds the source's.
pub(super) async fn by_updates(
    comparer: &Comparer<'_>,
    session: &mut Session,
    key: &ForeignKey,
    changed: &[RowDifference],
    rows: &Rows,
) -> Result<u64, SyncError> {
    let moving = moving(comparer, key);
    let Some(target_key) = &comparer.plan.target_key else {
        return Ok(0);
    };
    let mut reached = 0;
    for batch in changed.chunks(KEYS) {
        let mut arms = Vec::new();
        for difference in batch {
            let row = row_of(rows, difference)?;
            let same: Vec<String> = moving
                .iter()
                .map(|at| {
                    let pair = &comparer.plan.pairs[*at];
                    let value = row[*at].as_deref();
                    let literal =
                        value.map_or_else(|| "NULL".to_owned(), |v| pair.condition_sql(v));
                    format!("{} <=> {literal}", pair.target.name)
                })
                .collect();
            arms.push(format!(
                "({} AND NOT ({}))",
                target_key.any_of_sql(&[&difference.key]),
                same.join(" AND ")
            ));
        }
        reached += children(comparer, session, key, &arms.join(" OR ")).await?;
    }
    Ok(reached)
}

/// Rows of a child that refer to the target's rows that `parents` selects.
async fn children(
    comparer: &Comparer<'_>,
    session: &mut Session,
    key: &ForeignKey,
    parents: &str,
) -> Result<u64, SyncError> {
    let join: Vec<String> = key
        .columns
        .iter()
        .zip(&key.parent_columns)
        .map(|(child, parent)| format!("c.{child} = p.{parent}"))
        .collect();
    let columns: Vec<String> = key.parent_columns.iter().map(ToString::to_string).collect();
    let sql = format!(
        "SELECT COUNT(*) AS n FROM {} c JOIN (SELECT {} FROM {} WHERE {parents}) p ON {}",
        key.table,
        columns.join(", "),
        comparer.other,
        join.join(" AND ")
    );
    let row = session.first(&sql).await?;
    Ok(row.map(|row| row.u64("n")).transpose()?.unwrap_or(0))
}
