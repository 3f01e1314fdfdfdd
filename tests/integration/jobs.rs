//! The sync system and its job engine on real servers: what starts, what ends, who takes up what.

mod control;
mod notifications;
mod schedules;

use std::sync::Arc;
use std::time::{Duration, Instant};

use db_taxi::jobs::StopHow;
use db_taxi::model::command::Refusal;
use db_taxi::model::config::ConfigSpec;
use db_taxi::model::connection::ConnectionSpec;
use db_taxi::model::event::What;
use db_taxi::model::ids::{InstanceId, JobId};
use db_taxi::model::job::{JobKind, JobRequest, JobState};
use db_taxi::model::log::LogFilter;
use db_taxi::model::rule::TableRule;
use db_taxi::model::status::InstanceState;
use db_taxi::model::table_run::TableState;
use db_taxi::settings::Settings;
use db_taxi::store::leases::Resource;
use db_taxi::store::{Store, StoreOptions, keys::KeyRing};
use db_taxi::system::{Role, System};
use tokio::net::{TcpListener, TcpStream};

use crate::both_flavours;
use crate::support::{Pair, eventually};

/// What one installation is given.
struct House {
    settings: Settings,
    _key: tempfile::TempDir,
}

impl House {
    fn new(pair: &Pair) -> Self {
        let key = tempfile::tempdir().unwrap();
        let mut settings = Settings::default();
        settings.database.host = "127.0.0.1".to_owned();
        settings.database.port = pair.local.port;
        settings.database.database = pair.control_db();
        settings.database.connect_timeout = Duration::from_secs(2);
        settings.security.key_file = key.path().join("secret.key");
        settings.sync.lease_ttl = Duration::from_secs(5);
        settings.sync.retry_delay = Duration::from_secs(1);
        settings.logging.directory = None;
        settings.instance.name = "here".to_owned();
        Self {
            settings,
            _key: key,
        }
    }

    async fn start(&self, role: Role) -> System {
        let settings = Arc::new(self.settings.clone());
        System::start(settings, role).await.unwrap()
    }

    async fn store(&self, pair: &Pair) -> Store {
        let options = StoreOptions {
            endpoint: pair.local.endpoint(),
            database: pair.control_db(),
            max_open: 2,
            max_idle: 1,
            lease_ttl: self.settings.sync.lease_ttl,
            key: KeyRing::load(&self.settings.security.key_file).unwrap(),
        };
        Store::open(options).await.unwrap()
    }
}

/// A connection to the source and a config of these tables.
async fn describe(system: &System, pair: &Pair, tables: &[&str]) {
    pair.number_helpers();
    let services = system.services().unwrap();
    let mut connection = ConnectionSpec::new("shop", "root", &pair.source_db());
    connection.host = "127.0.0.1".to_owned();
    connection.port = pair.source.port;
    connection.local_db_name = Some(pair.target_db());
    services.connections.create(connection).await.unwrap();
    let rules = tables.iter().map(|t| TableRule::of_table(t)).collect();
    let config = ConfigSpec::new("all", "shop", rules);
    services.configs.create(config).await.unwrap();
}

async fn queue(system: &System, kind: JobKind) -> JobId {
    let request = JobRequest {
        kind,
        requested_by: "test@here".to_owned(),
        ..JobRequest::default()
    };
    let services = system.services().unwrap();
    services.jobs.start("all", request).await.unwrap().id
}

fn fill(pair: &Pair, table: &str, rows: u32) {
    let name = pair.source_table(table);
    pair.source.sql(&format!(
        "CREATE TABLE {name} (id INT PRIMARY KEY AUTO_INCREMENT, note VARCHAR(200) NOT NULL, KEY (note))"
    ));
    pair.source.sql(&format!(
        "INSERT INTO {name} (note) VALUES (REPEAT('x', 100)), ('y')"
    ));
    let mut there = 2;
    while there < rows {
        pair.source.sql(&format!(
            "USE {}; INSERT INTO {table} (note) \
             SELECT SHA2(id, 256) FROM {table} LIMIT {}",
            pair.source_db(),
            rows - there
        ));
        there = (there * 2).min(rows);
    }
}

fn held(pair: &Pair) -> u64 {
    pair.local.count(&format!(
        "SELECT COUNT(*) FROM {}.sync_leases WHERE holder_instance_id IS NOT NULL",
        pair.control_db()
    ))
}

both_flavours! {
    /// The whole thread: queue, claim, work, end; and what is stored of it.
    async fn a_job_copies_its_tables_and_leaves_nothing_held(pair: Pair) {
        fill(&pair, "a", 3000);
        fill(&pair, "b", 10);
        let house = House::new(&pair);
        let system = house.start(Role::OneShot).await;
        describe(&system, &pair, &["a", "b", "gone"]).await;
        let mut events = system.events();
        let id = queue(&system, JobKind::Sync).await;
        let job = system.engine().unwrap().run_job(id).await.unwrap();

        assert_eq!(job.state, JobState::CompletedWithErrors, "{:?}", job.tables);
        assert_eq!((job.tables_completed, job.tables_failed), (2, 1));
        pair.judge("a", "a").equal();
        pair.judge("b", "b").equal();
        let services = system.services().unwrap();
        let stored = services.jobs.get(&id.to_string()).await.unwrap();
        assert_eq!(stored.state, job.state);
        assert_eq!(stored.progress, job.progress);
        assert_eq!(stored.counts, job.counts);
        for (stored, told) in stored.tables.iter().zip(&job.tables) {
            assert_eq!((stored.id, stored.state), (told.id, told.state));
        }
        let lines = services.jobs.logs(id, &LogFilter::default()).await.unwrap();
        assert!(lines.iter().any(|line| line.message.starts_with("completed with errors")));
        let mut finished = false;
        while let Some(event) = events.try_recv() {
            finished |= matches!(event.what, What::JobFinished(_));
        }
        assert!(finished);
        assert_eq!(held(&pair), 0);
        system.shutdown(StopHow::Release).await;
        let instances = house.store(&pair).await.list_instances().await.unwrap();
        assert_eq!(instances[0].state, InstanceState::Stopped);
    }

    /// A verify job compares, and writes nothing to the target.
    async fn a_comparison_runs_as_a_job(pair: Pair) {
        fill(&pair, "a", 1000);
        let house = House::new(&pair);
        let system = house.start(Role::OneShot).await;
        describe(&system, &pair, &["a"]).await;
        let engine = system.engine().unwrap();
        let id = queue(&system, JobKind::Sync).await;
        assert_eq!(engine.run_job(id).await.unwrap().state, JobState::Completed);
        pair.local.sql(&format!("DELETE FROM {} WHERE id = 7", pair.target_table("a")));
        let id = queue(&system, JobKind::Verify).await;
        let job = engine.run_job(id).await.unwrap();
        assert_eq!(job.state, JobState::Completed, "{:?}", job.tables);
        assert_eq!(job.tables[0].verified.differences, 1);
        let services = system.services().unwrap();
        assert_eq!(services.jobs.differences(id).await.unwrap().len(), 1);
        system.shutdown(StopHow::Release).await;
    }

    /// A person who types a command wants to know now.
    async fn a_command_without_a_control_database_is_refused_at_once(pair: Pair) {
        let mut house = House::new(&pair);
        house.settings.database.port = free_port().await;
        let before = Instant::now();
        let settings = Arc::new(house.settings.clone());
        let refused = System::start(settings, Role::OneShot).await.err().unwrap();
        assert!(matches!(refused, Refusal::DatabaseUnavailable(_)), "{refused:?}");
        assert!(before.elapsed() < Duration::from_secs(5));
    }

    /// A dashboard opens, says what is wrong, and comes alive with the database.
    async fn a_dashboard_comes_up_with_its_control_database(pair: Pair) {
        let mut house = House::new(&pair);
        let port = free_port().await;
        house.settings.database.port = port;
        let system = house.start(Role::Dashboard).await;
        assert!(system.services().is_none() && system.engine().is_none());
        // It opens before the first try has failed.
        eventually(Duration::from_secs(30), "a failed try", async || {
            system.database().error.is_some()
        })
        .await;
        let status = system.database();
        assert!(!status.connected && status.error.is_some() && status.retry_at.is_some());
        assert_eq!(system.status_without_services().status, "degraded");

        let forward = tokio::spawn(forward(port, pair.local.port));
        eventually(Duration::from_secs(30), "the control database", async || {
            system.services().is_some()
        })
        .await;
        let status = system.database();
        assert!(status.connected && status.error.is_none());
        assert!(status.server.unwrap().contains("SQL") || pair.flavour.as_str() == "mariadb");
        system.shutdown(StopHow::Release).await;
        forward.abort();
    }

    /// A process that died leaves a running job; the next one takes it up when the lease is over.
    async fn the_job_of_a_dead_process_is_taken_up(pair: Pair) {
        fill(&pair, "a", 100);
        let house = House::new(&pair);
        let system = house.start(Role::OneShot).await;
        describe(&system, &pair, &["a"]).await;
        let id = queue(&system, JobKind::Sync).await;
        system.shutdown(StopHow::Release).await;
        let store = house.store(&pair).await;
        let dead = InstanceId::generate();
        store.claim(&Resource::Job(id), dead).await.unwrap().unwrap();
        assert!(store
            .set_job_state(id, JobState::Pending, JobState::Running, dead, None)
            .await
            .unwrap());
        let before = Instant::now();

        let service = house.start(Role::Headless).await;
        eventually(Duration::from_secs(30), "the end of the job", async || {
            store.job(id).await.unwrap().unwrap().state.is_final()
        })
        .await;
        assert!(before.elapsed() >= Duration::from_secs(3), "not before the lease was over");
        let job = store.job(id).await.unwrap().unwrap();
        assert_eq!(job.state, JobState::Completed, "{:?}", job.tables);
        assert_eq!(job.instance.as_deref(), Some("here"));
        pair.judge("a", "a").equal();
        service.shutdown(StopHow::Release).await;
    }

    /// Shutdown hands the job back after its batch; the next process finishes it.
    async fn a_job_that_was_handed_back_is_finished_by_the_next_process(pair: Pair) {
        fill(&pair, "a", 150_000);
        fill(&pair, "b", 10);
        let house = House::new(&pair);
        let system = house.start(Role::OneShot).await;
        describe(&system, &pair, &["a", "b"]).await;
        let mut events = system.events();
        let id = queue(&system, JobKind::Sync).await;
        let engine = system.engine().unwrap();
        let run = tokio::spawn(async move { engine.run_job(id).await });
        loop {
            let event = events.recv().await.unwrap();
            if matches!(event.what, What::TableStarted(_)) && event.table.as_deref() == Some("a") {
                break;
            }
        }
        let before = Instant::now();
        system.shutdown(StopHow::Release).await;
        assert!(before.elapsed() < Duration::from_secs(15));
        let job = run.await.unwrap().unwrap();
        assert_eq!(job.state, JobState::Pending);
        assert_eq!(held(&pair), 0);

        let next = house.start(Role::OneShot).await;
        let job = next.engine().unwrap().run_job(id).await.unwrap();
        assert_eq!(job.state, JobState::Completed, "{:?}", job.tables);
        assert!(job.tables.iter().all(|table| table.state == TableState::Completed));
        pair.judge("a", "a").equal();
        pair.judge("b", "b").equal();
        next.shutdown(StopHow::Release).await;
        assert!(pair.helper_databases().is_empty());
    }
}

/// A port that nobody listens on.
async fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    listener.local_addr().unwrap().port()
}

/// Passes connections of one port on to another.
async fn forward(from: u16, to: u16) {
    let listener = TcpListener::bind(("127.0.0.1", from)).await.unwrap();
    loop {
        let (mut near, _) = listener.accept().await.unwrap();
        let mut far = TcpStream::connect(("127.0.0.1", to)).await.unwrap();
        tokio::spawn(async move { tokio::io::copy_bidirectional(&mut near, &mut far).await });
    }
}
