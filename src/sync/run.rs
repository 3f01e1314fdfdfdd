//! One job's run: both servers looked at, every table planned, then tables run as the job engine
//! asks for them.

mod look;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::ahead::Ahead;
use super::context::{JobContext, TableLease, TableOutcome, TableTask};
use super::error::SyncError;
use super::guard::{Guard, Watched};
use super::link::Link;
use super::meter::{TableMeter, TableObserver};
use super::order::Order;
use super::place::sweep;
use super::report::table_plan;
use super::rules::Chosen;
use super::shared::{JobShared, TableShared};
use super::snapshot::{Manner, Snapshots, sessions_for};
use super::stop::StopSignal;
use super::table::{PlannedTable, plan_table};
use super::telling::tell_how_aligned;
use super::watch::Watch;
use super::workers::Workers;
use super::{course, exact, history, repair, script, verify};
use crate::model::config::Consistency;
use crate::model::error::{ErrorCode, ErrorInfo};
use crate::model::ids::TableRunId;
use crate::model::job::JobKind;
use crate::model::log::Level;
use crate::model::plan::Plan;
use crate::model::table_run::Verified;

/// How long the plan that a job begins with is believed.
const FRESH: Duration = Duration::from_secs(10);
/// How often a table may go on at once after its readers gave way.
const ROUNDS: u32 = 20;

/// One job's shared work: snapshots, workers, order of tables.
pub struct JobRun {
    shared: Arc<JobShared>,
    chosen: HashMap<String, Chosen>,
    /// Plans that no try has used yet, and when they were made.
    first_plans: Mutex<HashMap<String, PlannedTable>>,
    planned_at: Instant,
    warnings: Vec<String>,
    warned_of_snapshots: AtomicBool,
    told_how_aligned: AtomicBool,
    /// Looking at the servers; ends with the run.
    watches: Mutex<Vec<Watch>>,
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
        let looked = look::look(&context).await?;
        let planned_at = Instant::now();
        let warnings = looked.warnings(context.request.kind);
        let options = &context.config.spec.options;
        let workers = options.max_concurrency.max(1) as usize;
        let room = room(&context);
        let targets = looked.targets();
        let order = Order::new(&looked.names(), &looked.references(&targets));
        let mut tasks = looked.tasks(&context, workers).await?;
        tasks.sort_by_key(|task| order.rank(&task.target_table));
        let bounds = looked.bounds(&context);
        let rules = looked.rules();
        let manner = Manner {
            lock: options.snapshot_lock,
            per_chunk: options.consistency == Consistency::Chunk,
        };
        let asked = context.limits.borrow().max_concurrency;
        let readers = asked.map_or(workers, |asked| asked.max(1) as usize);
        let source = Arc::clone(&context.source);
        let size = sessions_for(readers, room);
        let snapshots = Snapshots::new(source, size, manner, stop.clone());
        let snapshots = Arc::new(snapshots.with_bounds(bounds.clone()));
        snapshots.want(readers, room);
        let watched = Arc::new(Watched::default());
        let link = Arc::new(Link::new(looked.servers.round_trip));
        watched.add(&snapshots);
        let guard = Guard::new(
            looked.servers.source_database.raw(),
            targets.keys().cloned().collect(),
            options.max_snapshot_age,
            Arc::clone(&watched),
            Arc::clone(&link),
        );
        let shared = JobShared {
            source_throttle: context.throttles.source(&context.connection),
            target_throttle: context.throttles.target(),
            snapshots,
            watched,
            link,
            bounds,
            permits: Workers::new(workers, context.limits.clone()),
            writers: Workers::new(workers, context.limits.clone()),
            ahead: Ahead::new(readers),
            room,
            order,
            targets,
            rules,
            servers: looked.servers,
            stop,
            context,
        };
        let watches = look_on(&shared, guard);
        let chosen = looked
            .chosen
            .into_iter()
            .map(|c| (c.target_table.clone(), c));
        let plans = looked
            .plans
            .into_iter()
            .map(|plan| (plan.target.table.raw().to_owned(), plan));
        let run = Self {
            shared: Arc::new(shared),
            chosen: chosen.collect(),
            first_plans: Mutex::new(plans.collect()),
            planned_at,
            warnings,
            warned_of_snapshots: AtomicBool::new(false),
            told_how_aligned: AtomicBool::new(false),
            watches: Mutex::new(watches),
        };
        Ok((Arc::new(run), tasks))
    }

    /// What the job would do; with `exactly`, existing targets are compared and counted.
    ///
    /// # Errors
    /// When a server can't be reached.
    pub async fn plan(context: JobContext, exactly: bool) -> Result<Plan, SyncError> {
        let workers = context.config.spec.options.max_concurrency.max(1) as usize;
        let looked = look::look(&context).await?;
        let servers = &looked.servers;
        let mut tables = Vec::new();
        for plan in &looked.plans {
            let mut shown = table_plan(plan, servers, workers, context.request.full);
            if exactly && plan.stop().is_none() && plan.target_schema.is_some() {
                exact::count(&context, servers, plan, &mut shown).await?;
            }
            tables.push(shown);
        }
        history::expect(&context.store, context.config.id, tables.iter_mut()).await?;
        Ok(Plan {
            config: context.config.spec.name.clone(),
            connection: context.connection.spec.name.clone(),
            warnings: looked.warnings(JobKind::Sync),
            tables,
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
        let work = match self.shared.context.request.kind {
            JobKind::Repair => Work::Repair,
            _ => Work::Sync,
        };
        let round = Round {
            run: table_run,
            lease: Some(lease),
            meter,
            observer,
        };
        let verified = self.in_rounds(task, work, round).await?;
        self.shared.order.done(&task.target_table);
        Ok(TableOutcome { verified })
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
        let run = TableRunId::generate();
        let round = Round {
            run,
            lease: None,
            meter,
            observer,
        };
        let verified = self.in_rounds(task, Work::Verify, round).await?;
        Ok(TableOutcome { verified })
    }

    /// Works on a table until it is done, or fails by something else than that it gave way to the
    /// source's own work.
    async fn in_rounds(
        &self,
        task: &TableTask,
        work: Work,
        round: Round<'_>,
    ) -> Result<Verified, SyncError> {
        let mut rounds = 0;
        loop {
            let plan = self.until_stopped(self.plan_for_try(task)).await?;
            let Round {
                run,
                lease,
                meter,
                observer,
            } = round;
            let table = TableShared::new(&self.shared, plan, run, lease, meter, observer);
            let outcome = work.run(&table).await;
            table.close().await;
            if work != Work::Verify {
                self.warn_of_snapshots(&table);
            }
            match outcome {
                Err(error) if rounds < ROUNDS && table.gave_way(&error) => {
                    rounds += 1;
                    table.log(
                        Level::Info,
                        "the source's own work came first; goes on under a new snapshot",
                    );
                    self.shared.snapshots.clear_way(&task.source_table).await;
                }
                outcome => return outcome.map_err(|error| table.explain(error)),
            }
        }
    }

    /// Compares every table with its live source and writes down the statements that repair it,
    /// instead of running them. Gives the tables that differ, and those that could not be repaired
    /// with the reason.
    ///
    /// # Errors
    /// When a server can't be reached, or the statements can't be written.
    pub async fn script(
        context: JobContext,
        stop: StopSignal,
        out: &mut (dyn std::io::Write + Send),
    ) -> Result<Vec<(String, Result<u64, ErrorInfo>)>, SyncError> {
        let name = context.config.spec.name.clone();
        let (run, tasks) = Self::prepare(context, stop).await?;
        let mut told = Vec::new();
        let mut later = Vec::new();
        script::emit(out, &script::head(&name))?;
        for task in &tasks {
            let table = task.target_table.clone();
            match run.script_table(task, out).await {
                Ok((differences, deletes)) => {
                    told.push((table, Ok(differences)));
                    later.push(deletes);
                }
                Err(SyncError::Failed(failure)) if !failure.info.transient => {
                    script::emit(out, &format!("\n-- {table}: left as it is\n"))?;
                    told.push((table, Err(failure.info)));
                }
                Err(error) => {
                    run.shared.snapshots.close().await;
                    return Err(error);
                }
            }
        }
        run.shared.snapshots.close().await;
        for deletes in later.iter().rev() {
            script::emit(out, deletes)?;
        }
        script::emit(out, script::TAIL)?;
        Ok(told)
    }

    async fn script_table(
        &self,
        task: &TableTask,
        out: &mut (dyn std::io::Write + Send),
    ) -> Result<(u64, String), SyncError> {
        let plan = self.plan_for_try(task).await?;
        let run = TableRunId::generate();
        let meter = Arc::new(TableMeter::default());
        let observer: Arc<dyn TableObserver> = Arc::new(script::Unheard);
        let table = TableShared::new(&self.shared, plan, run, None, &meter, &observer);
        let written = script::write(&table, out).await;
        table.close().await;
        let (verified, later) = written?;
        Ok((verified.differences, later))
    }

    /// Tells the run that a table will not be tried again, so that tables which wait for it go on.
    pub fn gave_up(&self, task: &TableTask) {
        self.shared.order.done(&task.target_table);
    }

    /// What a person should know of the job as a whole.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        self.warnings.clone()
    }

    /// Ends snapshots and sessions, and drops helper tables that nobody needs.
    pub async fn finish(&self) {
        self.watches
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
        self.shared.snapshots.close().await;
        let context = &self.shared.context;
        match sweep(&context.store, &context.local).await {
            Ok(left) => {
                for what in left {
                    tracing::warn!(target: "db_taxi::sync", what, "left over, not cleaned up");
                }
            }
            Err(error) => {
                tracing::warn!(target: "db_taxi::sync", %error, "helper tables were not looked at");
            }
        }
    }

    fn warn_of_snapshots(&self, table: &TableShared) {
        if !self.told_how_aligned.load(Ordering::Relaxed) && tell_how_aligned(table) {
            self.told_how_aligned.store(true, Ordering::Relaxed);
        }
        let asked = self.shared.context.config.spec.options.consistency == Consistency::Snapshot;
        if asked
            && self.shared.snapshots.taken() > 1
            && !self.warned_of_snapshots.swap(true, Ordering::Relaxed)
        {
            table.warn(
                "not_one_point_in_time",
                "the snapshot of the source had to be taken again: tables finished before are of an earlier point in time",
                Some("run again for one point in time"),
            );
        }
    }

    /// Awaits work that only reads, unless the job is to end.
    async fn until_stopped<T>(
        &self,
        work: impl Future<Output = Result<T, SyncError>>,
    ) -> Result<T, SyncError> {
        tokio::select! {
            biased;
            () = self.shared.stop.soft.cancelled() => Err(SyncError::Stopped),
            done = work => done,
        }
    }

    /// The plan of one try: the job's own for a first one that follows at once; else a fresh one,
    /// since something may have changed, maybe what the last try failed by.
    async fn plan_for_try(&self, task: &TableTask) -> Result<PlannedTable, SyncError> {
        let _permit = self.shared.permit().await?;
        let first = self
            .first_plans
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&task.target_table);
        let plan = match first {
            Some(plan) if self.planned_at.elapsed() < FRESH => plan,
            _ => self.plan_again(task).await?,
        };
        match plan.stop() {
            Some(info) => Err(info.into()),
            None => Ok(plan),
        }
    }

    async fn plan_again(&self, task: &TableTask) -> Result<PlannedTable, SyncError> {
        let chosen = self
            .chosen
            .get(&task.target_table)
            .ok_or_else(|| SyncError::stop(ErrorCode::Internal, "the table is not of this job"))?;
        let context = &self.shared.context;
        let mut source = look::probe(&context.source).await?;
        let mut local = look::probe(&context.local).await?;
        let plan = plan_table(
            chosen,
            &context.config.spec.options,
            &self.shared.servers,
            &mut source,
            &mut local,
        )
        .await;
        source.close().await;
        local.close().await;
        plan
    }
}

/// What is done with a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Work {
    Sync,
    Repair,
    Verify,
}

impl Work {
    async fn run(self, table: &Arc<TableShared>) -> Result<Verified, SyncError> {
        match self {
            Self::Sync => course::run(table).await,
            Self::Repair => repair::run(table).await,
            Self::Verify => verify::run(table).await,
        }
    }
}

/// What each round of work on a table is given.
#[derive(Clone, Copy)]
struct Round<'r> {
    run: TableRunId,
    lease: Option<&'r TableLease>,
    meter: &'r Arc<TableMeter>,
    observer: &'r Arc<dyn TableObserver>,
}

/// Most sessions that a snapshot of the source may have: one of the connection's looks on.
fn room(context: &JobContext) -> usize {
    let most = context.connection.spec.max_connections;
    most.saturating_sub(1).max(1) as usize
}

/// Looks at both servers while the job runs, and at limits that are changed.
fn look_on(shared: &JobShared, guard: Guard) -> Vec<Watch> {
    let context = &shared.context;
    let (source, target) = (&shared.source_throttle, &shared.target_throttle);
    vec![
        Watch::begin(Arc::clone(&context.source), Arc::clone(source), Some(guard)),
        Watch::begin(Arc::clone(&context.local), Arc::clone(target), None),
        Watch::follow(context.limits.clone(), Arc::clone(source)),
    ]
}
