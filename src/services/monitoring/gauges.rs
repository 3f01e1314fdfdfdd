//! What is exported as gauges: one set of queries, whoever asks how often.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};

use super::Monitoring;
use crate::model::command::Refusal;
use crate::model::ids::ConnectionId;
use crate::model::status::{Instance, Stats};
use crate::services::refusal::refuse;

/// What is stored, as of one moment.
#[derive(Debug, Clone, Default)]
pub struct Gauges {
    /// Counts over everything.
    pub stats: Stats,
    /// Every process that was seen lately.
    pub instances: Vec<Instance>,
    /// Every config by its name.
    pub configs: BTreeMap<String, ConfigGauges>,
    /// Names of all connections.
    pub connections: HashMap<ConnectionId, String>,
}

/// What is stored of a config.
#[derive(Debug, Clone, Copy, Default)]
pub struct ConfigGauges {
    /// Whether it is run at all.
    pub enabled: bool,
    /// As of when its oldest table is known to equal its source.
    pub as_of: Option<DateTime<Utc>>,
    /// End of the last run that completed all of its tables.
    pub last_success: Option<DateTime<Utc>>,
}

impl Monitoring {
    /// Everything that is exported as a gauge.
    ///
    /// # Errors
    /// When the control database does not answer.
    pub async fn gauges(&self) -> Result<Gauges, Refusal> {
        let store = &self.0.store;
        let names = store.config_names().await.map_err(refuse)?;
        let verified = store.verified_tables().await.map_err(refuse)?;
        let successes = store.last_successes().await.map_err(refuse)?;
        let configs = names.into_iter().map(|(id, name, enabled)| {
            let tables = verified.get(&id).map_or(&[][..], Vec::as_slice);
            let gauges = ConfigGauges {
                enabled,
                as_of: tables.iter().filter_map(|(_, v)| v.as_of.time).min(),
                last_success: successes.get(&id).copied(),
            };
            (name, gauges)
        });
        let connections = store.connection_names().await.map_err(refuse)?;
        Ok(Gauges {
            configs: configs.collect(),
            connections: connections.into_iter().collect(),
            stats: store.stats().await.map_err(refuse)?,
            instances: store.list_instances().await.map_err(refuse)?,
        })
    }
}
