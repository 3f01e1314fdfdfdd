//! What is stored, as a document is held against it.

use std::collections::BTreeMap;

use crate::model::command::Refusal;
use crate::model::config::{Config, ConfigSpec};
use crate::model::connection::{Connection, ConnectionSpec};
use crate::model::mapping::{self, Document, Format, Passwords};
use crate::model::secret::Secret;
use crate::services::ServicesOptions;
use crate::services::refusal::{not_found, refuse};

/// What is stored, read once.
pub struct Stored {
    /// Connections by name.
    pub connections: BTreeMap<String, Connection>,
    /// Configs by name.
    pub configs: BTreeMap<String, Config>,
}

impl Stored {
    /// Reads it.
    pub async fn read(shared: &ServicesOptions) -> Result<Self, Refusal> {
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
    pub fn targets(&self) -> BTreeMap<String, String> {
        self.connections
            .iter()
            .map(|(name, c)| (name.clone(), c.spec.target_database().to_owned()))
            .collect()
    }

    /// All of it as one document.
    pub fn document(&self) -> Document {
        Document {
            connections: self.connections.values().map(|c| c.spec.clone()).collect(),
            configs: self.configs.values().map(|c| c.spec.clone()).collect(),
        }
    }

    /// Those of these names, and the connections of those configs; all where no name is given.
    pub fn named(&self, names: &[String]) -> Result<(Vec<&Connection>, Vec<&Config>), Refusal> {
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
pub fn masked(spec: &ConnectionSpec, shown: Option<&str>) -> ConnectionSpec {
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
pub fn document_of(connections: &[ConnectionSpec], configs: &[&ConfigSpec]) -> String {
    let document = Document {
        connections: connections.to_vec(),
        configs: configs.iter().map(|spec| (*spec).clone()).collect(),
    };
    mapping::print_document(&document, Format::Yaml, Passwords::All)
}
