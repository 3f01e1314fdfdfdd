//! What a job hands to the engine, and what the engine gives back.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::error::SyncError;
use super::meter::{TableMeter, TableObserver};
use crate::model::config::Config;
use crate::model::connection::Connection;
use crate::model::ids::{InstanceId, JobId, TableRunId};
use crate::model::job::JobRequest;
use crate::model::plan::{Plan, TablePlan};
use crate::model::table_run::Verified;
use crate::mysql::Endpoint;
use crate::store::Store;
use crate::store::leases::{Lease, PreviousHolder};

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
    /// The job; `None` for a plan.
    pub job: Option<JobId>,
    /// This process.
    pub instance: InstanceId,
    /// Setting `sync.batch_size`.
    pub batch_size: u32,
    /// Setting `sync.lease_ttl`.
    pub lease_ttl: Duration,
}

/// Two wishes to end: soft after the batch in hand, hard at once by rollback.
#[derive(Debug, Clone, Default)]
pub struct StopSignal {
    /// End after the batch in hand, checkpointed.
    pub soft: CancellationToken,
    /// End at once: connections are dropped.
    pub hard: CancellationToken,
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
}

/// What a table run achieved.
#[derive(Debug, Clone)]
pub struct TableOutcome {
    /// What was compared, as of when.
    pub verified: Verified,
}

/// One job's shared work: snapshots, workers, order of tables.
pub struct JobRun {
    context: JobContext,
}

impl JobRun {
    /// Connects, expands the rules and plans every table. Writes nothing.
    ///
    /// # Errors
    /// When a server can't be reached, or the job as a whole can't be run.
    pub async fn prepare(
        context: JobContext,
        stop: StopSignal,
    ) -> Result<(Arc<Self>, Vec<TableTask>), SyncError> {
        let _ = stop;
        Ok((Arc::new(Self { context }), Vec::new()))
    }

    /// What the job would do; with `exact`, existing targets are compared and counted.
    ///
    /// # Errors
    /// When a server can't be reached.
    pub async fn plan(context: JobContext, exact: bool) -> Result<Plan, SyncError> {
        let _ = exact;
        Ok(Plan {
            config: context.config.spec.name.clone(),
            connection: context.connection.spec.name.clone(),
            warnings: Vec::new(),
            tables: Vec::new(),
        })
    }

    /// Runs one table once. Called for all tables of the job at the same time: how many work is
    /// decided in here. May be called again for a table after a transient failure.
    ///
    /// # Errors
    /// `Stopped` when the stop signal was seen, else why it failed.
    pub async fn sync_table(
        &self,
        task: &TableTask,
        table_run: TableRunId,
        lease: &TableLease,
        meter: &Arc<TableMeter>,
        observer: &Arc<dyn TableObserver>,
    ) -> Result<TableOutcome, SyncError> {
        let _ = (task, table_run, lease, meter, observer, &self.context);
        Err(SyncError::Stopped)
    }

    /// Compares one table with its live source; writes nothing.
    ///
    /// # Errors
    /// `Stopped` when the stop signal was seen, else why it failed.
    pub async fn verify_table(
        &self,
        task: &TableTask,
        meter: &Arc<TableMeter>,
        observer: &Arc<dyn TableObserver>,
    ) -> Result<TableOutcome, SyncError> {
        let _ = (task, meter, observer, &self.context);
        Err(SyncError::Stopped)
    }

    /// Tells the run that a table will not be tried again, so that tables which wait for it go on.
    pub fn gave_up(&self, task: &TableTask) {
        let _ = (task, &self.context);
    }

    /// Ends snapshots and sessions, and drops helper tables that nobody needs.
    pub async fn finish(&self) {
        let _: Option<HashMap<(), ()>> = None;
    }
}
