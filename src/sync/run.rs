//! One job's run: both servers looked at, every table planned, then tables run as the job engine
//! asks for them.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::bound::{BoundWish, Counted, Sight};
use super::context::{JobContext, StopSignal, TableLease, TableOutcome, TableTask};
use super::error::SyncError;
use super::guard::{Guard, Watched};
use super::meter::{TableMeter, TableObserver};
use super::order::Order;
use super::place::sweep;
use super::report::table_plan;
use super::rules::{Chosen, choose};
use super::servers::Servers;
use super::shared::{JobShared, TableShared};
use super::snapshot::{Manner, Snapshots};
use super::table::{PlannedTable, plan_table};
use super::telling::tell_how_aligned;
use super::throttle::check_lag;
use super::watch::Watch;
use super::watermark::why_full;
use super::workers::Workers;
use super::{course, history, repair, script, verify};
use crate::model::config::{Consistency, ShadowIn};
use crate::model::error::{ErrorCode, ErrorInfo};
use crate::model::ids::TableRunId;
use crate::model::job::JobKind;
use crate::model::log::Level;
use crate::model::plan::{Plan, Risk, Severity};
use crate::mysql::probe::missing_on_target;
use crate::mysql::{Ident, Session, SessionKind};

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
    warned: AtomicBool,
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
        let (servers, chosen, plans) = look(&context).await?;
        let planned_at = Instant::now();
        let options = &context.config.spec.options;
        let asked = context.limits.borrow().max_concurrency;
        let workers = options.max_concurrency.max(1) as usize;
        let room = context
            .connection
            .spec
            .max_connections
            .saturating_sub(1)
            .max(1) as usize;
        let names: Vec<String> = plans
            .iter()
            .map(|p| p.target.table.raw().to_owned())
            .collect();
        let targets: HashMap<String, String> = plans
            .iter()
            .map(|p| {
                (
                    p.source.table.raw().to_owned(),
                    p.target.table.raw().to_owned(),
                )
            })
            .collect();
        let rules = chosen
            .iter()
            .map(|c| (c.source_table.clone(), c.rule.clone()))
            .collect();
        let references = references(&plans, &targets);
        let order = Order::new(&names, &references);
        let sessions = asked
            .map_or(workers, |asked| asked.max(1) as usize)
            .min(room);
        let mut tasks: Vec<TableTask> = plans
            .iter()
            .map(|plan| TableTask {
                source_table: plan.source.table.raw().to_owned(),
                target_table: plan.target.table.raw().to_owned(),
                plan: table_plan(plan, &servers, workers, context.request.full),
                expected: None,
            })
            .collect();
        if context.request.kind == JobKind::Sync {
            let plans = tasks.iter_mut().map(|task| &mut task.plan);
            let expected = history::expect(&context.store, context.config.id, plans).await?;
            for task in &mut tasks {
                task.expected = expected.get(&task.target_table).copied();
            }
        }
        tasks.sort_by_key(|task| order.rank(&task.target_table));
        let bounds = bounds(&context, &plans);
        let source_throttle = context.throttles.source(&context.connection);
        let target_throttle = context.throttles.target();
        let manner = Manner {
            lock: options.snapshot_lock,
            per_chunk: options.consistency == Consistency::Chunk,
        };
        let source = Arc::clone(&context.source);
        let snapshots = Snapshots::new(source, sessions, manner, stop.clone());
        let snapshots = Arc::new(snapshots.with_bounds(bounds.clone()));
        let watched = Arc::new(Watched::default());
        watched.add(&snapshots);
        let guard = Guard::new(
            servers.source_database.raw(),
            targets.keys().cloned().collect(),
            options.max_snapshot_age,
            Arc::clone(&watched),
        );
        let watches = [
            (&context.source, &source_throttle, Some(guard)),
            (&context.local, &target_throttle, None),
        ]
        .map(|(server, throttle, guard)| {
            Watch::begin(Arc::clone(server), Arc::clone(throttle), guard)
        });
        let mut watches = Vec::from(watches);
        watches.push(Watch::follow(
            context.limits.clone(),
            Arc::clone(&source_throttle),
        ));
        let shared = JobShared {
            source_throttle,
            target_throttle,
            snapshots,
            watched,
            bounds,
            permits: Workers::new(workers, context.limits.clone()),
            room,
            order,
            targets,
            rules,
            servers,
            stop,
            context,
        };
        let chosen = chosen
            .into_iter()
            .map(|c| (c.target_table.clone(), c))
            .collect::<HashMap<_, _>>();
        let first_plans = plans
            .into_iter()
            .map(|plan| (plan.target.table.raw().to_owned(), plan))
            .collect();
        Ok((
            Arc::new(Self {
                shared: Arc::new(shared),
                chosen,
                first_plans: Mutex::new(first_plans),
                planned_at,
                warned: AtomicBool::new(false),
                warned_of_snapshots: AtomicBool::new(false),
                told_how_aligned: AtomicBool::new(false),
                watches: Mutex::new(watches),
            }),
            tasks,
        ))
    }

    /// What the job would do; with `exact`, existing targets are compared and counted.
    ///
    /// # Errors
    /// When a server can't be reached.
    pub async fn plan(context: JobContext, exact: bool) -> Result<Plan, SyncError> {
        let workers = context.config.spec.options.max_concurrency.max(1) as usize;
        let (servers, _, plans) = look(&context).await?;
        let mut tables = Vec::new();
        for plan in &plans {
            let mut shown = table_plan(plan, &servers, workers, context.request.full);
            if exact && plan.stop().is_none() && plan.target_schema.is_some() {
                super::exact::count(&context, &servers, plan, &mut shown).await?;
            }
            tables.push(shown);
        }
        history::expect(&context.store, context.config.id, tables.iter_mut()).await?;
        Ok(Plan {
            config: context.config.spec.name.clone(),
            connection: context.connection.spec.name.clone(),
            warnings: servers.warnings.clone(),
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
        let mut rounds = 0;
        loop {
            let plan = self.until_stopped(self.plan_for_try(task)).await?;
            let shared = &self.shared;
            let table = TableShared::new(shared, plan, table_run, Some(lease), meter, observer);
            self.warn_once(&table);
            let outcome = match shared.context.request.kind {
                JobKind::Repair => repair::run(&table)
                    .await
                    .map_err(|error| table.explain(error)),
                _ => course::run(&table).await,
            };
            table.close().await;
            self.warn_of_snapshots(&table);
            match outcome {
                Err(error) if rounds < ROUNDS && table.gave_way(&error) => {
                    rounds += 1;
                    table.log(
                        Level::Info,
                        "the source's own work came first; goes on under a new snapshot",
                    );
                    shared.snapshots.clear_way(&task.source_table).await;
                }
                outcome => {
                    let verified = outcome?;
                    shared.order.done(&task.target_table);
                    return Ok(TableOutcome { verified });
                }
            }
        }
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
        let mut rounds = 0;
        loop {
            let plan = self.until_stopped(self.plan_for_try(task)).await?;
            let run = TableRunId::generate();
            let table = TableShared::new(&self.shared, plan, run, None, meter, observer);
            let outcome = verify::run(&table).await;
            table.close().await;
            match outcome {
                Err(error) if rounds < ROUNDS && table.gave_way(&error) => {
                    rounds += 1;
                    self.shared.snapshots.clear_way(&task.source_table).await;
                }
                outcome => {
                    return outcome
                        .map(|verified| TableOutcome { verified })
                        .map_err(|error| table.explain(error));
                }
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

    /// What concerns the job as a whole is said with the first table that runs.
    fn warn_once(&self, table: &TableShared) {
        if !self.warned.swap(true, Ordering::Relaxed) {
            for warning in &self.shared.servers.warnings {
                table.warn("server", warning, None);
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
        let mut source = probe(&context.source).await?;
        let mut local = probe(&context.local).await?;
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

async fn probe(endpoint: &Arc<crate::mysql::Endpoint>) -> Result<Session, SyncError> {
    Ok(Session::open(endpoint, SessionKind::Probe, Duration::from_secs(60)).await?)
}

/// Looks at both servers and plans every table that the job is about.
async fn look(
    context: &JobContext,
) -> Result<(Servers, Vec<Chosen>, Vec<PlannedTable>), SyncError> {
    let mut source = probe(&context.source).await?;
    let mut local = probe(&context.local).await?;
    let spec = &context.config.spec;
    let mut servers = Servers::look(
        &mut source,
        &mut local,
        Ident::new(context.connection.spec.database.as_str()),
        Ident::new(context.connection.spec.target_database()),
        spec.options.writer,
    )
    .await?;
    for (throttle, endpoint, session) in [
        (
            &context.connection.spec.throttle,
            &context.source,
            &mut source,
        ),
        (context.throttles.local_spec(), &context.local, &mut local),
    ] {
        servers
            .warnings
            .extend(check_lag(throttle, endpoint, session).await?);
    }
    let helpers = spec.options.shadow_in == ShadowIn::Auto;
    let target = servers.target_database.raw().to_owned();
    servers
        .warnings
        .extend(missing_on_target(&mut local, &target, helpers).await?);
    let mut chosen = choose(&mut source, &servers.source_database, spec).await?;
    let wanted = &context.request.tables;
    if !wanted.is_empty() {
        for name in wanted {
            if !chosen
                .iter()
                .any(|c| c.target_table == *name || c.source_table == *name)
            {
                return Err(ErrorInfo::new(
                    ErrorCode::RuleInvalid,
                    format!("the config {:?} has no table {name}", spec.name),
                )
                .into());
            }
        }
        chosen.retain(|c| wanted.contains(&c.target_table) || wanted.contains(&c.source_table));
    }
    if chosen.is_empty() {
        servers
            .warnings
            .push("no table of the source fits a rule of the config".to_owned());
    }
    let mut plans = Vec::new();
    let mut seen = HashMap::new();
    for table in &chosen {
        let mut plan = plan_table(table, &spec.options, &servers, &mut source, &mut local).await?;
        let folded = if servers.folds_names {
            table.target_table.to_lowercase()
        } else {
            table.target_table.clone()
        };
        if let Some(first) = seen.insert(folded, table.source_table.clone()) {
            plan.risks.push(Risk::new(
                ErrorCode::RuleInvalid.as_str(),
                Severity::Stop,
                format!(
                    "{} and {first} go to the same target table",
                    table.source_table
                ),
            ));
        }
        plans.push(plan);
    }
    look_at_marks(context, &mut plans, &mut source).await?;
    source.close().await;
    local.close().await;
    Ok((servers, chosen, plans))
}

/// Says of tables with a watermark what can't be seen of the source, and why a run has to begin
/// from the start.
async fn look_at_marks(
    context: &JobContext,
    plans: &mut [PlannedTable],
    source: &mut Session,
) -> Result<(), SyncError> {
    let mut sight = None;
    for plan in plans {
        if plan.mode.watermark().is_none() {
            continue;
        }
        let sight = match sight {
            Some(sight) => sight,
            None => *sight.insert(Sight::of(source).await?),
        };
        plan.tell_sight(sight);
        let stored = context
            .store
            .checkpoint(context.config.id, plan.target.table.raw())
            .await?;
        let marks = stored
            .map(|checkpoint| checkpoint.marks)
            .unwrap_or_default();
        plan.full_because = why_full(plan, &context.request, &marks);
    }
    Ok(())
}

/// What is looked at before each snapshot of the job.
fn bounds(context: &JobContext, plans: &[PlannedTable]) -> Option<Arc<BoundWish>> {
    if context.request.kind == JobKind::Verify {
        return None;
    }
    let mut wish = None::<BoundWish>;
    for plan in plans {
        let Some(by) = plan.mode.watermark() else {
            continue;
        };
        let wish = wish.get_or_insert_default();
        if !by.is_time() {
            wish.counted.push(Counted {
                table: plan.source.clone(),
                column: by.column.name.clone(),
            });
        }
    }
    wish.map(Arc::new)
}

/// Which target tables of the job refer to which, by their own foreign keys or by those that they
/// will get.
fn references(plans: &[PlannedTable], targets: &HashMap<String, String>) -> Vec<(String, String)> {
    let mut out = Vec::new();
    for plan in plans {
        let child = plan.target.table.raw().to_owned();
        for key in plan.create.iter().flat_map(|create| &create.foreign_keys) {
            let Some(parent) = key.parent.last() else {
                continue;
            };
            let parent = if plan.target_schema.is_some() {
                parent.raw().to_owned()
            } else {
                targets
                    .get(parent.raw())
                    .cloned()
                    .unwrap_or_else(|| parent.raw().to_owned())
            };
            out.push((child.clone(), parent));
        }
        for key in &plan.inbound {
            if key.table.database == plan.target.database {
                out.push((key.table.table.raw().to_owned(), child.clone()));
            }
        }
    }
    out
}
