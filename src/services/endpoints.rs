//! Sessions on sources and on the local server, for looking only.

use std::sync::Arc;

use super::ServicesOptions;
use super::refusal::{invalid, refuse, refuse_source};
use crate::model::command::Refusal;
use crate::model::connection::Connection;
use crate::model::finding::Finding;
use crate::model::secret::Secret;
use crate::mysql::probe::same_database;
use crate::mysql::{Endpoint, Session, SessionKind};

impl ServicesOptions {
    /// The source of a stored connection, password resolved.
    pub(super) async fn source_of(
        &self,
        connection: &Connection,
    ) -> Result<Arc<Endpoint>, Refusal> {
        let password = self
            .store
            .connection_password(connection.id)
            .await
            .map_err(refuse)?;
        self.source_with(connection, password)
    }

    /// The source of a connection with this password.
    pub(super) fn source_with(
        &self,
        connection: &Connection,
        password: Option<Secret>,
    ) -> Result<Arc<Endpoint>, Refusal> {
        self.endpoints
            .source(connection, password, false)
            .map_err(|message| {
                Refusal::SourceUnavailable(format!("{}: {message}", connection.spec.name))
            })
    }

    /// A session that looks at a source.
    pub(super) async fn open_source(&self, endpoint: &Arc<Endpoint>) -> Result<Session, Refusal> {
        Session::open(endpoint, SessionKind::Probe, self.lease_ttl)
            .await
            .map_err(|error| refuse_source(&error))
    }

    /// A session that looks at the local server.
    pub(super) async fn open_local(&self) -> Result<Session, Refusal> {
        Session::open(&self.endpoints.local(), SessionKind::Probe, self.lease_ttl)
            .await
            .map_err(|error| Refusal::DatabaseUnavailable(error.to_string()))
    }

    /// Refuses a connection whose source and target are the same database of the same server.
    pub(super) async fn refuse_itself(
        &self,
        connection: &Connection,
        endpoint: &Arc<Endpoint>,
    ) -> Result<(), Refusal> {
        let mut source = self.open_source(endpoint).await?;
        let mut local = self.open_local().await?;
        let spec = &connection.spec;
        let same = same_database(
            &mut source,
            &spec.database,
            &mut local,
            spec.target_database(),
        )
        .await
        .map_err(|error| refuse_source(&error));
        source.close().await;
        local.close().await;
        if same? {
            return Err(invalid(itself(spec.target_database())));
        }
        Ok(())
    }
}

/// Source and target are the same.
pub(super) fn itself(database: &str) -> Finding {
    Finding::new(
        "local_db_name",
        format!("source and target are the same database, {database}, on the same server"),
    )
    .remedy("give local_db_name another name, or another host")
}
