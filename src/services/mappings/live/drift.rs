//! Where an existing target can't take any more what its source and rule give.

use super::sides::{Sides, is_synced};
use crate::model::finding::Finding;
use crate::model::mask::Mask;
use crate::model::rule::TableRule;
use crate::mysql::column::Column;
use crate::mysql::kind::fits;
use crate::mysql::mask::masked;
use crate::mysql::schema::{TableSchema, same_name};
use crate::mysql::{MysqlError, TableRef};

/// Adds the columns and the key in which the target differs.
pub(super) async fn check_drift(
    sides: &mut Sides<'_>,
    rule: &TableRule,
    schema: &TableSchema,
    source: &str,
    path: &str,
    findings: &mut Vec<Finding>,
) -> Result<(), MysqlError> {
    let name = rule.target_table.as_deref().unwrap_or(source);
    let at = TableRef::new(sides.spec.target_database(), name);
    let Some(target) = TableSchema::read(&mut sides.local, &at).await? else {
        check_masks_alone(rule, schema, path, findings);
        return Ok(());
    };
    let one_flavour = sides.source.server().flavour == sides.local.server().flavour;
    let mut drift = |message: String, remedy: String| {
        findings.push(Finding::new(path, format!("drift: {message}")).remedy(remedy));
    };
    let wanted: Vec<(String, &Column)> = schema
        .columns
        .iter()
        .filter(|column| is_synced(rule, column.name.raw()))
        .map(|column| (renamed(rule, column.name.raw()), column))
        .collect();
    for (column, from) in &wanted {
        let Some(there) = target.column(column) else {
            drift(
                format!("{} lacks the column {column}", at.shown()),
                format!("add {column} to the target, or leave it out with exclude_columns"),
            );
            continue;
        };
        let held = match mask_of(rule, from.name.raw()) {
            Some(mask) => masked(mask, from, there).map(|_| ()),
            None => fits(from, there),
        };
        if one_flavour && let Err(why) = held {
            let types = format!(
                "{}.{column} is {}, its source is {}",
                at.shown(),
                there.column_type,
                from.column_type
            );
            drift(
                if there.column_type == from.column_type || mask_of(rule, from.name.raw()).is_some()
                {
                    format!("{types}: {why}")
                } else {
                    types
                },
                format!(
                    "change {column} on the target so that it holds every value, or leave it out"
                ),
            );
        }
    }
    for column in &target.columns {
        let name = column.name.raw();
        if !wanted.iter().any(|(wanted, _)| same_name(wanted, name)) {
            drift(
                format!(
                    "{} has the column {name}, which its source has not or the rule leaves out",
                    at.shown()
                ),
                format!(
                    "drop {name} on the target, or take it as it is: nothing fills it, and the table is written in place"
                ),
            );
        }
    }
    let (own, theirs) = (primary(&target), primary(schema));
    let wanted_key: Option<Vec<String>> =
        theirs.map(|names| names.iter().map(|name| renamed(rule, name)).collect());
    let same = match (&own, &wanted_key) {
        (Some(a), Some(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same_name(a, b)),
        (None, None) => true,
        _ => false,
    };
    if !same && rule.key.is_none() {
        let shown = |key: &Option<Vec<String>>| match key {
            Some(names) => format!("({})", names.join(", ")),
            None => "none".to_owned(),
        };
        drift(
            format!(
                "the primary key of {} is {}, that of its source {}",
                at.shown(),
                shown(&own),
                shown(&wanted_key)
            ),
            "give both the same primary key, or name one with key".to_owned(),
        );
    }
    Ok(())
}

/// Masks of a target that is to be made: those that no column can hold.
fn check_masks_alone(
    rule: &TableRule,
    schema: &TableSchema,
    path: &str,
    findings: &mut Vec<Finding>,
) {
    for column in &schema.columns {
        let name = column.name.raw();
        let Some(mask) = mask_of(rule, name) else {
            continue;
        };
        let (made, _) = crate::mysql::mask::column_for(mask, column);
        if let Err(why) = masked(mask, column, &made) {
            findings.push(
                Finding::new(format!("{path}.mask.{name}"), why)
                    .remedy("choose another mask, or leave the column out"),
            );
        }
    }
}

fn mask_of<'r>(rule: &'r TableRule, column: &str) -> Option<&'r Mask> {
    let named = rule.mask.iter().find(|(name, _)| same_name(name, column));
    named.map(|(_, mask)| mask)
}

fn renamed(rule: &TableRule, column: &str) -> String {
    let named = rule
        .rename_columns
        .iter()
        .find(|(from, _)| same_name(from, column));
    named.map_or_else(|| column.to_owned(), |(_, to)| to.clone())
}

fn primary(schema: &TableSchema) -> Option<Vec<String>> {
    let key = schema.keys.iter().find(|k| k.name.raw() == "PRIMARY")?;
    key.parts
        .iter()
        .map(|part| part.column.as_ref().map(|c| c.raw().to_owned()))
        .collect()
}
