//! Masked columns in a table's plan: what arrives instead of them, and what forbids it.

use super::planned::PlannedTable;
use crate::model::error::ErrorCode;
use crate::model::mask::{Mask, MaskMethod};
use crate::model::plan::Severity;
use crate::model::rule::TableRule;
use crate::mysql::column::Column;
use crate::mysql::ddl::CreateTable;
use crate::mysql::mask::{column_for, masked};
use crate::mysql::schema::{TableSchema, same_name};
use crate::mysql::value::ColumnPair;
use crate::mysql::{Ident, Session};
use crate::sync::error::SyncError;
use crate::sync::key::{KeySpec, MaskedPart};
use crate::sync::rules::Chosen;

/// The mask of a source column.
pub(super) fn of<'r>(rule: &'r TableRule, name: &str) -> Option<&'r Mask> {
    rule.mask
        .iter()
        .find(|(column, _)| same_name(column, name))
        .map(|(_, mask)| mask)
}

/// A rule for one table names columns that it has; and what is hashed needs a key.
pub(super) fn check_names(plan: &mut PlannedTable, chosen: &Chosen, schema: &TableSchema) {
    for (name, mask) in &chosen.rule.mask {
        if chosen.exact && schema.column(name).is_none() {
            let table = plan.source.shown();
            plan.stop_risk(
                ErrorCode::RuleInvalid,
                format!("mask names {name}, which {table} does not have"),
            );
        }
        if mask.method() == MaskMethod::Hash && plan.mask_key.is_none() {
            plan.stop_risk(ErrorCode::Internal, "there is no key to hash columns by");
        }
    }
}

/// The column of a target that is to be made.
pub(super) fn column_to_make(
    plan: &mut PlannedTable,
    mask: Option<&Mask>,
    column: &Column,
    target_name: &str,
) -> Column {
    let (made, definition) = match mask {
        Some(mask) => column_for(mask, column),
        None => (column.clone(), None),
    };
    if let Some(definition) = definition {
        plan.redefined.push((column.name.clone(), definition));
    }
    Column {
        name: Ident::new(target_name),
        ..made
    }
}

/// What the target computes can't be masked: it follows from its other columns.
pub(super) fn refuse_computed(plan: &mut PlannedTable, name: &str) {
    plan.stop_risk(
        ErrorCode::RuleInvalid,
        format!("the target computes {name} by itself, so it can't be masked"),
    )
    .remedy = Some("mask the columns that it is computed from, or leave it out".to_owned());
}

/// Adds the masked column. Where the target can't hold what the mask gives, the table is refused
/// and nothing of the column is read.
pub(super) fn add_pair(plan: &mut PlannedTable, mask: &Mask, column: &Column, target: Column) {
    let name = column.name.raw();
    match masked(mask, column, &target) {
        Ok(made) => {
            plan.pairs.push(ColumnPair {
                source: made.column,
                target,
                masked: Some(made.sql),
            });
            if let Some(probe) = made.probe {
                plan.mask_probes.push((name.to_owned(), probe));
            }
            let message = format!("{name} is masked by {}", mask.method().as_str());
            plan.risk("masked", Severity::Info, message);
        }
        Err(why) => {
            plan.stop_risk(ErrorCode::ValueRejected, format!("mask of {name}: {why}"))
                .remedy = Some(format!(
                "choose another mask, change {} on the target, or leave it out with exclude_columns",
                target.name.raw()
            ));
        }
    }
}

/// The masked columns, and those that are computed from them.
pub(super) fn reached(plan: &PlannedTable, schema: &TableSchema) -> Vec<Ident> {
    let is_masked = |name: &Ident| {
        plan.pairs
            .iter()
            .any(|pair| pair.masked.is_some() && pair.source.name == *name)
    };
    match CreateTable::parse(&schema.create_sql) {
        Ok(definition) => definition.gone_without(|name| !is_masked(name)),
        // What can't be read stops the table further on.
        Err(_) => Vec::new(),
    }
}

/// The masked columns of a key.
pub(super) struct KeyMasks(Vec<(usize, ColumnPair)>);

/// Which columns of a key are masked.
///
/// # Errors
/// The name of one that is computed from a masked column: the target computes another value.
pub(super) fn of_key(
    plan: &PlannedTable,
    columns: &[Column],
    reached: &[Ident],
) -> Result<KeyMasks, String> {
    let reached = reached
        .iter()
        .filter(|name| columns.iter().any(|c| c.name == **name));
    let mut masks = Vec::new();
    for name in reached {
        let pair = plan
            .pairs
            .iter()
            .find(|pair| pair.masked.is_some() && pair.source.name == *name)
            .ok_or_else(|| name.raw().to_owned())?;
        if let Some(at) = columns.iter().position(|c| c.name == *name) {
            masks.push((at, pair.clone()));
        }
    }
    Ok(KeyMasks(masks))
}

impl KeyMasks {
    /// The key on the source, masked columns as what the mask gives.
    pub(super) fn over(&self, mut columns: Vec<Column>, index: String) -> KeySpec {
        let mut masked = Vec::new();
        for (at, pair) in &self.0 {
            columns[*at] = pair.source.clone();
            masked.push(MaskedPart {
                at: *at,
                sql: pair.masked.clone(),
            });
        }
        KeySpec {
            columns,
            index,
            masked,
        }
    }

    /// The same on the target, which holds what the mask gave.
    pub(super) fn held(&self) -> Vec<MaskedPart> {
        let part = |(at, _): &(usize, ColumnPair)| MaskedPart { at: *at, sql: None };
        self.0.iter().map(part).collect()
    }
}

/// Keys that masked values can break.
pub(super) fn check_keys(plan: &mut PlannedTable, chosen: &Chosen, schema: &TableSchema) {
    let rule = &chosen.rule;
    for key in schema.keys.iter().filter(|key| key.unique) {
        let columns: Vec<&Ident> = key.parts.iter().filter_map(|p| p.column.as_ref()).collect();
        for column in columns {
            let Some(mask) = of(rule, column.raw()) else {
                continue;
            };
            if matches!(mask, Mask::Hash { .. }) {
                continue;
            }
            if key.name.raw() == "PRIMARY" {
                plan.stop_risk(
                    ErrorCode::RuleInvalid,
                    format!(
                        "{} is part of the primary key, which can only be masked by hash",
                        column.raw()
                    ),
                )
                .remedy = Some("use hash, or leave the column as it is".to_owned());
            } else if !matches!(mask, Mask::Nullify) {
                plan.risk(
                    "masked_unique",
                    Severity::Warning,
                    format!(
                        "{} is part of the unique key {}: rows that its mask makes equal are refused by the target",
                        column.raw(),
                        key.name.raw()
                    ),
                )
                .remedy = Some("use hash, which keeps different values different".to_owned());
            }
        }
    }
    for key in &schema.foreign_keys {
        let broken = key.columns.iter().find(|column| {
            of(rule, column.raw())
                .is_some_and(|mask| !matches!(mask, Mask::Nullify | Mask::Hash { .. }))
        });
        if let Some(column) = broken {
            plan.risk(
                "masked_reference",
                Severity::Warning,
                format!(
                    "{} refers to {}: masked, it finds no parent",
                    column.raw(),
                    key.parent.shown()
                ),
            )
            .remedy = Some("mask it and the parent's column by hash, or not at all".to_owned());
        }
    }
}

/// Constants and expressions, tried by the source.
pub(super) async fn check_values(
    plan: &mut PlannedTable,
    chosen: &Chosen,
    source: &mut Session,
) -> Result<(), SyncError> {
    for (name, probe) in std::mem::take(&mut plan.mask_probes) {
        let row = source.first(&format!("SELECT {probe} AS fits")).await;
        let fits = match row {
            Ok(row) => row.is_some_and(|row| row.opt_u64("fits").is_ok_and(|v| v == Some(1))),
            Err(error) if error.number.is_some() => false,
            Err(error) => return Err(error.into()),
        };
        if !fits {
            plan.stop_risk(
                ErrorCode::ValueRejected,
                format!("mask of {name}: the constant is no value of the target's column"),
            );
        }
    }
    for pair in plan.pairs.clone() {
        let name = pair.source.name.raw();
        let (Some(sql), Some(Mask::Expression(_))) = (&pair.masked, of(&chosen.rule, name)) else {
            continue;
        };
        match source
            .run(&format!("SELECT {sql} FROM {} LIMIT 0", plan.source))
            .await
        {
            Ok(_) => {}
            Err(error) if error.number.is_some() => {
                plan.stop_risk(
                    ErrorCode::RuleInvalid,
                    format!(
                        "mask of {name}: the source does not take the expression: {}",
                        error.message
                    ),
                );
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}
