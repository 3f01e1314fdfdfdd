//! How the engine reaches `sync`: a seam, so that its rules are tested without servers.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::sync::watch;

use super::masks::with_masks;
use super::options::Endpoints;
use crate::model::config::Config;
use crate::model::connection::Connection;
use crate::model::cron::Zone;
use crate::model::error::{ErrorCode, ErrorInfo};
use crate::model::ids::{InstanceId, JobId, TableRunId};
use crate::model::job::{JobKind, JobLimits, JobRequest};
use crate::model::secret::Secret;
use crate::model::throttle::ThrottleSpec;
use crate::store::Store;
use crate::sync::{
    JobContext, JobRun, StopSignal, SyncError, TableLease, TableMeter, TableObserver, TableOutcome,
    TableTask, Throttles, UndoRun,
};

/// Which job is to be done, with everything that was read about it.
#[derive(Clone)]
pub struct Order {
    /// The job.
    pub job: JobId,
    /// Its connection.
    pub connection: Connection,
    /// The password of it, as stored.
    pub password: Option<Secret>,
    /// Its config.
    pub config: Config,
    /// What was asked for.
    pub request: JobRequest,
    /// Rows of a batch where the config says nothing.
    pub batch_size: u32,
    /// Zone of `detect_deletes` as a cron expression.
    pub timezone: Zone,
}

/// A job that can begin.
pub struct Prepared {
    /// Does the work.
    pub work: Arc<dyn Work>,
    /// Its tables.
    pub tasks: Vec<TableTask>,
    /// What a person should know of the job as a whole.
    pub warnings: Vec<String>,
}

/// Prepares jobs.
pub trait Runner: Send + Sync + 'static {
    /// Connects and plans; see [`JobRun::prepare`].
    fn prepare(
        &self,
        order: Order,
        stop: StopSignal,
        limits: watch::Receiver<JobLimits>,
    ) -> BoxFuture<'_, Result<Prepared, SyncError>>;

    /// Puts other limits on the local server in force.
    fn throttle_local(&self, _spec: ThrottleSpec) {}
}

/// The work of one job; see [`JobRun`].
pub trait Work: Send + Sync + 'static {
    /// See [`JobRun::sync_table`].
    fn sync_table<'a>(
        &'a self,
        task: &'a TableTask,
        run: TableRunId,
        lease: &'a TableLease,
        meter: &'a Arc<TableMeter>,
        observer: &'a Arc<dyn TableObserver>,
    ) -> BoxFuture<'a, Result<TableOutcome, SyncError>>;

    /// See [`JobRun::verify_table`].
    fn verify_table<'a>(
        &'a self,
        task: &'a TableTask,
        meter: &'a Arc<TableMeter>,
        observer: &'a Arc<dyn TableObserver>,
    ) -> BoxFuture<'a, Result<TableOutcome, SyncError>>;

    /// See [`JobRun::gave_up`].
    fn gave_up(&self, task: &TableTask);

    /// See [`JobRun::finish`].
    fn finish(&self) -> BoxFuture<'_, ()>;
}

/// Runs jobs on real servers.
pub struct SyncRunner {
    /// The control database.
    pub store: Store,
    /// How servers are reached.
    pub endpoints: Arc<dyn Endpoints>,
    /// This process.
    pub instance: InstanceId,
    /// How long a lease lasts.
    pub lease_ttl: Duration,
    /// Limits that all jobs hold together.
    pub throttles: Throttles,
}

impl Runner for SyncRunner {
    fn throttle_local(&self, spec: ThrottleSpec) {
        self.throttles.set_local(spec);
    }

    fn prepare(
        &self,
        order: Order,
        stop: StopSignal,
        limits: watch::Receiver<JobLimits>,
    ) -> BoxFuture<'_, Result<Prepared, SyncError>> {
        Box::pin(async move {
            let compression = order.config.spec.options.enable_compression;
            let source = self
                .endpoints
                .source(&order.connection, order.password, compression)
                .map_err(|why| {
                    SyncError::from(
                        ErrorInfo::new(
                            ErrorCode::AccessDenied,
                            format!(
                                "the password of connection {:?} can't be resolved: {why}",
                                order.connection.spec.name
                            ),
                        )
                        .hint("set the variable or file that it names, or store another password"),
                    )
                })?;
            let source = with_masks(
                source,
                &order.config.spec,
                &self.store,
                &*self.endpoints,
                true,
            )
            .await
            .map_err(|why| {
                SyncError::from(
                    ErrorInfo::new(
                        ErrorCode::AccessDenied,
                        format!("the key that columns are hashed by can't be had: {why}"),
                    )
                    .hint("see security.mask_key and security.key_file"),
                )
            })?;
            let kind = order.request.kind;
            let context = JobContext {
                store: self.store.clone(),
                source,
                local: self.endpoints.local(),
                connection: order.connection,
                config: order.config,
                request: order.request,
                limits,
                job: Some(order.job),
                instance: self.instance,
                batch_size: order.batch_size,
                timezone: order.timezone,
                lease_ttl: self.lease_ttl,
                throttles: self.throttles.clone(),
            };
            if kind == JobKind::Undo {
                let (run, tasks) = UndoRun::prepare(context, stop).await?;
                return Ok(Prepared {
                    work: run,
                    tasks,
                    warnings: Vec::new(),
                });
            }
            let (run, tasks) = JobRun::prepare(context, stop).await?;
            Ok(Prepared {
                warnings: run.warnings(),
                work: run,
                tasks,
            })
        })
    }
}

impl Work for JobRun {
    fn sync_table<'a>(
        &'a self,
        task: &'a TableTask,
        run: TableRunId,
        lease: &'a TableLease,
        meter: &'a Arc<TableMeter>,
        observer: &'a Arc<dyn TableObserver>,
    ) -> BoxFuture<'a, Result<TableOutcome, SyncError>> {
        Box::pin(Self::sync_table(self, task, run, lease, meter, observer))
    }

    fn verify_table<'a>(
        &'a self,
        task: &'a TableTask,
        meter: &'a Arc<TableMeter>,
        observer: &'a Arc<dyn TableObserver>,
    ) -> BoxFuture<'a, Result<TableOutcome, SyncError>> {
        Box::pin(Self::verify_table(self, task, meter, observer))
    }

    fn gave_up(&self, task: &TableTask) {
        Self::gave_up(self, task);
    }

    fn finish(&self) -> BoxFuture<'_, ()> {
        Box::pin(Self::finish(self))
    }
}

impl Work for UndoRun {
    fn sync_table<'a>(
        &'a self,
        task: &'a TableTask,
        _run: TableRunId,
        lease: &'a TableLease,
        meter: &'a Arc<TableMeter>,
        observer: &'a Arc<dyn TableObserver>,
    ) -> BoxFuture<'a, Result<TableOutcome, SyncError>> {
        Box::pin(Self::sync_table(self, task, lease, meter, observer))
    }

    /// An undo compares nothing.
    fn verify_table<'a>(
        &'a self,
        _task: &'a TableTask,
        _meter: &'a Arc<TableMeter>,
        _observer: &'a Arc<dyn TableObserver>,
    ) -> BoxFuture<'a, Result<TableOutcome, SyncError>> {
        Box::pin(async { Err(SyncError::Stopped) })
    }

    fn gave_up(&self, _task: &TableTask) {}

    fn finish(&self) -> BoxFuture<'_, ()> {
        Box::pin(Self::finish(self))
    }
}
