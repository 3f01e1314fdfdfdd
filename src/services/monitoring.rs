//! How things are: checks with remedies, statistics, instances.

use std::sync::Arc;

use super::refusal::refuse;
use super::{ProcessFacts, ServicesOptions};
use crate::model::command::Refusal;
use crate::model::labels::WORKER;
use crate::model::status::{Check, DatabaseStatus, Instance, Stats, Status, SyncStatus};

mod checks;
mod findings;
mod freshness;
mod gauges;

pub use gauges::{ConfigGauges, Gauges};

/// How things are.
#[derive(Clone)]
pub struct Monitoring(pub(super) Arc<ServicesOptions>);

impl Monitoring {
    /// Status of this process and what it works with. What fails is in it.
    ///
    /// # Errors
    /// None that a status could tell.
    pub async fn status(&self) -> Result<Status, Refusal> {
        let database = self.database().await;
        let sync = self.sync_with(&database).await;
        Ok(assembled(&self.0.process, database, sync))
    }

    /// Status of the sync system: each check with a remedy.
    ///
    /// # Errors
    /// None that a status could tell.
    pub async fn sync_status(&self) -> Result<SyncStatus, Refusal> {
        let database = self.database().await;
        Ok(self.sync_with(&database).await)
    }

    /// Statistics over what is stored.
    ///
    /// # Errors
    /// When the control database does not answer.
    pub async fn stats(&self) -> Result<Stats, Refusal> {
        self.0.store.stats().await.map_err(refuse)
    }

    /// Every process that was seen lately.
    ///
    /// # Errors
    /// When the control database does not answer.
    pub async fn instances(&self) -> Result<Vec<Instance>, Refusal> {
        self.0.store.list_instances().await.map_err(refuse)
    }

    async fn database(&self) -> DatabaseStatus {
        let pool = self.0.store.pool();
        let mut status = DatabaseStatus {
            pool: self.0.store.pool_status(),
            ..DatabaseStatus::default()
        };
        match pool.get().await {
            Ok(mut session) => match session.ping().await {
                Ok(()) => {
                    status.connected = true;
                    status.server = Some(session.server().shown());
                }
                Err(error) => status.error = Some(error.to_string()),
            },
            Err(error) => status.error = Some(error.to_string()),
        }
        status
    }

    async fn sync_with(&self, database: &DatabaseStatus) -> SyncStatus {
        let facts = &self.0.process;
        let mut found = vec![checks::sync_enabled(facts), checks::database(database)];
        let stats = if database.connected {
            self.0.store.stats().await.ok()
        } else {
            None
        };
        found.extend(checks::stored(&self.0, database.connected).await);
        found.push(checks::key_file(facts));
        found.push(checks::disk(&self.0, database.connected).await);
        found.push(checks::settings(facts));
        if database.connected {
            found.extend(findings::all(&self.0).await);
        }
        concluded(facts, found, stats.unwrap_or_default())
    }
}

/// The status while there is no control database.
#[must_use]
pub fn status_without_database(facts: &ProcessFacts, database: DatabaseStatus) -> Status {
    let found = vec![
        checks::sync_enabled(facts),
        checks::database(&database),
        checks::unknown("migrations"),
        checks::unknown("tables"),
        checks::unknown("engine"),
        checks::unknown("leases"),
        checks::key_file(facts),
        checks::folders(facts),
        checks::settings(facts),
    ];
    let sync = concluded(facts, found, Stats::default());
    assembled(facts, database, sync)
}

fn concluded(facts: &ProcessFacts, checks: Vec<Check>, stats: Stats) -> SyncStatus {
    let status = if !facts.sync_enabled {
        "disabled"
    } else if checks.iter().all(|check| check.ok) {
        "ok"
    } else {
        "degraded"
    };
    SyncStatus {
        status: status.to_owned(),
        checks,
        stats,
    }
}

fn assembled(facts: &ProcessFacts, database: DatabaseStatus, sync: SyncStatus) -> Status {
    let settings = facts.settings.get();
    let well = database.connected && sync.status != "degraded" && settings.error.is_none();
    Status {
        status: if well { "ok" } else { "degraded" }.to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        instance: facts.instance_name.clone(),
        uptime_seconds: facts.started.elapsed().as_secs_f64(),
        database,
        sync,
        settings,
    }
}

/// Living instances that take jobs.
fn workers(instances: &[Instance]) -> impl Iterator<Item = &Instance> {
    instances.iter().filter(|instance| instance.plays(WORKER))
}
