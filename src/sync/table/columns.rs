//! Which columns go where: those that the rule wants, by the names that they have on the target, as far
//! as their values fit.

use super::mask;
use super::planned::PlannedTable;
use crate::model::error::ErrorCode;
use crate::model::rule::ColumnSelect;
use crate::mysql::ddl::CreateTable;
use crate::mysql::kind::fits;
use crate::mysql::schema::{TableSchema, same_name};
use crate::mysql::value::ColumnPair;
use crate::sync::rules::Chosen;

pub(super) fn match_columns(plan: &mut PlannedTable, chosen: &Chosen, schema: &TableSchema) {
    let rule = &chosen.rule;
    let named: &[String] = match &rule.columns {
        ColumnSelect::Only(names) => names,
        _ => &[],
    };
    let except: &[String] = match &rule.columns {
        ColumnSelect::Except(names) => names,
        _ => &[],
    };
    let strict = if chosen.exact {
        [named, except].concat()
    } else {
        named.to_vec()
    };
    for name in &strict {
        if schema.column(name).is_none() {
            plan.stop_risk(
                ErrorCode::RuleInvalid,
                format!("{} has no column {name}", plan.source.shown()),
            );
        }
    }
    if chosen.exact {
        for name in rule.rename_columns.keys() {
            if schema.column(name).is_none() {
                plan.stop_risk(
                    ErrorCode::RuleInvalid,
                    format!(
                        "rename_columns names {name}, which {} does not have",
                        plan.source.shown()
                    ),
                );
            }
        }
    }
    mask::check_names(plan, chosen, schema);
    plan.gone = match CreateTable::parse(&schema.create_sql) {
        Ok(definition) => definition.gone_without(|name| wanted(chosen, name.raw())),
        // What can't be read stops the table further on.
        Err(_) => Vec::new(),
    };
    for column in &schema.columns {
        let name = column.name.raw();
        if plan.gone.contains(&column.name) {
            continue;
        }
        let target_name = renamed(rule, name);
        let mask = mask::of(rule, name);
        let target = match &plan.target_schema {
            None => mask::column_to_make(plan, mask, column, &target_name),
            Some(target) => match target.column(&target_name) {
                Some(found) => found.clone(),
                None => {
                    plan.stop_risk(
                        ErrorCode::SchemaChanged,
                        format!(
                            "the target {} has no column {target_name}",
                            plan.target.shown()
                        ),
                    )
                    .remedy = Some(
                        "add the column to the target, or leave it out with exclude_columns"
                            .to_owned(),
                    );
                    continue;
                }
            },
        };
        match (column.generated, target.generated) {
            (_, true) if mask.is_some() => {
                mask::refuse_computed(plan, name);
                continue;
            }
            (true, true) => continue,
            (false, true) => {
                plan.stop_risk(
                    ErrorCode::RuleInvalid,
                    format!("the target computes {target_name}, which the source stores"),
                );
                continue;
            }
            _ => {}
        }
        if let Some(mask) = mask {
            mask::add_pair(plan, mask, column, target);
            continue;
        }
        if let Err(why) = fits(column, &target) {
            plan.stop_risk(ErrorCode::ValueRejected, format!("column {name}: {why}"))
                .remedy = Some(format!(
                "widen {target_name} on the target, or leave it out"
            ));
        }
        plan.pairs.push(ColumnPair {
            source: column.clone(),
            target,
            masked: None,
        });
    }
    if plan.pairs.is_empty() {
        plan.stop_risk(ErrorCode::RuleInvalid, "no column is left to copy");
    }
}

/// Whether the rule wants a column.
fn wanted(chosen: &Chosen, name: &str) -> bool {
    match &chosen.rule.columns {
        ColumnSelect::All => true,
        ColumnSelect::Only(names) => names.is_empty() || names.iter().any(|n| same_name(n, name)),
        ColumnSelect::Except(names) => !names.iter().any(|n| same_name(n, name)),
    }
}

/// A column's name on the target.
#[must_use]
pub fn renamed(rule: &crate::model::rule::TableRule, name: &str) -> String {
    rule.rename_columns
        .iter()
        .find(|(from, _)| same_name(from, name))
        .map_or_else(|| name.to_owned(), |(_, to)| to.clone())
}
