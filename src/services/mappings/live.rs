//! A document against the live servers.

use std::collections::HashMap;

use super::Stored;
use crate::model::command::Refusal;
use crate::model::config::ConfigSpec;
use crate::model::connection::ConnectionSpec;
use crate::model::finding::Finding;
use crate::model::mapping::Document;
use crate::model::pattern;
use crate::model::rule::{ColumnSelect, TableRule, TableSelect};
use crate::mysql::probe::same_database;
use crate::mysql::schema::{TableSchema, list_tables, same_name};
use crate::mysql::{Ident, MysqlError, Session, TableRef};
use crate::services::ServicesOptions;
use crate::services::connections::unsaved;
use crate::services::endpoints::itself;
use crate::services::refusal::refuse;

/// Both sides of a connection, open.
struct Sides<'a> {
    spec: &'a ConnectionSpec,
    source: Session,
    local: Session,
    /// Base tables of the source.
    tables: Vec<String>,
}

/// Everything in which the servers differ from what the document expects.
pub(super) async fn check(
    shared: &ServicesOptions,
    stored: &Stored,
    document: &Document,
) -> Result<Vec<Finding>, Refusal> {
    let mut findings = Vec::new();
    let mut by_connection: HashMap<&str, Vec<(usize, &ConfigSpec)>> = HashMap::new();
    let mut order: Vec<&str> = Vec::new();
    for (index, config) in document.configs.iter().enumerate() {
        let name = config.connection.as_str();
        if !by_connection.contains_key(name) {
            order.push(name);
        }
        by_connection.entry(name).or_default().push((index, config));
    }
    // Connections without a config are at least reached.
    for connection in &document.connections {
        if !order.contains(&connection.name.as_str()) {
            order.push(&connection.name);
        }
    }
    for name in order {
        let in_document = document.connections.iter().position(|c| c.name == name);
        let configs = by_connection.remove(name).unwrap_or_default();
        let path = match (in_document, configs.first()) {
            (Some(index), _) => format!("connections[{index}]"),
            (None, Some((index, _))) => format!("configs[{index}].connection"),
            (None, None) => String::new(),
        };
        let spec = match in_document {
            Some(index) => &document.connections[index],
            None => match stored.connections.get(name) {
                Some(connection) => &connection.spec,
                None => continue,
            },
        };
        let mut sides = match open(shared, stored, spec).await? {
            Ok(sides) => sides,
            Err(mut finding) => {
                finding.path = path;
                findings.push(finding);
                continue;
            }
        };
        for (index, config) in configs {
            let path = format!("configs[{index}]");
            if let Err(error) = check_config(&mut sides, config, &path, &mut findings).await {
                findings.push(Finding::new(path, error.to_string()));
            }
        }
        sides.source.close().await;
        sides.local.close().await;
    }
    Ok(findings)
}

async fn open<'a>(
    shared: &ServicesOptions,
    stored: &Stored,
    spec: &'a ConnectionSpec,
) -> Result<Result<Sides<'a>, Finding>, Refusal> {
    let password = match (&spec.password, stored.connections.get(&spec.name)) {
        (Some(password), _) => Some(password.clone()),
        (None, Some(old)) => shared
            .store
            .connection_password(old.id)
            .await
            .map_err(refuse)?,
        (None, None) => None,
    };
    let endpoint = match shared.source_with(&unsaved(spec), password) {
        Ok(endpoint) => endpoint,
        Err(refusal) => return Ok(Err(Finding::new("", refusal.to_string()))),
    };
    let report = crate::mysql::probe::probe(&endpoint, &spec.database).await;
    if !report.ok {
        let message = report.error.unwrap_or_default();
        return Ok(Err(Finding::new("", message)));
    }
    let mut local = shared.open_local().await?;
    let opened = async {
        let mut source = shared
            .open_source(&endpoint)
            .await
            .map_err(|refusal| Finding::new("", refusal.to_string()))?;
        let shown = |error: MysqlError| Finding::new("", error.to_string());
        let target = spec.target_database();
        if same_database(&mut source, &spec.database, &mut local, target)
            .await
            .map_err(shown)?
        {
            return Err(itself(target));
        }
        let tables = list_tables(&mut source, &Ident::from(spec.database.as_str()))
            .await
            .map_err(shown)?
            .into_iter()
            .filter(|(_, kind)| kind == "BASE TABLE")
            .map(|(name, _)| name)
            .collect();
        Ok((source, tables))
    };
    let opened = opened.await;
    Ok(opened.map(|(source, tables)| Sides {
        spec,
        source,
        local,
        tables,
    }))
}

async fn check_config(
    sides: &mut Sides<'_>,
    config: &ConfigSpec,
    path: &str,
    findings: &mut Vec<Finding>,
) -> Result<(), MysqlError> {
    let mut taken: Vec<String> = Vec::new();
    let exact: Vec<&str> = config
        .tables
        .iter()
        .filter_map(|rule| match &rule.select {
            TableSelect::Source(name) => Some(name.as_str()),
            TableSelect::Match(_) => None,
        })
        .collect();
    for (index, rule) in config.tables.iter().enumerate() {
        let path = format!("{path}.tables[{index}]");
        match &rule.select {
            TableSelect::Source(source) => {
                if !rule.is_enabled() {
                    continue;
                }
                if !sides.tables.iter().any(|table| table == source) {
                    findings.push(no_table(sides, source, &path));
                    continue;
                }
                check_table(sides, rule, source, &path, findings).await?;
            }
            TableSelect::Match(text) => {
                let fitting: Vec<String> = sides
                    .tables
                    .iter()
                    .filter(|table| pattern::matches(text, table))
                    .filter(|table| !exact.contains(&table.as_str()) && !taken.contains(table))
                    .filter(|table| {
                        !config
                            .exclude
                            .iter()
                            .any(|out| pattern::matches(out, table))
                    })
                    .cloned()
                    .collect();
                if fitting.is_empty() && rule.is_enabled() {
                    findings.push(
                        Finding::new(
                            format!("{path}.match"),
                            format!(
                                "no base table of {} is left for the pattern {text}",
                                sides.spec.database
                            ),
                        )
                        .remedy("correct the pattern, or remove the rule"),
                    );
                }
                for table in fitting.iter().filter(|_| rule.is_enabled()) {
                    check_table(sides, rule, table, &path, findings).await?;
                }
                taken.extend(fitting);
            }
        }
    }
    Ok(())
}

fn no_table(sides: &Sides<'_>, source: &str, path: &str) -> Finding {
    let finding = Finding::new(
        format!("{path}.source_table"),
        format!(
            "{} has no base table {source} that the account {} can see",
            sides.spec.database, sides.spec.username
        ),
    );
    let near = crate::model::mapping::suggestion(source, sides.tables.iter().map(String::as_str));
    match near {
        Some(near) => finding.remedy(format!("did you mean {near}?")),
        None => finding.remedy("correct the name, or grant SELECT on it"),
    }
}

async fn check_table(
    sides: &mut Sides<'_>,
    rule: &TableRule,
    source: &str,
    path: &str,
    findings: &mut Vec<Finding>,
) -> Result<(), MysqlError> {
    let at = TableRef::new(sides.spec.database.as_str(), source);
    let schema = match TableSchema::read(&mut sides.source, &at).await {
        Ok(Some(schema)) => schema,
        Ok(None) => return Ok(()),
        Err(error) if error.is_connection_lost() => return Err(error),
        Err(error) => {
            findings.push(Finding::new(path, error.to_string()));
            return Ok(());
        }
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
    check_drift(sides, rule, &schema, source, path, findings).await
}

/// Columns that the rule names and the table has not. What a pattern's rule takes away or renames
/// need not be in each of its tables.
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
                None => finding,
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
}

/// Columns in which an existing target differs from what its source and rule ask for.
async fn check_drift(
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
        return Ok(());
    };
    let mut drift = |message: String| {
        findings.push(
            Finding::new(path, format!("drift: {message}"))
                .remedy("the next full run that swaps the table in brings it in step"),
        );
    };
    let wanted: Vec<(String, &str)> = schema
        .columns
        .iter()
        .filter(|column| is_synced(rule, column.name.raw()))
        .map(|column| {
            let name = column.name.raw();
            let renamed = rule
                .rename_columns
                .iter()
                .find(|(from, _)| same_name(from, name))
                .map_or(name, |(_, to)| to.as_str());
            (renamed.to_owned(), column.column_type.as_str())
        })
        .collect();
    for (column, kind) in &wanted {
        match target.column(column) {
            None => drift(format!("{} lacks the column {column}", at.shown())),
            Some(there)
                if sides.source.server().flavour == sides.local.server().flavour
                    && !there.column_type.eq_ignore_ascii_case(kind) =>
            {
                drift(format!(
                    "{}.{column} is {}, its source is {kind}",
                    at.shown(),
                    there.column_type
                ));
            }
            Some(_) => {}
        }
    }
    for column in &target.columns {
        let name = column.name.raw();
        if !wanted.iter().any(|(wanted, _)| same_name(wanted, name)) {
            drift(format!(
                "{} has the column {name}, which its source has not or the rule leaves out",
                at.shown()
            ));
        }
    }
    Ok(())
}

fn is_synced(rule: &TableRule, column: &str) -> bool {
    match &rule.columns {
        ColumnSelect::All => true,
        ColumnSelect::Only(only) => only.iter().any(|name| same_name(name, column)),
        ColumnSelect::Except(except) => !except.iter().any(|name| same_name(name, column)),
    }
}
