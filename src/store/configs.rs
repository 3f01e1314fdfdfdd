//! Configs and their table rules.

use super::{Store, StoreError, stub};
use crate::model::config::{Config, ConfigSpec};
use crate::model::connection::ConnectionSpec;
use crate::model::ids::{ConfigId, ConnectionId};

impl Store {
    /// All configs, or those of one connection, by name.
    ///
    /// # Errors
    /// When the control database does not answer.
    pub async fn list_configs(
        &self,
        connection: Option<ConnectionId>,
    ) -> Result<Vec<Config>, StoreError> {
        let _ = connection;
        Err(stub())
    }

    /// The config with this id.
    ///
    /// # Errors
    /// When the control database does not answer.
    pub async fn config(&self, id: ConfigId) -> Result<Option<Config>, StoreError> {
        let _ = id;
        Err(stub())
    }

    /// The config with this name.
    ///
    /// # Errors
    /// When the control database does not answer.
    pub async fn config_named(&self, name: &str) -> Result<Option<Config>, StoreError> {
        let _ = name;
        Err(stub())
    }

    /// Stores a config.
    ///
    /// # Errors
    /// `NotFound` for its connection; `Conflict` `name_taken` or `target_taken`.
    pub async fn create_config(&self, spec: &ConfigSpec) -> Result<Config, StoreError> {
        let _ = spec;
        Err(stub())
    }

    /// Replaces a config.
    ///
    /// # Errors
    /// `NotFound`; `PreconditionFailed` when its version is not `if_version`; `Conflict`
    /// `name_taken` or `target_taken`.
    pub async fn update_config(
        &self,
        id: ConfigId,
        spec: &ConfigSpec,
        if_version: Option<u64>,
    ) -> Result<Config, StoreError> {
        let _ = (id, spec, if_version);
        Err(stub())
    }

    /// Removes a config with its checkpoints; its finished jobs stay until they are old.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` `config_busy` that names the active job.
    pub async fn delete_config(&self, id: ConfigId) -> Result<(), StoreError> {
        let _ = id;
        Err(stub())
    }

    /// Creates and updates by name, all or nothing.
    ///
    /// # Errors
    /// As creating and updating one by one; then nothing has changed.
    pub async fn apply_import(
        &self,
        connections: &[ConnectionSpec],
        configs: &[ConfigSpec],
    ) -> Result<(), StoreError> {
        let _ = (connections, configs);
        Err(stub())
    }
}
