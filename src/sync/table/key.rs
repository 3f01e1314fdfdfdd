//! What identifies a table's rows: a key that the source holds unique, or one that the rule names.

use super::columns::renamed;
use super::planned::PlannedTable;
use crate::model::error::ErrorCode;
use crate::model::plan::Severity;
use crate::mysql::column::Column;
use crate::mysql::kind::Kind;
use crate::mysql::schema::TableSchema;
use crate::mysql::{Ident, Session};
use crate::sync::error::SyncError;
use crate::sync::key::KeySpec;
use crate::sync::rules::Chosen;

pub(super) async fn choose_key(
    plan: &mut PlannedTable,
    chosen: &Chosen,
    schema: &TableSchema,
    source: &mut Session,
) -> Result<(), SyncError> {
    let masked = super::mask::reached(plan, schema);
    let is_masked = |column: &Column| masked.contains(&column.name);
    let found: Option<(Vec<Column>, String)> = if let Some(names) = &chosen.rule.key {
        let columns: Vec<Column> = names
            .iter()
            .filter_map(|n| schema.column(n).cloned())
            .collect();
        if columns.len() != names.len() {
            plan.stop_risk(
                ErrorCode::RuleInvalid,
                format!(
                    "key names a column that {} does not have",
                    plan.source.shown()
                ),
            );
            return Ok(());
        }
        let idents: Vec<Ident> = columns.iter().map(|c| c.name.clone()).collect();
        let index = schema
            .unique_key_on(&idents)
            .filter(|_| columns.iter().all(|c| !c.nullable));
        let index_name = match index {
            Some(key) => key.name.raw().to_owned(),
            None => {
                check_unique(plan, &columns, source).await?;
                String::new()
            }
        };
        Some((columns, index_name))
    } else {
        let unique = schema.keys.iter().filter(|key| key.unique);
        let usable: Vec<(Vec<Column>, String)> = unique
            .filter_map(|key| {
                let columns: Option<Vec<Column>> = key
                    .parts
                    .iter()
                    .map(|part| match (&part.column, part.prefix) {
                        (Some(name), false) => {
                            schema.column(name.raw()).filter(|c| !c.nullable).cloned()
                        }
                        _ => None,
                    })
                    .collect();
                columns.map(|columns| (columns, key.name.raw().to_owned()))
            })
            .collect();
        // The first whose columns all arrive as they are; else the first, to say what it lacks.
        let arrives = |columns: &[Column]| {
            columns
                .iter()
                .all(|c| arriving(plan, chosen, c).is_some() && !is_masked(c))
        };
        usable
            .iter()
            .find(|(columns, _)| arrives(columns))
            .or_else(|| usable.first())
            .cloned()
    };
    let Some((columns, index)) = found else {
        plan.risk(
            "no_key",
            Severity::Warning,
            "no primary key and no unique key without NULLs: the table is copied in one transaction and compared as a whole",
        )
        .remedy = Some("add a primary key to the source's table".to_owned());
        return Ok(());
    };
    let masks = match super::mask::of_key(plan, &columns, &masked) {
        Ok(masks) => masks,
        Err(column) => {
            plan.stop_risk(
                ErrorCode::RuleInvalid,
                format!(
                    "the key column {column} is computed from a masked one, so rows could not be told apart"
                ),
            )
            .remedy = Some("name another key".to_owned());
            return Ok(());
        }
    };
    let mut target_columns = Vec::new();
    for column in &columns {
        match arriving(plan, chosen, column) {
            Some(target) => target_columns.push(target),
            None => {
                plan.stop_risk(
                    ErrorCode::RuleInvalid,
                    format!("the key column {} can't be left out", column.name.raw()),
                );
                return Ok(());
            }
        }
    }
    plan.comparable = columns
        .iter()
        .zip(&target_columns)
        .all(|(s, t)| s.collation == t.collation && Kind::of(s) == Kind::of(t));
    let key = masks.over(columns, index);
    if !key.masked.is_empty() {
        plan.risk(
            "masked_key",
            Severity::Warning,
            "a column of the key is masked: the table is copied in one transaction and compared in parts that each read all of it",
        )
        .remedy = Some("a unique key without masked columns lets it be copied in ranges".to_owned());
    } else if !key.is_chunkable() {
        plan.risk(
            "key_not_walkable",
            Severity::Info,
            "the key's type can't be walked in order: the table is copied in one transaction",
        );
    }
    plan.target_key = Some(KeySpec {
        columns: target_columns,
        index: String::new(),
        masked: masks.held(),
    });
    plan.key = Some(key);
    Ok(())
}

/// The target's column for a column of the source: one that is copied, or one that both compute.
fn arriving(plan: &PlannedTable, chosen: &Chosen, column: &Column) -> Option<Column> {
    if let Some(pair) = plan.pairs.iter().find(|p| p.source.name == column.name) {
        return Some(pair.target.clone());
    }
    if !column.generated || plan.gone.contains(&column.name) {
        return None;
    }
    let name = renamed(&chosen.rule, column.name.raw());
    match &plan.target_schema {
        Some(target) => target.column(&name).filter(|c| c.generated).cloned(),
        None => Some(Column {
            name: Ident::new(name),
            ..column.clone()
        }),
    }
}

/// A key that no index holds unique must be unique all the same.
async fn check_unique(
    plan: &mut PlannedTable,
    columns: &[Column],
    source: &mut Session,
) -> Result<(), SyncError> {
    let list = columns
        .iter()
        .map(|c| c.name.to_string())
        .collect::<Vec<_>>()
        .join(", ");
    let nulls = columns
        .iter()
        .map(|c| format!("{} IS NULL", c.name))
        .collect::<Vec<_>>()
        .join(" OR ");
    let table = &plan.source;
    let twice = source
        .first(&format!(
            "SELECT 1 AS one FROM {table} GROUP BY {list} HAVING COUNT(*) > 1 LIMIT 1"
        ))
        .await?;
    let null = source
        .first(&format!(
            "SELECT 1 AS one FROM {table} WHERE {nulls} LIMIT 1"
        ))
        .await?;
    if twice.is_some() || null.is_some() {
        let what = if twice.is_some() {
            "is not unique"
        } else {
            "holds NULLs"
        };
        plan.stop_risk(
            ErrorCode::NoKey,
            format!("the key ({list}) {what} on the source"),
        );
    }
    Ok(())
}
