//! A document against the live servers.

use std::collections::HashMap;

use super::stored::Stored;
use crate::model::command::Refusal;
use crate::model::config::ConfigSpec;
use crate::model::connection::ConnectionSpec;
use crate::model::finding::Finding;
use crate::model::mapping::Document;
use crate::model::pattern;
use crate::model::rule::TableSelect;
use crate::mysql::probe::{Depth, Needs, probe, same_database};
use crate::mysql::schema::list_tables;
use crate::mysql::{Ident, MysqlError};
use crate::services::ServicesOptions;
use crate::services::connections::unsaved;
use crate::services::endpoints::itself;
use crate::services::refusal::refuse;
use crate::sync::rules;

mod drift;
mod sides;
mod source;
mod table;

use sides::Sides;
use table::check_table;

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
            sides.seen = match stored.configs.get(&config.name) {
                Some(known) => shared.store.seen_tables(known.id).await.map_err(refuse)?,
                None => HashMap::new(),
            };
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
    let report = probe(
        &endpoint,
        &spec.database,
        Depth::Everything(Needs::default()),
    )
    .await;
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
        seen: HashMap::new(),
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
    let mut known: Vec<String> = sides.seen.keys().cloned().collect();
    known.sort();
    let mut gone = rules::gone(config, &known, &sides.tables);
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
                // Told with the first pattern: which of them chose it is not noted.
                for name in std::mem::take(&mut gone) {
                    findings.push(
                        Finding::new(
                            format!("{path}.match"),
                            format!(
                                "drift: {}.{name} was synced, and is gone or not to be seen any more",
                                sides.spec.database
                            ),
                        )
                        .remedy("grant SELECT on it, or name it in exclude; its copy stays as it was"),
                    );
                }
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
