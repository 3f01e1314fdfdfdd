//! Whether sources can be reached, looked at in the background.
//!
//! Owns one round over the connections of enabled configs. Must not know: when rounds happen; the
//! system decides that for processes that stay.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use chrono::Utc;
use futures_util::{StreamExt, stream};

use super::ServicesOptions;
use super::connections::{Connections, health_of};
use super::refusal::refuse;
use crate::model::command::Refusal;
use crate::model::connection::{Connection, Health, HealthState};
use crate::mysql::probe::{Depth, probe};

/// Sources that are looked at at the same time.
const AT_ONCE: usize = 4;

impl Connections {
    /// Looks at every connection of an enabled config that nobody has looked at within `age`, and
    /// stores what it finds. Gives how many it looked at.
    ///
    /// # Errors
    /// When the control database does not answer.
    pub async fn check_health(&self, age: Duration) -> Result<usize, Refusal> {
        let store = &self.0.store;
        let configs = store.list_configs(None).await.map_err(refuse)?;
        let used: BTreeSet<&str> = configs
            .iter()
            .filter(|config| config.spec.enabled)
            .map(|config| config.spec.connection.as_str())
            .collect();
        let connections = store.list_connections().await.map_err(refuse)?;
        let due: Vec<Connection> = connections
            .into_iter()
            .filter(|connection| used.contains(connection.spec.name.as_str()))
            .filter(|connection| is_older(&connection.health, age))
            .collect();
        let looked_at = due.len();
        let checks = due
            .into_iter()
            .map(|connection| check(Arc::clone(&self.0), connection));
        let results: Vec<Result<(), Refusal>> = stream::iter(checks)
            .buffer_unordered(AT_ONCE)
            .collect()
            .await;
        results.into_iter().collect::<Result<(), Refusal>>()?;
        Ok(looked_at)
    }
}

/// Another instance on the same control database may have looked already.
fn is_older(health: &Health, age: Duration) -> bool {
    health
        .checked_at
        .and_then(|at| (Utc::now() - at).to_std().ok())
        .is_none_or(|since| since >= age)
}

async fn check(shared: Arc<ServicesOptions>, connection: Connection) -> Result<(), Refusal> {
    let name = &connection.spec.name;
    let health = match shared.source_of(&connection).await {
        Ok(endpoint) => {
            let report = probe(&endpoint, &connection.spec.database, Depth::Reachable).await;
            health_of(&report)
        }
        Err(Refusal::SourceUnavailable(why)) => Health {
            state: HealthState::Failed,
            checked_at: Some(Utc::now()),
            error: Some(why),
            ..Health::default()
        },
        Err(other) => return Err(other),
    };
    match (connection.health.state, health.state) {
        (before, HealthState::Failed) if before != HealthState::Failed => {
            let why = health.error.as_deref().unwrap_or("it can't be used");
            tracing::warn!(target: "db_taxi::services", connection = name, "the source can't be used: {why}");
        }
        (HealthState::Failed, HealthState::Ok) => {
            tracing::info!(target: "db_taxi::services", connection = name, "the source can be used again");
        }
        _ => {}
    }
    shared
        .store
        .set_connection_health(connection.id, &health)
        .await
        .map_err(refuse)
}
