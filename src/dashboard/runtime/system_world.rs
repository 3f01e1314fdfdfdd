//! The running system as the dashboard's world.

mod configs;
mod job_commands;
mod job_list;
mod night;
mod stored_log;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::stream::{self, BoxStream, StreamExt};

use super::backend::{Backend, News, Progress};
use super::system_requests;
use super::visit_file::VisitFile;
use crate::dashboard::app::configs::{ConfigAsk, ConfigTold};
use crate::dashboard::app::differences::{DifferencePart, DifferenceQuery, PAGE};
use crate::dashboard::app::effect::QuitHow;
use crate::dashboard::app::job_command::{JobAnswer, JobCommand, JobQuestion};
use crate::dashboard::app::log_query::LogQuery;
use crate::dashboard::app::log_save::{LogSave, SavedFile, SavedLines};
use crate::dashboard::app::night::LookBack;
use crate::dashboard::app::overview::Overview;
use crate::dashboard::app::request::{Answered, Request};
use crate::dashboard::app::sheets::SHOWN_CHANGES;
use crate::jobs::{EventStream, StopHow};
use crate::logging::{RingHandle, RingLine};
use crate::model::audit::{AuditEntry, AuditFilter};
use crate::model::command::Refusal;
use crate::model::config::Config;
use crate::model::connection::Connection;
use crate::model::freshness::ConfigFreshness;
use crate::model::ids::{ConnectionId, JobId};
use crate::model::job::{Job, JobKind, JobRequest, Trigger};
use crate::model::labels::WORKER;
use crate::model::log::{Difference, DifferencePage, LogEntry};
use crate::model::night::BadNight;
use crate::model::plan::Plan;
use crate::model::report::TestReport;
use crate::model::status::{DatabaseStatus, Instance, InstanceState, PoolStatus, Status};
use crate::services::Services;
use crate::system::{System, requested_by};

/// How often the lines of this process are looked at.
const LOOK: Duration = Duration::from_millis(250);
/// How long the first questions wait for the control database's first answer.
const FIRST_ANSWER: Duration = Duration::from_secs(1);
/// Between two looks whether it is there.
const LOOK_AGAIN: Duration = Duration::from_millis(20);
/// Wait before watching again after the engine cut this watcher off.
const WATCH_AGAIN: Duration = Duration::from_secs(1);

/// The system, and the lines that this process writes.
pub struct SystemWorld {
    system: Arc<System>,
    logs: Option<RingHandle>,
    visits: Option<VisitFile>,
    began: Instant,
}

impl SystemWorld {
    /// A world over a started system.
    #[must_use]
    pub fn new(system: System, logs: Option<RingHandle>) -> Self {
        Self::over(Arc::new(system), logs)
    }

    /// The same over a system that others use too.
    #[must_use]
    pub fn over(system: Arc<System>, logs: Option<RingHandle>) -> Self {
        Self {
            system,
            logs,
            visits: None,
            began: Instant::now(),
        }
    }

    /// The same, remembering in a file when somebody last looked.
    #[must_use]
    pub fn remembering(mut self, file: Option<PathBuf>) -> Self {
        self.visits = file.map(VisitFile::new);
        self
    }

    /// The system behind it.
    #[must_use]
    pub fn system(&self) -> Arc<System> {
        Arc::clone(&self.system)
    }

    /// Waits for the control database's first answer, while it is new that there is none: who asks
    /// then is better told late than told nothing.
    async fn settled(&self) {
        while self.began.elapsed() < FIRST_ANSWER
            && self.system.services().is_none()
            && self.system.database().error.is_none()
        {
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// The services, or why there are none.
    async fn services(&self) -> Result<Services, Refusal> {
        self.settled().await;
        self.system.services().ok_or_else(|| {
            let error = self.system.database().error;
            Refusal::DatabaseUnavailable(error.unwrap_or_else(|| "it has not answered yet".into()))
        })
    }

    /// Status by the services; what the system knows while they can't be asked.
    async fn status(&self) -> Status {
        if let Some(services) = self.system.services()
            && self.system.database().connected
            && let Ok(status) = services.monitoring.status().await
        {
            return status;
        }
        self.system.status_without_services()
    }
}

impl Backend for SystemWorld {
    async fn overview(&self) -> Overview {
        self.settled().await;
        let status = self.status().await;
        let connected = status.database.connected;
        let seen = self.system.database();
        let database = DatabaseStatus {
            // Connections in use change with each look and are not shown.
            pool: PoolStatus::default(),
            retry_at: seen.retry_at.filter(|_| !connected),
            error: status.database.error.or(seen.error).filter(|_| !connected),
            ..status.database
        };
        let instances = match self.system.services() {
            Some(services) if connected => services.monitoring.instances().await.ok(),
            _ => None,
        };
        let own = self.system.engine().map(|engine| engine.instance_name());
        let own = own.unwrap_or(status.instance);
        // This process takes jobs as well, whoever else does not.
        let takes = self.system.engine().is_some();
        let checks = status.sync.checks.into_iter();
        let failed = checks
            .filter(|check| !check.ok)
            .filter(|check| !takes || check.name != "engine");
        Overview {
            version: status.version,
            stats: connected.then_some(status.sync.stats),
            takers: instances.as_deref().map(|all| takers(all, &own)),
            instances: instances
                .unwrap_or_default()
                .into_iter()
                .map(still)
                .collect(),
            instance: own,
            checks: failed.filter(|_| connected).collect(),
            database,
        }
    }

    async fn connections(&self) -> Result<Vec<Connection>, Refusal> {
        self.services().await?.connections.list().await
    }

    async fn configs(&self) -> Result<Vec<Config>, Refusal> {
        self.services().await?.configs.list(None).await
    }

    async fn jobs(&self) -> Result<Vec<Job>, Refusal> {
        job_list::newest(&self.services().await?.jobs).await
    }

    async fn older_jobs(&self, before: JobId) -> Result<Vec<Job>, Refusal> {
        job_list::older(&self.services().await?.jobs, before).await
    }

    async fn job(&self, id: JobId) -> Result<Job, Refusal> {
        self.services().await?.jobs.get(&id.to_string()).await
    }

    async fn logs(&self, query: &LogQuery) -> Result<Vec<LogEntry>, Refusal> {
        stored_log::read(&self.services().await?.jobs, query).await
    }

    async fn find_line(&self, query: &LogQuery) -> Result<Option<u64>, Refusal> {
        stored_log::find(&self.services().await?.jobs, query).await
    }

    async fn save_log(&self, save: LogSave, progress: Progress) -> Result<SavedFile, Refusal> {
        match &save.lines {
            SavedLines::Kept(lines) => stored_log::write(lines.clone(), &save).await,
            SavedLines::Stored(query) => {
                stored_log::save(&self.services().await?.jobs, query, &save, progress).await
            }
        }
    }

    async fn start_job(&self, config: &str) -> Result<Job, Refusal> {
        let request = JobRequest {
            kind: JobKind::Sync,
            trigger: Trigger::Dashboard,
            requested_by: requested_by(),
            ..JobRequest::default()
        };
        self.services().await?.jobs.start(config, request).await
    }

    async fn stop_job(&self, id: JobId) -> Result<Job, Refusal> {
        self.services().await?.jobs.stop(id).await
    }

    async fn command_job(&self, id: JobId, command: &JobCommand) -> Result<Job, Refusal> {
        job_commands::carry_out(&self.services().await?, id, command, requested_by()).await
    }

    async fn ask_job(&self, id: JobId, question: JobQuestion) -> Result<JobAnswer, Refusal> {
        let jobs = self.services().await?.jobs;
        match question {
            JobQuestion::Limits => jobs.limits(id).await.map(JobAnswer::Limits),
            JobQuestion::Undoable => jobs.undoable(id).await.map(JobAnswer::Undoable),
        }
    }

    async fn audit(&self) -> Result<Vec<AuditEntry>, Refusal> {
        let newest = AuditFilter {
            limit: Some(SHOWN_CHANGES),
            ..AuditFilter::default()
        };
        self.services().await?.audit.list(&newest).await
    }

    async fn freshness(&self) -> Result<Vec<ConfigFreshness>, Refusal> {
        self.services().await?.monitoring.freshness().await
    }

    async fn differences(
        &self,
        query: &DifferenceQuery,
    ) -> Result<Vec<(u64, Difference)>, Refusal> {
        let page = DifferencePage {
            table: query.table.clone(),
            after: match query.part {
                DifferencePart::After(number) => Some(number),
                _ => None,
            },
            before: match query.part {
                DifferencePart::Before(number) => Some(number),
                _ => None,
            },
            limit: u32::try_from(PAGE).unwrap_or(u32::MAX),
        };
        let jobs = self.services().await?.jobs;
        jobs.difference_page(query.job, page).await
    }

    async fn night(&self, look: LookBack) -> Result<BadNight, Refusal> {
        night::find(&self.services().await?.jobs, self.visits.as_ref(), look).await
    }

    async fn remember_visit(&self, ago: Duration) -> Result<(), String> {
        let Some(file) = &self.visits else {
            return Ok(());
        };
        let services = self
            .services()
            .await
            .map_err(|refusal| refusal.to_string())?;
        night::remember(&services.jobs, file, ago).await
    }

    async fn test_connection(&self, id: ConnectionId) -> Result<TestReport, Refusal> {
        self.services().await?.connections.test(id).await
    }

    async fn ask(&self, request: Request) -> Answered {
        system_requests::answer(&self.services().await?, request).await
    }

    async fn plan(&self, config: &str, exact: bool) -> Result<Plan, Refusal> {
        let services = self.services().await?;
        let id = services.configs.get(config).await?.id;
        services.configs.plan(id, &[], exact).await
    }

    async fn config(&self, ask: ConfigAsk) -> ConfigTold {
        configs::carry_out(self.services().await, ask).await
    }

    fn news(&self) -> BoxStream<'static, News> {
        let events = events(Arc::clone(&self.system));
        match self.logs.clone() {
            Some(logs) => stream::select(events, lines(logs)).boxed(),
            None => events.boxed(),
        }
    }

    fn working_on(&self) -> Vec<(JobId, String)> {
        let jobs = self.system.engine().map(|engine| engine.active_jobs());
        jobs.unwrap_or_default()
            .into_iter()
            .map(|job| (job.id, job.config))
            .collect()
    }

    async fn park(&self) -> bool {
        self.system.park().await
    }

    fn unpark(&self) {
        self.system.unpark();
    }

    async fn shutdown(&self, how: QuitHow) {
        let how = match how {
            QuitHow::Release => StopHow::Release,
            QuitHow::Stop => StopHow::Cancel,
        };
        self.system.shutdown(how).await;
    }
}

/// The others that take jobs and are alive.
fn takers(instances: &[Instance], own: &str) -> Vec<String> {
    instances
        .iter()
        .filter(|other| other.name != own && other.plays(WORKER))
        .map(|other| other.name.clone())
        .collect()
}

/// Without what changes with each look and is not shown of one that lives.
fn still(instance: Instance) -> Instance {
    let seen_at = match instance.state {
        InstanceState::Alive => instance.started_at,
        InstanceState::Lost | InstanceState::Stopped => instance.seen_at,
    };
    Instance {
        seen_at,
        ..instance
    }
}

/// Events of the engine, also after it cut this watcher off for reading too slowly.
fn events(system: Arc<System>) -> impl futures_util::Stream<Item = News> + Send + 'static {
    let watching: EventStream = system.events();
    stream::unfold((system, watching), async |(system, mut watching)| {
        loop {
            match watching.recv().await {
                Some(event) => return Some((News::Job(Box::new(event)), (system, watching))),
                None => {
                    tokio::time::sleep(WATCH_AGAIN).await;
                    watching = system.events();
                }
            }
        }
    })
}

/// What has been read of the ring.
struct Reading {
    logs: RingHandle,
    last: u64,
    missed: u64,
    told: u64,
}

/// Lines of this process, and how many went before they could be read.
fn lines(logs: RingHandle) -> impl futures_util::Stream<Item = News> + Send + 'static {
    let reading = Reading {
        logs,
        last: 0,
        missed: 0,
        told: 0,
    };
    stream::unfold(reading, async |mut reading| {
        loop {
            if reading.missed > reading.told {
                reading.told = reading.missed;
                return Some((News::Dropped(reading.missed), reading));
            }
            if reading.logs.last_id() == reading.last {
                tokio::time::sleep(LOOK).await;
                continue;
            }
            let view = reading.logs.since(reading.last);
            // Lines from before the dashboard was there were not lost by it.
            if reading.last > 0 {
                reading.missed += view.missed;
            }
            reading.last = view.last_id;
            let lines = view.lines.iter().map(|line| entry(line)).collect();
            return Some((News::Log(lines), reading));
        }
    })
}

/// A line of this process in the form of a job's. The part of the program stands where there is no
/// table; a job is told by its config, not by its id.
fn entry(line: &RingLine) -> LogEntry {
    let mut fields = line.fields.clone();
    if fields.contains_key("config") {
        fields.shift_remove("job");
    }
    let table = match fields.shift_remove("table") {
        Some(serde_json::Value::String(table)) => table,
        _ => line.module.clone(),
    };
    LogEntry {
        id: line.id,
        time: line.time,
        level: line.level,
        job_id: None,
        table: Some(table),
        instance: String::new(),
        message: line.message.clone(),
        fields,
    }
}
