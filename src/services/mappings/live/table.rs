//! One rule against one table of the source: rights, columns, condition, key, masks.

use super::drift::check_drift;
use super::sides::Sides;
use super::source::check_source;
use crate::model::finding::Finding;
use crate::model::rule::{ColumnSelect, TableRule, TableSelect};
use crate::mysql::schema::TableSchema;
use crate::mysql::{Ident, MysqlError, TableRef};
use crate::sync::table::account;

/// Adds what is wrong with `rule` for the table `source`.
pub(super) async fn check_table(
    sides: &mut Sides<'_>,
    rule: &TableRule,
    source: &str,
    path: &str,
    findings: &mut Vec<Finding>,
) -> Result<(), MysqlError> {
    let at = TableRef::new(sides.spec.database.as_str(), source);
    if let Err(error) = sides
        .source
        .run(&format!("SELECT 1 FROM {at} LIMIT 0"))
        .await
    {
        return refused(sides, &at, path, error, findings).await;
    }
    let schema = match TableSchema::read(&mut sides.source, &at).await {
        Ok(Some(schema)) => schema,
        Ok(None) => return Ok(()),
        Err(error) => return refused(sides, &at, path, error, findings).await,
    };
    check_columns(rule, &schema, source, path, findings);
    if let Some(condition) = &rule.where_clause {
        let sql = format!("SELECT 1 FROM {at} WHERE ({condition}) LIMIT 0");
        match sides.source.rows(&sql).await {
            Ok(_) => {}
            Err(error) if error.is_connection_lost() => return Err(error),
            Err(error) => findings.push(
                Finding::new(format!("{path}.where"), format!("{source}: {error}"))
                    .remedy("correct the condition"),
            ),
        }
    }
    check_key(sides, rule, &schema, path, findings).await?;
    let target = rule.target_table.as_deref().unwrap_or(source);
    if let Some(seen) = sides.seen.get(target) {
        check_source(rule, &schema, seen, path, findings);
    }
    check_drift(sides, rule, &schema, source, path, findings).await
}

/// A table that can't be read.
async fn refused(
    sides: &mut Sides<'_>,
    at: &TableRef,
    path: &str,
    error: MysqlError,
    findings: &mut Vec<Finding>,
) -> Result<(), MysqlError> {
    if error.is_connection_lost() {
        return Err(error);
    }
    let denied = matches!(error.number, Some(1142 | 1143 | 1044 | 1370));
    let finding = Finding::new(path, format!("{}: {error}", at.shown()));
    findings.push(match denied {
        true => {
            let account = account(&mut sides.source)
                .await
                .unwrap_or_else(|| "the account".to_owned());
            finding.remedy(format!("GRANT SELECT ON {at} TO {account};"))
        }
        false => finding.remedy("repair the table on the source, or leave it out"),
    });
    Ok(())
}

/// Columns that the rule names and the table has not. What a pattern's rule takes away, renames or
/// masks need not be in each of its tables.
fn check_columns(
    rule: &TableRule,
    schema: &TableSchema,
    source: &str,
    path: &str,
    findings: &mut Vec<Finding>,
) {
    let mut missing = |field: &str, column: &str| {
        if schema.column(column).is_none() {
            let names = schema.columns.iter().map(|c| c.name.raw());
            let finding = Finding::new(
                format!("{path}.{field}"),
                format!("{source} has no column {column}"),
            );
            findings.push(match crate::model::mapping::suggestion(column, names) {
                Some(near) => finding.remedy(format!("did you mean {near}?")),
                None => finding.remedy("correct the name, or remove it"),
            });
        }
    };
    let by_name = matches!(rule.select, TableSelect::Source(_));
    match &rule.columns {
        ColumnSelect::All => {}
        ColumnSelect::Only(columns) => columns.iter().for_each(|c| missing("columns", c)),
        ColumnSelect::Except(columns) if by_name => {
            columns.iter().for_each(|c| missing("exclude_columns", c));
        }
        ColumnSelect::Except(_) => {}
    }
    for column in rule.key.iter().flatten() {
        missing("key", column);
    }
    for column in rule.rename_columns.keys().filter(|_| by_name) {
        missing("rename_columns", column);
    }
    for column in rule.mask.keys().filter(|_| by_name) {
        missing("mask", column);
    }
}

/// A key that the rule names must identify a row: by a unique index without NULLs, or as it is.
async fn check_key(
    sides: &mut Sides<'_>,
    rule: &TableRule,
    schema: &TableSchema,
    path: &str,
    findings: &mut Vec<Finding>,
) -> Result<(), MysqlError> {
    let Some(names) = &rule.key else {
        return Ok(());
    };
    let columns: Vec<_> = names.iter().filter_map(|n| schema.column(n)).collect();
    if columns.len() != names.len() {
        return Ok(());
    }
    let idents: Vec<Ident> = columns.iter().map(|c| c.name.clone()).collect();
    if schema.unique_key_on(&idents).is_some() && columns.iter().all(|c| !c.nullable) {
        return Ok(());
    }
    let list = crate::mysql::ident::list(&idents);
    let nulls: Vec<String> = idents.iter().map(|c| format!("{c} IS NULL")).collect();
    let table = &schema.table;
    for (sql, what) in [
        (
            format!("SELECT 1 AS one FROM {table} GROUP BY {list} HAVING COUNT(*) > 1 LIMIT 1"),
            "is not unique",
        ),
        (
            format!(
                "SELECT 1 AS one FROM {table} WHERE {} LIMIT 1",
                nulls.join(" OR ")
            ),
            "holds NULLs",
        ),
    ] {
        if sides.source.first(&sql).await?.is_some() {
            findings.push(
                Finding::new(
                    format!("{path}.key"),
                    format!("the key ({}) {what} in {}", names.join(", "), table.shown()),
                )
                .remedy("name columns that identify each row, or remove the key"),
            );
        }
    }
    Ok(())
}
