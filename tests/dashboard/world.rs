//! A world that the test makes up and looks into.

mod configs;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use db_taxi::dashboard::app::configs::{ConfigAsk, ConfigTold};
use db_taxi::dashboard::app::differences::DifferenceQuery;
use db_taxi::dashboard::app::effect::QuitHow;
use db_taxi::dashboard::app::job_command::{JobAnswer, JobCommand, JobQuestion};
use db_taxi::dashboard::app::log_query::{LogPart, LogQuery};
use db_taxi::dashboard::app::log_save::{LogSave, SavedFile, SavedLines};
use db_taxi::dashboard::app::night::LookBack;
use db_taxi::dashboard::app::overview::Overview;
use db_taxi::dashboard::app::request::{Answer, Answered, Request};
use db_taxi::dashboard::runtime::backend::{Backend, News, Progress};
use db_taxi::model::audit::AuditEntry;
use db_taxi::model::command::Refusal;
use db_taxi::model::config::Config;
use db_taxi::model::connection::Connection;
use db_taxi::model::freshness::ConfigFreshness;
use db_taxi::model::ids::{ConfigId, ConnectionId, JobId};
use db_taxi::model::job::{Job, JobState};
use db_taxi::model::log::{Difference, LogEntry};
use db_taxi::model::night::BadNight;
use db_taxi::model::plan::Plan;
use db_taxi::model::report::{RepairScript, TestReport};
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use tokio::sync::mpsc;

use crate::sample;

/// What is there, and what was asked for.
#[derive(Default)]
pub struct Facts {
    pub overview: Overview,
    pub connections: Vec<Connection>,
    pub configs: Vec<Config>,
    pub jobs: Vec<Job>,
    pub logs: Vec<LogEntry>,
    pub night: BadNight,
    /// How often a visit was remembered.
    pub visits: usize,
    /// Every request that changes or measures something, in order.
    pub asked: Vec<String>,
}

pub struct World {
    facts: Mutex<Facts>,
    news_to: mpsc::Sender<News>,
    news: Mutex<Option<mpsc::Receiver<News>>>,
    /// Makes the thread that paints panic after a second.
    pub poisoned: AtomicBool,
}

impl World {
    pub fn new(facts: Facts) -> Arc<Self> {
        let (news_to, news) = mpsc::channel(1000);
        Arc::new(Self {
            facts: Mutex::new(facts),
            news_to,
            news: Mutex::new(Some(news)),
            poisoned: AtomicBool::new(false),
        })
    }

    /// The night at the shop.
    pub fn shop() -> Arc<Self> {
        let mut jobs = sample::jobs();
        jobs[1] = sample::running_job();
        Self::new(Facts {
            overview: sample::overview(),
            connections: sample::connections(),
            configs: sample::configs(),
            jobs,
            logs: sample::log_lines(200),
            ..Facts::default()
        })
    }

    pub fn facts(&self) -> MutexGuard<'_, Facts> {
        self.facts.lock().unwrap()
    }

    pub async fn tell(&self, news: News) {
        self.news_to.send(news).await.unwrap();
    }

    fn asked(&self, what: String) {
        self.facts().asked.push(what);
    }

    fn up(&self) -> Result<MutexGuard<'_, Facts>, Refusal> {
        let facts = self.facts();
        if facts.overview.database.connected {
            Ok(facts)
        } else {
            Err(Refusal::DatabaseUnavailable(
                "connection refused".to_owned(),
            ))
        }
    }
}

impl Backend for World {
    async fn overview(&self) -> Overview {
        self.facts().overview.clone()
    }

    async fn connections(&self) -> Result<Vec<Connection>, Refusal> {
        Ok(self.up()?.connections.clone())
    }

    async fn configs(&self) -> Result<Vec<Config>, Refusal> {
        Ok(self.up()?.configs.clone())
    }

    async fn jobs(&self) -> Result<Vec<Job>, Refusal> {
        let mut jobs = self.up()?.jobs.clone();
        for job in &mut jobs {
            job.tables.clear();
        }
        Ok(jobs)
    }

    async fn older_jobs(&self, _: JobId) -> Result<Vec<Job>, Refusal> {
        Ok(Vec::new())
    }

    async fn job(&self, id: JobId) -> Result<Job, Refusal> {
        let facts = self.up()?;
        let job = facts.jobs.iter().find(|job| job.id == id).cloned();
        job.ok_or_else(|| Refusal::NotFound {
            kind: "job",
            name: id.to_string(),
        })
    }

    async fn logs(&self, query: &LogQuery) -> Result<Vec<LogEntry>, Refusal> {
        let facts = self.up()?;
        let kept = |entry: &&LogEntry| match query.part {
            LogPart::Newest | LogPart::Oldest | LogPart::Around(_) => true,
            LogPart::After(id) => entry.id > id,
            LogPart::Before(id) => entry.id < id,
        };
        Ok(facts.logs.iter().filter(kept).cloned().collect())
    }

    async fn find_line(&self, query: &LogQuery) -> Result<Option<u64>, Refusal> {
        let facts = self.up()?;
        let fits = |entry: &&LogEntry| {
            entry.level.passes(query.level)
                && (query.table.is_none() || entry.table == query.table)
                && query.texts.iter().all(|text| entry.message.contains(text))
        };
        Ok(facts.logs.iter().rfind(fits).map(|entry| entry.id))
    }

    async fn save_log(&self, save: LogSave, progress: Progress) -> Result<SavedFile, Refusal> {
        let slow = save.path.contains("slow");
        let count = match &save.lines {
            SavedLines::Kept(lines) => lines.lines().count() as u64,
            SavedLines::Stored(_) => self.up()?.logs.len() as u64,
        };
        self.asked(format!("save {} {}", save.path, save.overwrite));
        if save.path.contains("there") && !save.overwrite {
            return Err(Refusal::Conflict {
                code: "file_exists",
                message: format!("{} exists already", save.path),
            });
        }
        for done in 1..=10 {
            if slow {
                tokio::time::sleep(Duration::from_secs(1)).await;
                progress(done * count / 10);
            }
        }
        Ok(SavedFile {
            path: format!("/tmp/{}", save.path),
            lines: count,
        })
    }

    async fn command_job(&self, id: JobId, command: &JobCommand) -> Result<Job, Refusal> {
        self.asked(format!("{command:?} {id}"));
        self.job(id).await
    }

    async fn ask_job(&self, _: JobId, question: JobQuestion) -> Result<JobAnswer, Refusal> {
        Ok(match question {
            JobQuestion::Limits => JobAnswer::Limits(sample::limits()),
            JobQuestion::Undoable => JobAnswer::Undoable(vec![("orders".to_owned(), 12)]),
        })
    }

    async fn audit(&self) -> Result<Vec<AuditEntry>, Refusal> {
        self.up().map(|_| sample::audit())
    }

    async fn freshness(&self) -> Result<Vec<ConfigFreshness>, Refusal> {
        self.up().map(|_| sample::freshness())
    }

    async fn differences(&self, _: &DifferenceQuery) -> Result<Vec<(u64, Difference)>, Refusal> {
        Ok(sample::differences())
    }

    async fn night(&self, look: LookBack) -> Result<BadNight, Refusal> {
        let mut facts = self.up()?;
        if look == LookBack::Lately {
            facts.asked.push("what failed lately".to_owned());
        }
        Ok(facts.night.clone())
    }

    async fn remember_visit(&self, _: Duration) -> Result<(), String> {
        self.facts().visits += 1;
        Ok(())
    }

    async fn start_job(&self, config: &str) -> Result<Job, Refusal> {
        self.asked(format!("start {config}"));
        let mut facts = self.up()?;
        let mut job = sample::jobs()[0].clone();
        job.id = JobId::generate();
        config.clone_into(&mut job.config);
        facts.jobs.insert(0, job.clone());
        Ok(job)
    }

    async fn stop_job(&self, id: JobId) -> Result<Job, Refusal> {
        self.asked(format!("stop {id}"));
        self.job(id).await
    }

    async fn test_connection(&self, id: ConnectionId) -> Result<TestReport, Refusal> {
        self.asked(format!("test {id}"));
        Ok(sample::test_report())
    }

    async fn ask(&self, request: Request) -> Answered {
        self.asked(format!("{request:?}"));
        drop(self.up()?);
        Ok(match request {
            Request::SaveConnection { id, spec, .. } => {
                let mut connection = sample::connections()[1].clone();
                connection.id = id.unwrap_or_else(ConnectionId::generate);
                connection.spec = *spec;
                let mut facts = self.facts();
                facts.connections.retain(|known| known.id != connection.id);
                facts.connections.push(connection.clone());
                Answer::Connection(Box::new(connection))
            }
            Request::TestTyped { .. } | Request::CheckHealth(_) => {
                Answer::Report(Box::new(sample::test_report()))
            }
            Request::DeleteConnection(id) => {
                self.facts().connections.retain(|known| known.id != id);
                Answer::Done
            }
            Request::Dependents(_) => Answer::Names(Vec::new()),
            Request::Tables(_) => Answer::Tables(sample::source_tables()),
            Request::Table { .. } => Answer::Table(Box::new(sample::table_info())),
            Request::PlanDraft { .. } => Answer::Plan(Box::new(sample::plan())),
            Request::Preview { .. } => Answer::Preview(Box::new(sample::preview())),
            Request::RepairScript { path, .. } => Answer::Script(Box::new(RepairScript {
                file: path,
                tables: vec![("users".to_owned(), Ok(12))],
            })),
            Request::AddConfig(spec) => {
                let mut config = sample::configs()[0].clone();
                config.id = ConfigId::generate();
                config.spec = *spec;
                self.facts().configs.push(config.clone());
                Answer::Config(Box::new(config))
            }
        })
    }

    async fn plan(&self, config: &str, exact: bool) -> Result<Plan, Refusal> {
        let how = if exact { "dry run" } else { "plan" };
        self.asked(format!("{how} {config}"));
        let mut plan = sample::plan();
        config.clone_into(&mut plan.config);
        Ok(plan)
    }

    async fn config(&self, ask: ConfigAsk) -> ConfigTold {
        self.config_answer(ask)
    }

    fn news(&self) -> BoxStream<'static, News> {
        if self.poisoned.load(Ordering::SeqCst) {
            return stream::once(async {
                tokio::time::sleep(Duration::from_secs(1)).await;
                panic!("painting panicked on purpose");
            })
            .boxed();
        }
        let news = self.news.lock().unwrap().take();
        match news {
            Some(news) => stream::unfold(news, async |mut news| {
                let next = news.recv().await?;
                Some((next, news))
            })
            .boxed(),
            None => stream::pending().boxed(),
        }
    }

    fn working_on(&self) -> Vec<(JobId, String)> {
        self.facts()
            .jobs
            .iter()
            .filter(|job| job.state == JobState::Running)
            .map(|job| (job.id, job.config.clone()))
            .collect()
    }

    async fn park(&self) -> bool {
        self.asked("park".to_owned());
        true
    }

    fn unpark(&self) {
        self.asked("unpark".to_owned());
    }

    async fn shutdown(&self, how: QuitHow) {
        self.asked(format!("shutdown {how:?}"));
    }
}
