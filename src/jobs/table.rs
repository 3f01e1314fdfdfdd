//! One table of a job: its lease, its tries, the waits between them.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::backoff::Backoff;
use super::cell::Cell;
use super::leases::HeldLease;
use super::notes::Note;
use super::outcome::refused_by_plan;
use super::runner::Work;
use super::shared::Shared;
use super::spans;
use crate::model::error::{ErrorCode, ErrorInfo};
use crate::model::event::{Side, What};
use crate::model::job::JobKind;
use crate::model::log::{Difference, Level};
use crate::model::table_run::{Phase, Verified};
use crate::mysql::{ErrorClass, TableRef};
use crate::store::leases::Resource;
use crate::sync::error::Failure;
use crate::sync::{SyncError, TableLease, TableObserver, TableOutcome};

/// Wait before a lease that somebody holds is asked for again.
const ASK_AGAIN: Duration = Duration::from_secs(1);

/// How the work on a table ended.
#[derive(Debug)]
pub enum TableEnd {
    /// Well.
    Completed(Verified),
    /// Badly.
    Failed(Box<ErrorInfo>),
    /// It was told to.
    Stopped,
}

impl From<ErrorInfo> for TableEnd {
    fn from(error: ErrorInfo) -> Self {
        Self::Failed(Box::new(error))
    }
}

/// Works on one table until it ended well, can't, or is told to stop.
pub async fn work(shared: Arc<Shared>, work: Arc<dyn Work>, cell: Arc<Cell>) -> TableEnd {
    if let Some(error) = refused_by_plan(&cell.task.plan) {
        return error.into();
    }
    let lease = match shared.kind {
        JobKind::Verify => None,
        JobKind::Sync | JobKind::Repair | JobKind::Undo => match claim(&shared, &cell).await {
            Ok(lease) => Some(lease),
            Err(end) => return end,
        },
    };
    let span = spans::of_table(&shared, &cell);
    let within = cell.meter.moved.within(span.clone());
    let end = tries(&shared, &*work, &cell, lease.as_ref()).await;
    drop(within);
    let error = match &end {
        TableEnd::Failed(error) => Some(&**error),
        TableEnd::Completed(_) | TableEnd::Stopped => None,
    };
    spans::end_table(&span, &cell, error);
    if let Some(lease) = lease {
        lease.release().await;
    }
    end
}

/// Claims the target table; waits for a living holder as long as a lease could last twice.
async fn claim(shared: &Shared, cell: &Cell) -> Result<HeldLease, TableEnd> {
    let keeper = &shared.core.keeper;
    let table = &cell.task.target_table;
    let resource = Resource::Table(TableRef::new(
        shared.target_database.as_str(),
        table.as_str(),
    ));
    let patience = keeper.ttl() * 2;
    let since = Instant::now();
    let mut told = false;
    loop {
        let refused = match keeper.claim(&resource).await {
            Ok(Some(lease)) => return Ok(lease),
            Ok(None) => {
                if !told {
                    told = true;
                    let line = format!(
                        "{} works on {}.{table}; waiting for it up to {} s",
                        who(shared).await,
                        shared.target_database,
                        patience.as_secs()
                    );
                    shared.log(Some(table), Level::Warn, &line);
                }
                let line = format!(
                    "another job works on {}.{table} and did not end in time",
                    shared.target_database
                );
                ErrorInfo::new(ErrorCode::LeaseLost, line)
                    .hint("see which with `db-taxi jobs list`, and run again when it is done")
            }
            Err(error) if error.info().transient => error.info(),
            Err(error) => return Err(error.info().into()),
        };
        if since.elapsed() >= patience {
            return Err(refused.into());
        }
        tokio::select! {
            () = tokio::time::sleep(ASK_AGAIN) => {}
            () = shared.stop.signal.soft.cancelled() => return Err(TableEnd::Stopped),
        }
    }
}

/// The other processes that work on jobs: one of them holds what we wait for.
async fn who(shared: &Shared) -> String {
    let core = &shared.core;
    let all = core.ledger.list_instances().await.unwrap_or_default();
    let names: Vec<String> = all
        .into_iter()
        .filter(|one| one.id != core.instance && !one.jobs.is_empty())
        .map(|one| one.name)
        .collect();
    if names.is_empty() {
        "another job".to_owned()
    } else {
        format!("another job (instance {})", names.join(" or "))
    }
}

async fn tries(
    shared: &Arc<Shared>,
    work: &dyn Work,
    cell: &Arc<Cell>,
    lease: Option<&HeldLease>,
) -> TableEnd {
    let observer: Arc<dyn TableObserver> = Arc::new(Watcher {
        shared: Arc::clone(shared),
        cell: Arc::clone(cell),
    });
    let lease = lease.map(HeldLease::table);
    let limits = shared.core.limits();
    let mut backoff = Backoff::new(limits.retry_attempts, limits.retry_delay);
    loop {
        cell.begin_attempt();
        let began = std::time::Instant::now();
        let failure = match attempt(work, cell, lease.as_ref(), &observer).await {
            Ok(outcome) => return TableEnd::Completed(outcome.verified),
            Err(SyncError::Stopped) if shared.stop.is_asked() => return TableEnd::Stopped,
            Err(SyncError::Stopped) => return stopped_by_nobody().into(),
            Err(SyncError::Failed(failure)) => *failure,
        };
        let progressed = cell
            .meter
            .checkpoint_age()
            .is_some_and(|age| age < began.elapsed());
        let wait = match next_try(shared, lease.as_ref(), &failure, || {
            backoff.failed(progressed, rand::random())
        }) {
            Ok(wait) => wait,
            Err(end) => return end,
        };
        shared.retry(Some(cell), &failure.info, wait);
        let lost = async {
            match &lease {
                Some(lease) => lease.lost.cancelled().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = shared.stop.signal.soft.cancelled() => return TableEnd::Stopped,
            () = lost => return lease_lost().into(),
        }
    }
}

async fn attempt(
    work: &dyn Work,
    cell: &Cell,
    lease: Option<&TableLease>,
    observer: &Arc<dyn TableObserver>,
) -> Result<TableOutcome, SyncError> {
    match lease {
        Some(lease) => {
            work.sync_table(&cell.task, cell.id(), lease, &cell.meter, observer)
                .await
        }
        None => work.verify_table(&cell.task, &cell.meter, observer).await,
    }
}

/// The wait before the next try, or how the table ends.
fn next_try(
    shared: &Shared,
    lease: Option<&TableLease>,
    failure: &Failure,
    wait: impl FnOnce() -> Option<Duration>,
) -> Result<Duration, TableEnd> {
    let failed = || TableEnd::from(failure.info.clone());
    if failure.info.code == ErrorCode::LeaseLost || failure.class == ErrorClass::Stop {
        return Err(failed());
    }
    if lease.is_some_and(|lease| lease.lost.is_cancelled()) {
        return Err(lease_lost().into());
    }
    if shared.stop.is_asked() {
        return Err(TableEnd::Stopped);
    }
    wait().ok_or_else(failed)
}

fn lease_lost() -> ErrorInfo {
    match SyncError::lease_lost().info() {
        Some(info) => info.clone(),
        None => ErrorInfo::new(ErrorCode::LeaseLost, "the lease was lost"),
    }
}

fn stopped_by_nobody() -> ErrorInfo {
    ErrorInfo::new(
        ErrorCode::Internal,
        "the work ended early although nobody asked for it",
    )
}

/// Hears what the work on one table does; never waits.
struct Watcher {
    shared: Arc<Shared>,
    cell: Arc<Cell>,
}

impl Watcher {
    fn table(&self) -> &str {
        &self.cell.task.target_table
    }

    fn of_job(&self, line: &str, what: What) {
        self.shared.log(None, Level::Info, line);
        self.shared.notes.push(Note::Told { table: None, what });
    }
}

impl TableObserver for Watcher {
    fn phase(&self, phase: Phase) {
        self.cell.meter.moved.enter(phase);
        self.cell.enter(&self.shared.notes, phase);
    }

    fn strategy(&self, full_strategy: &str, writer: &str) {
        self.cell.set_strategy(full_strategy, writer);
    }

    fn log(&self, level: Level, message: &str) {
        self.shared.log(Some(self.table()), level, message);
    }

    fn warning(&self, code: &str, message: &str, hint: Option<&str>) {
        let line = match hint {
            Some(hint) => format!("{message}; {hint}"),
            None => message.to_owned(),
        };
        self.shared.log(Some(self.table()), Level::Warn, &line);
        self.shared.notes.push(Note::Told {
            table: Some(self.table().to_owned()),
            what: What::Warning {
                code: code.to_owned(),
                message: message.to_owned(),
                hint: hint.map(str::to_owned),
            },
        });
    }

    fn throttled(&self, side: Side, reason: &str) {
        let line = format!("work waits for the {}: {reason}", side.server());
        self.of_job(
            &line,
            What::Throttled {
                side,
                reason: reason.to_owned(),
            },
        );
    }

    fn unthrottled(&self, side: Side, reason: &str) {
        let line = format!("work goes on: the {} has room again", side.server());
        self.of_job(
            &line,
            What::Unthrottled {
                side,
                reason: reason.to_owned(),
            },
        );
    }

    fn differences(&self, missing: u64, extra: u64, changed: u64, sample: Vec<Difference>) {
        self.shared.notes.push(Note::Differences {
            table: self.table().to_owned(),
            what: What::DifferencesFound {
                missing,
                extra,
                changed,
            },
            sample,
        });
    }
}
