//! The mapping document: import, export, check.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::ServicesOptions;
use super::refusal::{not_found, refuse};
use crate::model::command::Refusal;
use crate::model::config::{Config, ConfigSpec};
use crate::model::connection::{Connection, ConnectionSpec};
use crate::model::finding::Finding;
use crate::model::mapping::{self, Document, Format, Passwords, Source};
use crate::model::secret::Secret;

mod files;
mod live;
mod merge;

pub use crate::model::mapping::ImportOutcome;
use merge::Merge;

/// Both as a document.
#[derive(Clone)]
pub struct Mappings(pub(super) Arc<ServicesOptions>);

impl Mappings {
    /// Creates and updates by name, all or nothing; deletes nothing. With `dry_run` it only says
    /// what it would do.
    ///
    /// # Errors
    /// `Invalid` with every finding; `Conflict` when somebody else changed the same things at the
    /// same time. Then nothing has changed.
    pub async fn import(
        &self,
        text: &str,
        format: Format,
        dry_run: bool,
    ) -> Result<ImportOutcome, Refusal> {
        let stored = Stored::read(&self.0).await?;
        let document = self.checked(text, format, &stored)?;
        let merge = Merge::new(&self.0, &stored, document).await?;
        if !dry_run && !merge.is_empty() {
            self.0
                .store
                .apply_import(&merge.connections, &merge.configs)
                .await
                .map_err(refuse)?;
        }
        Ok(merge.outcome)
    }

    /// Reads a document and holds it against what is stored, without a source.
    ///
    /// # Errors
    /// `Invalid` with every finding.
    pub async fn validate(&self, text: &str, format: Format) -> Result<Document, Refusal> {
        let stored = Stored::read(&self.0).await?;
        self.checked(text, format, &stored)
    }

    /// The canonical document of what is stored; `names` of connections and configs keep it to
    /// those, a config with its connection. Passwords that are text only with `with_secrets`.
    ///
    /// # Errors
    /// `NotFound` for a name; `Internal` when a password can't be unsealed.
    pub async fn export(
        &self,
        names: &[String],
        with_secrets: bool,
        format: Format,
    ) -> Result<String, Refusal> {
        let stored = Stored::read(&self.0).await?;
        let (connections, configs) = stored.named(names)?;
        let mut document = Document {
            connections: Vec::new(),
            configs: configs.into_iter().map(|c| c.spec.clone()).collect(),
        };
        for connection in connections {
            let mut spec = connection.spec.clone();
            if with_secrets && connection.has_password {
                spec.password = self
                    .0
                    .store
                    .connection_password(connection.id)
                    .await
                    .map_err(refuse)?;
            }
            document.connections.push(spec);
        }
        let passwords = if with_secrets {
            Passwords::All
        } else {
            Passwords::References
        };
        Ok(mapping::print_document(&document, format, passwords))
    }

    /// Holds a document, or what is stored, against the live servers: sources that can't be
    /// reached, tables and columns that are not there, conditions that don't run, targets that
    /// have drifted from their source.
    ///
    /// # Errors
    /// `Invalid` when the document itself is wrong; when the control database does not answer.
    pub async fn check(&self, document: Option<(&str, Format)>) -> Result<Vec<Finding>, Refusal> {
        let stored = Stored::read(&self.0).await?;
        let (wanted, source) = match document {
            Some((text, format)) => (
                self.checked(text, format, &stored)?,
                Some(Source { text, format }),
            ),
            None => (stored.document(), None),
        };
        let mut findings = live::check(&self.0, &stored, &wanted).await?;
        if let Some(source) = source {
            source.add_lines(&mut findings);
        }
        Ok(findings)
    }

    fn checked(&self, text: &str, format: Format, stored: &Stored) -> Result<Document, Refusal> {
        let document =
            mapping::parse_document(text, format, &stored.targets()).map_err(Refusal::Invalid)?;
        let mut findings = merge::conflicts(&self.0, stored, &document);
        if findings.is_empty() {
            return Ok(document);
        }
        Source { text, format }.add_lines(&mut findings);
        Err(Refusal::Invalid(findings))
    }
}

/// What is stored, read once.
pub(super) struct Stored {
    connections: BTreeMap<String, Connection>,
    configs: BTreeMap<String, Config>,
}

impl Stored {
    async fn read(shared: &ServicesOptions) -> Result<Self, Refusal> {
        let connections = shared.store.list_connections().await.map_err(refuse)?;
        let configs = shared.store.list_configs(None).await.map_err(refuse)?;
        Ok(Self {
            connections: connections
                .into_iter()
                .map(|c| (c.spec.name.clone(), c))
                .collect(),
            configs: configs
                .into_iter()
                .map(|c| (c.spec.name.clone(), c))
                .collect(),
        })
    }

    /// Target databases by the names of their connections.
    fn targets(&self) -> BTreeMap<String, String> {
        self.connections
            .iter()
            .map(|(name, c)| (name.clone(), c.spec.target_database().to_owned()))
            .collect()
    }

    fn document(&self) -> Document {
        Document {
            connections: self.connections.values().map(|c| c.spec.clone()).collect(),
            configs: self.configs.values().map(|c| c.spec.clone()).collect(),
        }
    }

    fn named(&self, names: &[String]) -> Result<(Vec<&Connection>, Vec<&Config>), Refusal> {
        if names.is_empty() {
            return Ok((
                self.connections.values().collect(),
                self.configs.values().collect(),
            ));
        }
        let mut connections: BTreeMap<&str, &Connection> = BTreeMap::new();
        let mut configs: BTreeMap<&str, &Config> = BTreeMap::new();
        for name in names {
            let connection = self.connections.get(name);
            let config = self.configs.get(name);
            if connection.is_none() && config.is_none() {
                return Err(not_found("connection or config", name));
            }
            if let Some(config) = config {
                configs.insert(name, config);
            }
            for connection in connection
                .into_iter()
                .chain(config.and_then(|c| self.connections.get(&c.spec.connection)))
            {
                connections.insert(&connection.spec.name, connection);
            }
        }
        Ok((
            connections.into_values().collect(),
            configs.into_values().collect(),
        ))
    }
}

/// The connection's password where it is text, hidden behind a word that tells a change.
fn masked(spec: &ConnectionSpec, shown: Option<&str>) -> ConnectionSpec {
    let mut spec = spec.clone();
    if spec
        .password
        .as_ref()
        .is_none_or(|secret| secret.reference().is_none())
    {
        spec.password = shown.map(Secret::parse);
    }
    spec
}

/// A document of these objects.
fn document_of(connections: &[ConnectionSpec], configs: &[&ConfigSpec]) -> String {
    let document = Document {
        connections: connections.to_vec(),
        configs: configs.iter().map(|spec| (*spec).clone()).collect(),
    };
    mapping::print_document(&document, Format::Yaml, Passwords::All)
}
