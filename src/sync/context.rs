//! What a job hands to the engine, and what the engine gives back.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::model::config::Config;
use crate::model::connection::Connection;
use crate::model::cron::Zone;
use crate::model::ids::{InstanceId, JobId};
use crate::model::job::{JobLimits, JobRequest};
use crate::model::plan::TablePlan;
use crate::model::table_run::Verified;
use crate::mysql::Endpoint;
use crate::store::Store;
use crate::store::leases::{Lease, PreviousHolder};
use crate::sync::history::Expected;
use crate::sync::throttle::Throttles;

/// Everything the engine needs to know about a job.
#[derive(Clone)]
pub struct JobContext {
    /// Control database.
    pub store: Store,
    /// The source, password resolved, compression as the config says.
    pub source: Arc<Endpoint>,
    /// The local server, password resolved.
    pub local: Arc<Endpoint>,
    /// The connection.
    pub connection: Connection,
    /// The config.
    pub config: Config,
    /// What is asked for.
    pub request: JobRequest,
    /// Limits that may change while the job runs.
    pub limits: watch::Receiver<JobLimits>,
    /// The job; `None` for a plan.
    pub job: Option<JobId>,
    /// This process.
    pub instance: InstanceId,
    /// Setting `sync.batch_size`.
    pub batch_size: u32,
    /// Setting `sync.timezone`.
    pub timezone: Zone,
    /// Setting `sync.lease_ttl`.
    pub lease_ttl: Duration,
    /// Limits that the jobs of this process hold together.
    pub throttles: Throttles,
}

/// The right to work on one target table, kept alive by its owner.
#[derive(Debug, Clone)]
pub struct TableLease {
    /// What is held.
    pub lease: Lease,
    /// Who held it before, when it was taken from a holder that did not release it.
    pub previous: Option<PreviousHolder>,
    /// Cancelled when it can't be believed any more.
    pub lost: CancellationToken,
}

/// One table of a job.
#[derive(Debug, Clone)]
pub struct TableTask {
    /// Table on the source.
    pub source_table: String,
    /// Table on the target.
    pub target_table: String,
    /// What is to be done; a risk of severity `stop` fails the table.
    pub plan: TablePlan,
    /// How long it will take, where its last run tells.
    pub expected: Option<Expected>,
}

/// What a table run achieved.
#[derive(Debug, Clone)]
pub struct TableOutcome {
    /// What was compared, as of when.
    pub verified: Verified,
}
