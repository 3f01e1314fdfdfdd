//! A document against the live servers.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::future::BoxFuture;
use futures_util::{FutureExt, StreamExt, TryStreamExt, stream};

use super::stored::Stored;
use crate::model::command::Refusal;
use crate::model::config::ConfigSpec;
use crate::model::connection::ConnectionSpec;
use crate::model::finding::Finding;
use crate::model::mapping::Document;
use crate::model::pattern;
use crate::model::rule::TableSelect;
use crate::mysql::probe::{Depth, Needs, probe_heard, same_database};
use crate::mysql::schema::list_tables;
use crate::mysql::{Endpoint, Ident, MysqlError};
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

/// Connections that are looked at beside each other: one that does not answer takes its time.
const AT_ONCE: usize = 8;

/// Looks at servers.
struct Looker<'a> {
    shared: &'a ServicesOptions,
    stored: &'a Stored,
    /// Servers that did not answer, and what was told of them: nobody waits for them twice.
    silent: Mutex<HashMap<Way<'a>, String>>,
}

/// By which host, port or socket a server is reached.
type Way<'a> = (&'a str, u16, Option<&'a str>);

/// One connection of a document, and the configs that use it, each with its place.
struct Used<'a> {
    path: String,
    spec: &'a ConnectionSpec,
    configs: Vec<(usize, &'a ConfigSpec)>,
}

/// Everything in which the servers differ from what the document expects.
pub(super) async fn check(
    shared: &ServicesOptions,
    stored: &Stored,
    document: &Document,
) -> Result<Vec<Finding>, Refusal> {
    let looker = Looker {
        shared,
        stored,
        silent: Mutex::default(),
    };
    let looks: Vec<BoxFuture<'_, _>> = used(stored, document)
        .into_iter()
        .map(|used| looker.check(used).boxed())
        .collect();
    let found: Vec<Vec<Finding>> = stream::iter(looks).buffered(AT_ONCE).try_collect().await?;
    Ok(found.into_iter().flatten().collect())
}

/// The connections of a document, those of its configs first.
fn used<'a>(stored: &'a Stored, document: &'a Document) -> Vec<Used<'a>> {
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
        if !by_connection.contains_key(connection.name.as_str()) {
            order.push(&connection.name);
        }
    }
    let mut all = Vec::new();
    for name in order {
        let in_document = document.connections.iter().position(|c| c.name == name);
        let configs = by_connection.remove(name).unwrap_or_default();
        let path = match (in_document, configs.first()) {
            (Some(index), _) => format!("connections[{index}]"),
            (None, Some((index, _))) => format!("configs[{index}].connection"),
            (None, None) => String::new(),
        };
        let spec = match in_document {
            Some(index) => Some(&document.connections[index]),
            None => stored.connections.get(name).map(|known| &known.spec),
        };
        all.extend(spec.map(|spec| Used {
            path,
            spec,
            configs,
        }));
    }
    all
}

impl<'a> Looker<'a> {
    async fn check(&self, used: Used<'a>) -> Result<Vec<Finding>, Refusal> {
        let mut sides = match self.open(used.spec).await? {
            Ok(sides) => sides,
            Err(mut finding) => {
                finding.path = used.path;
                return Ok(vec![finding]);
            }
        };
        let mut findings = Vec::new();
        for (index, config) in used.configs {
            let path = format!("configs[{index}]");
            sides.seen = match self.stored.configs.get(&config.name) {
                Some(known) => {
                    let seen = self.shared.store.seen_tables(known.id).await;
                    seen.map_err(refuse)?
                }
                None => HashMap::new(),
            };
            if let Err(error) = check_config(&mut sides, config, &path, &mut findings).await {
                findings.push(Finding::new(path, error.to_string()));
            }
        }
        sides.source.close().await;
        sides.local.close().await;
        Ok(findings)
    }

    fn silent(&self) -> MutexGuard<'_, HashMap<Way<'a>, String>> {
        self.silent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn open(&self, spec: &'a ConnectionSpec) -> Result<Result<Sides<'a>, Finding>, Refusal> {
        let way = (spec.host.as_str(), spec.port, spec.socket.as_deref());
        let known = self.silent().get(&way).cloned();
        if let Some(told) = known {
            return Ok(Err(Finding::new("", told)));
        }
        let password = match (&spec.password, self.stored.connections.get(&spec.name)) {
            (Some(password), _) => Some(password.clone()),
            (None, Some(old)) => {
                let stored = self.shared.store.connection_password(old.id).await;
                stored.map_err(refuse)?
            }
            (None, None) => None,
        };
        let endpoint = match self.shared.source_with(&unsaved(spec), password) {
            Ok(endpoint) => endpoint,
            Err(refusal) => return Ok(Err(Finding::new("", refusal.to_string()))),
        };
        let everything = Depth::Everything(Needs::default());
        let (report, heard) = probe_heard(&endpoint, &spec.database, everything).await;
        if !report.ok {
            let message = report.error.unwrap_or_default();
            if !heard {
                self.silent().insert(way, message.clone());
            }
            return Ok(Err(Finding::new("", message)));
        }
        self.both(spec, &endpoint).await
    }

    async fn both(
        &self,
        spec: &'a ConnectionSpec,
        endpoint: &Arc<Endpoint>,
    ) -> Result<Result<Sides<'a>, Finding>, Refusal> {
        let mut local = self.shared.open_local().await?;
        let opened = async {
            let mut source = self
                .shared
                .open_source(endpoint)
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
