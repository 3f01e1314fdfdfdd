//! Which rows of a target hold the unique values that other rows are to have.
//!
//! Keys over columns, or the beginnings of columns, are looked up by the values themselves. What a
//! server computes (generated columns, expressions) it computes here too: in a temporary table of
//! the same definition, which holds the rows that are to come.

use std::collections::HashMap;

use super::KEYS;
use super::statements::{run, zeros};
use crate::model::error::ErrorCode;
use crate::mysql::ddl::CreateTable;
use crate::mysql::rows::{insert_head_sql, tuple_sql};
use crate::mysql::schema::{Key, TableSchema, same_name};
use crate::mysql::{Session, TableRef};
use crate::sync::compare::{Comparer, RowHash};
use crate::sync::error::SyncError;
use crate::sync::key::KeyTuple;
use crate::sync::shared::TableShared;

/// A row's values, in the order of the plan's columns.
pub(super) type Values = Vec<Option<Vec<u8>>>;

/// Name of the temporary table; each session has its own.
const PROBE: &str = "_dbtaxi_probe";

/// How the holders of a unique key's values are found.
enum Lookup {
    /// By values of columns.
    Stored(Vec<Part>),
    /// By what the server computes: the key's parts as expressions.
    Computed(Vec<String>),
    /// Not at all: several values of one row are in the key.
    None,
}

/// A column of the plan in a key, by its position.
struct Part {
    at: usize,
    /// How much of it; `None` for all.
    length: Option<u64>,
}

/// Keys of the rows that hold a unique value of one of `rows`.
pub(super) async fn holders(
    table: &TableShared,
    comparer: &Comparer<'_>,
    session: &mut Session,
    rows: &[&Values],
) -> Result<Vec<KeyTuple>, SyncError> {
    let found = holders_with_hashes(table, comparer, session, rows, true).await?;
    Ok(found.into_keys().collect())
}

/// The same with the hashes of these rows; with `lock`, locked for a change.
pub(super) async fn holders_with_hashes(
    table: &TableShared,
    comparer: &Comparer<'_>,
    session: &mut Session,
    rows: &[&Values],
    lock: bool,
) -> Result<HashMap<KeyTuple, RowHash>, SyncError> {
    let read;
    let schema = match &table.plan.target_schema {
        Some(schema) => schema,
        // A table that is made by this run.
        None => match TableSchema::read(session, &comparer.other).await? {
            Some(schema) => {
                read = schema;
                &read
            }
            None => return Ok(HashMap::new()),
        },
    };
    let mut found = HashMap::new();
    let mut computed = Vec::new();
    for key in schema.keys.iter().filter(|key| key.unique) {
        match lookup(comparer, key) {
            Lookup::Stored(parts) => {
                let conditions: Vec<String> = rows
                    .iter()
                    .filter_map(|row| condition(comparer, &parts, row))
                    .collect();
                for batch in conditions.chunks(KEYS) {
                    let condition = batch.join(" OR ");
                    let held = comparer
                        .target_hashes_where(session, &condition, lock)
                        .await?;
                    found.extend(held);
                }
            }
            Lookup::Computed(parts) => computed.push(parts),
            Lookup::None => {}
        }
    }
    if !computed.is_empty() {
        let ask = Ask {
            schema,
            keys: &computed,
            lock,
        };
        ask.by_computing(comparer, session, rows, &mut found)
            .await?;
    }
    Ok(found)
}

/// Whether the target has unique keys besides the one that identifies rows.
pub(super) fn has_others(table: &TableShared) -> bool {
    let Some(schema) = &table.plan.target_schema else {
        return false;
    };
    schema.keys.iter().filter(|key| key.unique).count() > 1
}

/// Names of unique keys of the target whose holders can't be found.
pub(super) fn unseen(table: &TableShared, comparer: &Comparer<'_>) -> Vec<String> {
    let schema = table.plan.target_schema.as_ref();
    schema
        .iter()
        .flat_map(|schema| &schema.keys)
        .filter(|key| key.unique && matches!(lookup(comparer, key), Lookup::None))
        .map(|key| key.name.raw().to_owned())
        .collect()
}

fn lookup(comparer: &Comparer<'_>, key: &Key) -> Lookup {
    let stored: Option<Vec<Part>> = key
        .parts
        .iter()
        .map(|part| {
            let name = part.column.as_ref()?;
            let pairs = &comparer.plan.pairs;
            let at = pairs
                .iter()
                .position(|pair| same_name(pair.target.name.raw(), name.raw()))?;
            Some(Part {
                at,
                length: part.length,
            })
        })
        .collect();
    if let Some(parts) = stored {
        return Lookup::Stored(parts);
    }
    let computed: Option<Vec<String>> = key
        .parts
        .iter()
        .map(|part| match (&part.column, &part.expression) {
            (Some(name), _) => Some(match part.length {
                Some(length) => format!("LEFT({name}, {length})"),
                None => name.to_string(),
            }),
            // A list of values: each of them is in the key.
            (None, Some(text)) if !text.trim_end().ends_with(" array)") => {
                Some(format!("({text})"))
            }
            (None, _) => None,
        })
        .collect();
    computed.map_or(Lookup::None, Lookup::Computed)
}

/// The condition that a row holds these values; none where one of them is NULL, which is no value.
fn condition(comparer: &Comparer<'_>, parts: &[Part], row: &Values) -> Option<String> {
    let terms: Option<Vec<String>> = parts
        .iter()
        .map(|part| {
            let pair = &comparer.plan.pairs[part.at];
            let value = row.get(part.at)?.as_deref()?;
            let (name, literal) = (&pair.target.name, pair.condition_sql(value));
            Some(match part.length {
                Some(length) => {
                    format!("LEFT({name}, {length}) = LEFT({literal}, {length})")
                }
                None => format!("{name} = {literal}"),
            })
        })
        .collect();
    Some(format!("({})", terms?.join(" AND ")))
}

/// What is asked of a temporary table.
struct Ask<'a> {
    schema: &'a TableSchema,
    keys: &'a [Vec<String>],
    lock: bool,
}

impl Ask<'_> {
    /// Puts `rows` into a temporary table and asks which rows of the target agree with them on the
    /// parts of a key. Nothing of this ends a transaction, since the table is a temporary one.
    async fn by_computing(
        &self,
        comparer: &Comparer<'_>,
        session: &mut Session,
        rows: &[&Values],
        found: &mut HashMap<KeyTuple, RowHash>,
    ) -> Result<(), SyncError> {
        let probe = TableRef::new(comparer.other.database.clone(), PROBE);
        let create = CreateTable::parse(&self.schema.create_sql)
            .map_err(|why| SyncError::stop(ErrorCode::Unsupported, why))?;
        session.run(&create.create_probe_sql(&probe)).await?;
        let pairs = &comparer.plan.pairs;
        let head = insert_head_sql(&probe, pairs);
        for row in rows {
            let tuple = tuple_sql(pairs, row.iter().map(Option::as_deref));
            run(session, &format!("{head}{tuple}"), zeros(row)).await?;
        }
        self.ask(comparer, session, &probe, found).await?;
        session
            .run(&format!("DROP TEMPORARY TABLE {probe}"))
            .await?;
        Ok(())
    }

    async fn ask(
        &self,
        comparer: &Comparer<'_>,
        session: &mut Session,
        probe: &TableRef,
        found: &mut HashMap<KeyTuple, RowHash>,
    ) -> Result<(), SyncError> {
        for parts in self.keys {
            let list = parts.join(", ");
            let condition = format!("({list}) IN (SELECT {list} FROM {probe})");
            let held = comparer.target_hashes_where(session, &condition, self.lock);
            found.extend(held.await?);
        }
        Ok(())
    }
}
