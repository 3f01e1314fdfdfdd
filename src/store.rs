//! The repository: the control database, its migrations, sealed secrets, leases, checkpoints.
//!
//! Owns every statement that touches the control database. Must not know: sources, sync rules,
//! queues. Called by `sync`, `jobs` and `services`.

mod configs;
mod connections;
mod error;
mod instances;
mod jobs;
pub mod keys;
pub mod leases;
mod logs;
mod migrate;

use std::sync::Arc;
use std::time::Duration;

use crate::mysql::{Endpoint, Ident, Pool};

pub use error::StoreError;
pub use jobs::NewJob;
pub use migrate::{MigrationStatus, migration_status};

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
pub struct Store(Arc<Inner>);

struct Inner {
    pool: Pool,
    database: Ident,
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
        let _ = options;
        Err(stub())
    }

    /// Control sessions; never for user data.
    #[must_use]
    pub fn pool(&self) -> &Pool {
        &self.0.pool
    }

    /// Name of the control database.
    #[must_use]
    pub fn database(&self) -> &Ident {
        &self.0.database
    }

    /// Closes idle sessions and refuses every later call.
    pub async fn close(&self) {
        self.0.pool.close().await;
    }

    /// Asks the server for a sign of life.
    ///
    /// # Errors
    /// When it gives none.
    pub async fn ping(&self) -> Result<(), StoreError> {
        Ok(self.0.pool.get().await?.ping().await?)
    }
}

fn stub() -> StoreError {
    StoreError::Setup("not available in this build".to_owned())
}
