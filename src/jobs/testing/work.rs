//! Work that does what a test tells it.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::watch;

use crate::jobs::runner::{Order, Prepared, Runner, Work};
use crate::model::error::{ErrorCode, ErrorInfo};
use crate::model::ids::TableRunId;
use crate::model::job::JobLimits;
use crate::model::log::Level;
use crate::model::plan::{PlannedDeletes, Risk, Severity, TablePlan};
use crate::model::rule::SyncMode;
use crate::model::table_run::{Phase, Verified};
use crate::sync::{
    StopSignal, SyncError, TableLease, TableMeter, TableObserver, TableOutcome, TableTask,
};

/// What one try does.
#[derive(Debug, Clone)]
pub enum Step {
    /// It ends well.
    Complete,
    /// It fails.
    Fail(ErrorInfo),
    /// It commits something, then fails.
    CommitThenFail(ErrorInfo),
    /// It works until it is told to stop.
    UntilStopped,
    /// It works until it is told to stop at once.
    UntilForced,
    /// The same, and rows move all the time.
    MovesUntilForced,
    /// It never ends, whatever it is told.
    Forever,
    /// It panics.
    Panic,
}

/// Work that does what a test tells it.
#[derive(Default)]
pub struct FakeWork(Arc<Script>);

#[derive(Default)]
struct Script {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    tables: Vec<(String, VecDeque<Step>)>,
    prepares: VecDeque<Result<(), SyncError>>,
    stop_risks: HashMap<String, String>,
    tried: Vec<String>,
    gave_up: Vec<String>,
    finished: u32,
    runs: HashMap<String, TableRunId>,
    limits: Option<watch::Receiver<JobLimits>>,
}

struct Running {
    script: Arc<Script>,
    stop: StopSignal,
}

/// A failure that may pass.
pub fn transient(code: ErrorCode) -> ErrorInfo {
    ErrorInfo::new(code, "it may pass").transient()
}

impl FakeWork {
    /// No tables yet.
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// A table and what its tries do; after the last it completes.
    pub fn table(&self, name: &str, steps: &[Step]) {
        let steps = steps.iter().cloned().collect();
        self.0.lock().tables.push((name.to_owned(), steps));
    }

    /// The next preparation fails.
    pub fn fail_prepare(&self, error: ErrorInfo) {
        self.0.lock().prepares.push_back(Err(error.into()));
    }

    /// The plan refuses a table.
    pub fn refuse(&self, table: &str, risk: &str) {
        let mut state = self.0.lock();
        state.stop_risks.insert(table.to_owned(), risk.to_owned());
    }

    /// Tables, once for each of their tries, by name.
    pub fn tried(&self) -> Vec<String> {
        let mut tables = self.0.lock().tried.clone();
        tables.sort();
        tables
    }

    /// Tables that will not be tried again.
    pub fn gave_up(&self) -> Vec<String> {
        let mut tables = self.0.lock().gave_up.clone();
        tables.sort();
        tables
    }

    /// The limits that the work of the last job sees.
    pub fn limits(&self) -> JobLimits {
        let state = self.0.lock();
        let limits = state.limits.as_ref().unwrap();
        limits.borrow().clone()
    }

    /// How many jobs were finished in order.
    pub fn finished(&self) -> u32 {
        self.0.lock().finished
    }

    /// Id of the table run that a table was given last.
    pub fn run_of(&self, table: &str) -> TableRunId {
        self.0.lock().runs[table]
    }
}

impl Script {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

impl Runner for FakeWork {
    fn prepare(
        &self,
        _: Order,
        stop: StopSignal,
        limits: watch::Receiver<JobLimits>,
    ) -> BoxFuture<'_, Result<Prepared, SyncError>> {
        async move {
            tokio::task::yield_now().await;
            let mut state = self.0.lock();
            state.limits = Some(limits);
            if let Some(result) = state.prepares.pop_front() {
                result?;
            }
            let tasks = state
                .tables
                .iter()
                .map(|(name, _)| task(name, state.stop_risks.get(name)))
                .collect();
            let work = Arc::new(Running {
                script: Arc::clone(&self.0),
                stop,
            });
            Ok(Prepared {
                work,
                tasks,
                warnings: Vec::new(),
            })
        }
        .boxed()
    }
}

fn task(name: &str, stop_risk: Option<&String>) -> TableTask {
    TableTask {
        source_table: name.to_owned(),
        target_table: name.to_owned(),
        expected: None,
        plan: TablePlan {
            source_table: name.to_owned(),
            target_table: name.to_owned(),
            sync_mode: SyncMode::Full,
            strategy: None,
            reason: "a test".to_owned(),
            full_strategy: None,
            writer: None,
            key: vec!["id".to_owned()],
            chunks: 1,
            rows_estimate: 10,
            bytes_estimate: 100,
            eta_seconds: None,
            ddl: Vec::new(),
            deletes: PlannedDeletes::default(),
            risks: stop_risk
                .map(|id| Risk::new(id, Severity::Stop, "it can't be"))
                .into_iter()
                .collect(),
        },
    }
}

impl Running {
    async fn attempt(
        &self,
        task: &TableTask,
        meter: &TableMeter,
        observer: &Arc<dyn TableObserver>,
    ) -> Result<TableOutcome, SyncError> {
        let step = {
            let mut state = self.script.lock();
            state.tried.push(task.target_table.clone());
            let (_, steps) = state
                .tables
                .iter_mut()
                .find(|(name, _)| *name == task.target_table)
                .unwrap();
            steps.pop_front().unwrap_or(Step::Complete)
        };
        observer.phase(Phase::Copy);
        observer.log(Level::Info, "copying");
        tokio::task::yield_now().await;
        match step {
            Step::Complete => {
                meter.rows_done.store(10, Ordering::Relaxed);
                meter.inserted.store(10, Ordering::Relaxed);
                meter.committed();
                observer.phase(Phase::Swap);
                Ok(TableOutcome {
                    verified: Verified::default(),
                })
            }
            Step::Fail(error) => Err(error.into()),
            Step::CommitThenFail(error) => {
                // The engine compares ages of the real clock.
                std::thread::sleep(std::time::Duration::from_millis(2));
                meter.committed();
                Err(error.into())
            }
            Step::UntilStopped => {
                self.stop.soft.cancelled().await;
                Err(SyncError::Stopped)
            }
            Step::UntilForced => {
                self.stop.hard.cancelled().await;
                Err(SyncError::Stopped)
            }
            Step::MovesUntilForced => loop {
                meter.rows_done.fetch_add(1, Ordering::Relaxed);
                tokio::select! {
                    () = self.stop.hard.cancelled() => return Err(SyncError::Stopped),
                    () = tokio::time::sleep(std::time::Duration::from_millis(300)) => {}
                }
            },
            Step::Forever => std::future::pending().await,
            Step::Panic => panic!("planned by a test"),
        }
    }
}

impl Work for Running {
    fn sync_table<'a>(
        &'a self,
        task: &'a TableTask,
        run: TableRunId,
        _: &'a TableLease,
        meter: &'a Arc<TableMeter>,
        observer: &'a Arc<dyn TableObserver>,
    ) -> BoxFuture<'a, Result<TableOutcome, SyncError>> {
        let mut state = self.script.lock();
        state.runs.insert(task.target_table.clone(), run);
        drop(state);
        self.attempt(task, meter, observer).boxed()
    }

    fn verify_table<'a>(
        &'a self,
        task: &'a TableTask,
        meter: &'a Arc<TableMeter>,
        observer: &'a Arc<dyn TableObserver>,
    ) -> BoxFuture<'a, Result<TableOutcome, SyncError>> {
        self.attempt(task, meter, observer).boxed()
    }

    fn gave_up(&self, task: &TableTask) {
        let mut state = self.script.lock();
        state.gave_up.push(task.target_table.clone());
    }

    fn finish(&self) -> BoxFuture<'_, ()> {
        async {
            self.script.lock().finished += 1;
        }
        .boxed()
    }
}
