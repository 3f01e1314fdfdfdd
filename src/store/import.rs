//! A whole mapping at once: created and updated by name, all or nothing.

use super::configs::{insert_configs, is_same_config, replace_config};
use super::targets::{record_change, targets_are_unique};
use super::transaction::{id, transaction, values};
use super::{Store, StoreError};
use std::collections::HashMap;

use crate::model::config::{Config, ConfigSpec};
use crate::model::connection::ConnectionSpec;
use crate::model::ids::{ConfigId, ConnectionId};

impl Store {
    /// Creates and updates by name, all or nothing; what is stored as it is given keeps its version.
    ///
    /// # Errors
    /// As creating and updating one by one; then nothing has changed.
    pub async fn apply_import(
        &self,
        connections: &[ConnectionSpec],
        configs: &[ConfigSpec],
    ) -> Result<(), StoreError> {
        // Read ahead of the transaction; each is replaced only at the version read here.
        let stored: HashMap<String, Config> = match configs {
            [] => HashMap::new(),
            _ => self
                .list_configs(None)
                .await?
                .into_iter()
                .map(|config| (config.spec.name.clone(), config))
                .collect(),
        };
        transaction!(self, |session| {
            record_change(session).await?;
            let mut changes = self.changes();
            for spec in connections {
                let sql = "SELECT id, spec, password_sealed FROM sync_connections WHERE name = ?";
                let rows = session.exec_rows(sql, values![spec.name.as_str()]).await?;
                match rows.first() {
                    None => {
                        let id = ConnectionId::generate();
                        self.insert_connection(session, id, spec, &mut changes)
                            .await?;
                    }
                    Some(row) => {
                        let id: ConnectionId = id(row, "id")?;
                        if !self.is_same_connection(id, row, spec)? {
                            self.replace_connection(session, id, spec, None, &mut changes)
                                .await?;
                        }
                    }
                }
            }
            let mut new = Vec::new();
            for spec in configs {
                match stored.get(spec.name.as_str()) {
                    None => new.push((ConfigId::generate(), spec)),
                    Some(config) if is_same_config(config, spec) => {}
                    Some(config) => {
                        let version = Some(config.version);
                        replace_config(session, config.id, spec, version, &mut changes).await?;
                    }
                }
            }
            insert_configs(session, &new, &mut changes).await?;
            targets_are_unique(session).await?;
            changes.tell(session).await
        })
    }
}
