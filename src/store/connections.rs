//! Connections.

use super::{Store, StoreError, stub};
use crate::model::connection::{Connection, ConnectionSpec, Health};
use crate::model::ids::ConnectionId;
use crate::model::secret::Secret;

impl Store {
    /// All connections, by name.
    ///
    /// # Errors
    /// When the control database does not answer.
    pub async fn list_connections(&self) -> Result<Vec<Connection>, StoreError> {
        Err(stub())
    }

    /// The connection with this id.
    ///
    /// # Errors
    /// When the control database does not answer.
    pub async fn connection(&self, id: ConnectionId) -> Result<Option<Connection>, StoreError> {
        let _ = id;
        Err(stub())
    }

    /// The connection with this name.
    ///
    /// # Errors
    /// When the control database does not answer.
    pub async fn connection_named(&self, name: &str) -> Result<Option<Connection>, StoreError> {
        let _ = name;
        Err(stub())
    }

    /// Stores a connection; text passwords are sealed, references stored as written.
    ///
    /// # Errors
    /// `Conflict` `name_taken`; `WrongKey` when the password can't be sealed.
    pub async fn create_connection(&self, spec: &ConnectionSpec) -> Result<Connection, StoreError> {
        let _ = spec;
        Err(stub())
    }

    /// Replaces a connection; without a password it keeps the stored one.
    ///
    /// # Errors
    /// `NotFound`; `PreconditionFailed` when its version is not `if_version`; `Conflict`
    /// `name_taken` or `target_taken`.
    pub async fn update_connection(
        &self,
        id: ConnectionId,
        spec: &ConnectionSpec,
        if_version: Option<u64>,
    ) -> Result<Connection, StoreError> {
        let _ = (id, spec, if_version);
        Err(stub())
    }

    /// Removes a connection.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` `in_use` that names its configs and active jobs.
    pub async fn delete_connection(&self, id: ConnectionId) -> Result<(), StoreError> {
        let _ = id;
        Err(stub())
    }

    /// The password of a connection: unsealed text, or a reference as written.
    ///
    /// # Errors
    /// `NotFound`; `WrongKey` when it can't be unsealed.
    pub async fn connection_password(
        &self,
        id: ConnectionId,
    ) -> Result<Option<Secret>, StoreError> {
        let _ = id;
        Err(stub())
    }

    /// Stores the result of a check; does not count as a change of the connection.
    ///
    /// # Errors
    /// When the control database does not answer.
    pub async fn set_connection_health(
        &self,
        id: ConnectionId,
        health: &Health,
    ) -> Result<(), StoreError> {
        let _ = (id, health);
        Err(stub())
    }
}
