//! The repository: the control database, its migrations, sealed secrets, leases, checkpoints.
//!
//! Owns every statement that touches the control database. Must not know: sources, sync rules,
//! queues. Called by `sync`, `jobs` and `services`.

mod audit;
pub mod checkpoints;
mod configs;
mod connections;
pub mod doctor;
mod error;
pub mod fence;
mod freshness;
mod gauges;
pub mod helpers;
mod history;
pub mod idempotency;
mod import;
mod instances;
mod job_state;
mod jobs;
mod key_file;
pub mod keys;
pub mod leases;
mod logs;
pub mod marks;
mod migrate;
pub mod notifications;
mod previous;
pub mod quarantine;
pub mod ranges;
mod rekey;
mod rotation;
pub mod schedules;
mod sealing;
mod stats;
mod sweep;
mod table_runs;
mod targets;
mod tokens;
mod transaction;

use std::sync::Arc;
use std::time::Duration;

use crate::model::status::PoolStatus;
use crate::mysql::{Endpoint, Ident, Pool, SessionKind};

pub use error::StoreError;
pub use jobs::NewJob;
pub use migrate::{MigrationStatus, migration_status, schema_version};
pub use rekey::{Rekeyed, backup_advice};

/// Most sessions that only keep leases.
const MOST_OF_LEASES: u32 = 3;

/// What [`Store::open`] needs to know.
#[derive(Debug, Clone)]
pub struct StoreOptions {
    /// The local server; its default database is not looked at.
    pub endpoint: Arc<Endpoint>,
    /// Name of the control database; made if missing.
    pub database: String,
    /// Most control sessions at once.
    pub max_open: u32,
    /// Most control sessions kept while idle.
    pub max_idle: u32,
    /// How long a lease holds without being renewed.
    pub lease_ttl: Duration,
    /// Seals secrets.
    pub key: keys::KeyRing,
}

/// The control database; clones share it.
#[derive(Clone)]
pub struct Store(Arc<Inner>, Way, Option<Arc<str>>);

/// Which sessions statements go by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// Those of everybody.
    Common,
    /// Those that only keep leases: they wait for nobody.
    Leases,
}

struct Inner {
    pool: Pool,
    leases: Pool,
    database: Ident,
    keys: keys::KeyRing,
    lease_ttl: Duration,
    /// The local server takes `Orders` and `orders` for the same table.
    folds_names: bool,
}

impl Store {
    /// Connects, checks the server's version, makes the database, brings its tables up to date and
    /// checks the key.
    ///
    /// # Errors
    /// `Mysql` when the server can't be reached or refuses, `Setup` when it is too old or the
    /// migrations fail, `TooNew` when a later program has changed the tables beyond what this one
    /// reads, `WrongKey` when the key does not open what is sealed.
    pub async fn open(options: StoreOptions) -> Result<Self, StoreError> {
        let database = Ident::new(options.database.as_str());
        let mut session = migrate::look(&options.endpoint, options.lease_ttl).await?;
        migrate::bring_up_to_date(&mut session, &database).await?;
        let folds_names = session
            .first("SELECT @@lower_case_table_names AS folds")
            .await?
            .is_some_and(|row| row.u64("folds").is_ok_and(|folds| folds != 0));
        session.close().await;
        let mut endpoint = (*options.endpoint).clone();
        endpoint.database = Some(options.database);
        let endpoint = Arc::new(endpoint);
        let pool = |open, idle| {
            let endpoint = Arc::clone(&endpoint);
            Pool::new(
                endpoint,
                SessionKind::Control,
                options.lease_ttl,
                open,
                idle,
            )
        };
        // Taken from the number of all, where that leaves enough.
        let of_leases = (options.max_open / 8).clamp(1, MOST_OF_LEASES);
        let common = options.max_open.saturating_sub(of_leases).max(2);
        let inner = Inner {
            pool: pool(common, options.max_idle),
            leases: pool(of_leases, of_leases),
            database,
            keys: options.key,
            lease_ttl: options.lease_ttl,
            folds_names,
        };
        let store = Self(Arc::new(inner), Way::Common, None);
        store.check_key().await?;
        Ok(store)
    }

    /// The same in the name of `actor`: what is changed through it goes into the audit log.
    #[must_use]
    pub fn by(&self, actor: &str) -> Self {
        Self(Arc::clone(&self.0), self.1, Some(actor.into()))
    }

    /// In whose name it is changed; `None`: the engine's own doing, which is in the logs of jobs.
    fn actor(&self) -> Option<&str> {
        self.2.as_deref()
    }

    /// Control sessions; never for user data.
    #[must_use]
    pub fn pool(&self) -> &Pool {
        match self.1 {
            Way::Common => &self.0.pool,
            Way::Leases => &self.0.leases,
        }
    }

    /// Numbers of all its sessions.
    #[must_use]
    pub fn pool_status(&self) -> PoolStatus {
        let (all, leases) = (self.0.pool.status(), self.0.leases.status());
        PoolStatus {
            open: all.open + leases.open,
            idle: all.idle + leases.idle,
            in_use: all.in_use + leases.in_use,
            max_open: all.max_open + leases.max_open,
            waits: all.waits + leases.waits,
        }
    }

    /// The same by sessions of its own: a lease is claimed and renewed in time however many others
    /// wait for a session.
    fn for_leases(&self) -> Self {
        Self(Arc::clone(&self.0), Way::Leases, self.2.clone())
    }

    /// Name of the control database.
    #[must_use]
    pub fn database(&self) -> &Ident {
        &self.0.database
    }

    /// Closes idle sessions and refuses every later call.
    pub async fn close(&self) {
        self.0.pool.close().await;
        self.0.leases.close().await;
    }

    /// Asks the server for a sign of life.
    ///
    /// # Errors
    /// When it gives none.
    pub async fn ping(&self) -> Result<(), StoreError> {
        Ok(self.0.pool.get().await?.ping().await?)
    }

    /// How long a lease holds without being renewed.
    #[must_use]
    pub fn lease_ttl(&self) -> Duration {
        self.0.lease_ttl
    }

    fn keys(&self) -> &keys::KeyRing {
        &self.0.keys
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ids::InstanceId;

    fn sent<T: Send>(_: T) {}

    /// Fails to compile, not to run: workers are spawned.
    #[test]
    fn the_repository_can_be_used_from_spawned_tasks() {
        let _never_called = |store: Store, options: StoreOptions, job: &NewJob<'_>| {
            let id = InstanceId::generate();
            let resource = leases::Resource::Job(crate::model::ids::JobId::generate());
            sent(Store::open(options));
            sent(store.create_job(job));
            sent(store.claim(&resource, id));
            sent(store.delete_old_jobs(Duration::ZERO));
            sent(store.apply_import(&[], &[]));
        };
    }
}
