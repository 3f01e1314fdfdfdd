//! What the engine asks of the control database: a seam, so that its rules are tested without one.

use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::future::BoxFuture;

use crate::model::config::Config;
use crate::model::connection::Connection;
use crate::model::error::ErrorInfo;
use crate::model::ids::{ConfigId, ConnectionId, InstanceId, JobId};
use crate::model::job::{Job, JobLimits, JobRequest, JobState, JobWish};
use crate::model::log::{Difference, LogEntry};
use crate::model::secret::Secret;
use crate::model::status::Instance;
use crate::model::table_run::TableRun;
use crate::store::leases::{Lease, PreviousHolder, Resource};
use crate::store::schedules::{ScheduleRow, Schedules, Started};
use crate::store::{Store, StoreError};

/// A claim that succeeded, and who held the lease without releasing it.
pub type Claim = (Lease, Option<PreviousHolder>);

/// Declares each call once: for the trait, and as `Store` answers it.
macro_rules! ledger {
    ($(fn $name:ident($($arg:ident: $type:ty),*) -> $out:ty;)*) => {
        /// The calls of the engine; documented at [`Store`].
        pub trait Ledger: Send + Sync + 'static {
            $(fn $name<'a>(&'a self, $($arg: $type),*) -> BoxFuture<'a, Result<$out, StoreError>>;)*
        }

        impl Ledger for Store {
            $(fn $name<'a>(&'a self, $($arg: $type),*) -> BoxFuture<'a, Result<$out, StoreError>> {
                Box::pin(Store::$name(self, $($arg),*))
            })*
        }
    };
}

ledger! {
    fn claim(resource: &'a Resource, holder: InstanceId) -> Option<Claim>;
    fn renew(leases: &'a [Lease]) -> Vec<bool>;
    fn release(lease: &'a Lease) -> ();
    fn register_instance(instance: &'a Instance) -> Instance;
    fn heartbeat(instance: InstanceId, labels: &'a [String], jobs: &'a [JobId]) -> ();
    fn forget_instances() -> ();
    fn stop_instance(instance: InstanceId) -> ();
    fn list_instances() -> Vec<Instance>;
    fn job(id: JobId) -> Option<Job>;
    fn pending_jobs(labels: &'a [String], limit: u32) -> Vec<Job>;
    fn orphaned_jobs(labels: &'a [String]) -> Vec<Job>;
    fn set_job_state(
        id: JobId,
        from: JobState,
        to: JobState,
        by: InstanceId,
        error: Option<&'a ErrorInfo>
    ) -> bool;
    fn save_job_summary(job: &'a Job, by: InstanceId) -> ();
    fn save_table_run(job: JobId, run: &'a TableRun, by: InstanceId) -> ();
    fn job_wish(id: JobId) -> JobWish;
    fn job_orders(id: JobId) -> (JobWish, JobLimits);
    fn set_job_wish(id: JobId, wish: JobWish) -> ();
    fn job_request(id: JobId) -> JobRequest;
    fn delete_old_jobs(older_than: Duration) -> u64;
    fn delete_old_audit(jobs_older_than: Duration) -> u64;
    fn schedules() -> Schedules;
    fn put_schedule(old: Option<&'a ScheduleRow>, new: &'a ScheduleRow) -> bool;
    fn drop_schedule(config: ConfigId) -> ();
    fn start_due(row: &'a ScheduleRow, next: DateTime<Utc>) -> Started;
    fn config(id: ConfigId) -> Option<Config>;
    fn connection(id: ConnectionId) -> Option<Connection>;
    fn connection_password(id: ConnectionId) -> Option<Secret>;
    fn append_logs(lines: &'a [LogEntry]) -> ();
    fn save_differences(job: JobId, found: &'a [Difference]) -> ();
}
