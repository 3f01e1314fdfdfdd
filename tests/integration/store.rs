//! The control database: migrations, keys, leases, the queue, names and targets that are taken.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use chrono::Utc;
use db_taxi::model::config::{Config, ConfigSpec};
use db_taxi::model::connection::{Connection, ConnectionSpec, Health, HealthState};
use db_taxi::model::error::{ErrorCode, ErrorInfo};
use db_taxi::model::ids::{InstanceId, JobId};
use db_taxi::model::job::{Job, JobFilter, JobRequest, JobState, JobWish};
use db_taxi::model::log::{Difference, DifferenceKind, Level, LogEntry, LogFilter};
use db_taxi::model::rule::TableRule;
use db_taxi::model::secret::Secret;
use db_taxi::model::status::{Instance, InstanceState};
use db_taxi::model::table_run::{TableRun, TableState};
use db_taxi::mysql::{Session, SessionKind, TableRef};
use db_taxi::store::keys::KeyRing;
use db_taxi::store::leases::Resource;
use db_taxi::store::{NewJob, Store, StoreError, StoreOptions, migration_status, schema_version};
use secrecy::ExposeSecret;
use tempfile::TempDir;

use crate::both_flavours;
use crate::support::Pair;

/// 32 bytes each, in base64.
const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const OTHER_KEY: &str = "/wECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

fn options(pair: &Pair, key: KeyRing) -> StoreOptions {
    StoreOptions {
        endpoint: pair.local.endpoint(),
        database: pair.control_db(),
        max_open: 10,
        max_idle: 10,
        lease_ttl: Duration::from_secs(60),
        key,
    }
}

async fn open(pair: &Pair) -> Store {
    Store::open(options(pair, KeyRing::from_base64(KEY).unwrap()))
        .await
        .unwrap()
}

fn control(pair: &Pair, sql: &str) -> String {
    pair.local.sql(&format!("USE {}; {sql}", pair.control_db()))
}

fn connection_spec(name: &str, target: &str) -> ConnectionSpec {
    let mut spec = ConnectionSpec::new(name, "reader", "shop");
    spec.local_db_name = Some(target.to_owned());
    spec
}

fn with_password(mut spec: ConnectionSpec, password: &str) -> ConnectionSpec {
    spec.password = Some(Secret::parse(password));
    spec
}

fn config_spec(name: &str, connection: &str, tables: &[&str]) -> ConfigSpec {
    ConfigSpec::new(
        name,
        connection,
        tables.iter().map(|t| TableRule::of_table(t)).collect(),
    )
}

async fn connection_and_config(store: &Store) -> (Connection, Config) {
    let connection = store
        .create_connection(&connection_spec("prod", "copy"))
        .await
        .unwrap();
    let config = store
        .create_config(&config_spec("users", "prod", &["users"]))
        .await
        .unwrap();
    (connection, config)
}

async fn new_job(
    store: &Store,
    connection: &Connection,
    config: &Config,
) -> Result<Job, StoreError> {
    let request = JobRequest {
        requested_by: "me@here".to_owned(),
        ..JobRequest::default()
    };
    store
        .create_job(&NewJob {
            config,
            connection,
            request: &request,
            retry_of: None,
        })
        .await
}

fn instance(name: &str) -> Instance {
    Instance {
        name: name.to_owned(),
        id: InstanceId::generate(),
        version: "1".to_owned(),
        roles: vec!["worker".to_owned()],
        labels: vec![],
        address: None,
        state: InstanceState::Alive,
        started_at: Utc::now(),
        seen_at: Utc::now(),
        jobs: vec![],
    }
}

fn conflict(result: Result<impl Sized, StoreError>) -> (&'static str, String) {
    match result {
        Err(StoreError::Conflict { code, message }) => (code, message),
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("it went through"),
    }
}

fn wrong_key(result: Result<impl Sized, StoreError>) -> String {
    match result {
        Err(StoreError::WrongKey(message)) => message,
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("it went through"),
    }
}

both_flavours! {
    async fn many_that_open_a_fresh_database_at_once_all_find_it_migrated_once(pair: Pair) {
        let pair = Arc::new(pair);
        let openers: Vec<_> = (0..8)
            .map(|_| {
                let pair = Arc::clone(&pair);
                tokio::spawn(async move { open(&pair).await.list_connections().await.unwrap() })
            })
            .collect();
        for opener in openers {
            assert!(opener.await.unwrap().is_empty());
        }
        let applied = control(&pair, "SELECT COUNT(*), COUNT(DISTINCT version) FROM refinery_schema_history");
        let n = schema_version();
        assert_eq!(applied.trim(), format!("{n}\t{n}"));
        assert_eq!(control(&pair, "SELECT holder IS NULL FROM schema_lock").trim(), "1");
        let status = migration_status(&options(&pair, KeyRing::from_base64(KEY).unwrap())).await.unwrap();
        assert!(status.iter().all(|m| m.known && m.applied_at.is_some()));
        assert_eq!(status.len(), usize::try_from(n).unwrap());
    }

    async fn looking_at_the_migrations_changes_nothing(pair: Pair) {
        let status = migration_status(&options(&pair, KeyRing::from_base64(KEY).unwrap())).await.unwrap();
        assert!(status.iter().all(|m| m.known && m.applied_at.is_none()));
        assert_eq!(pair.local.databases(&pair.control_db()), [""; 0]);
    }

    async fn files_run_by_hand_and_files_left_half_way_are_taken_up(pair: Pair) {
        pair.local.sql(&format!("CREATE DATABASE {}", pair.control_db()));
        let mut files: Vec<_> = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/migrations"))
            .unwrap()
            .map(|file| file.unwrap().path())
            .collect();
        files.sort();
        // The last one is left out: as after a crash between two files.
        for file in &files[..files.len() - 1] {
            control(&pair, &std::fs::read_to_string(file).unwrap());
        }
        control(&pair, "DROP TABLE sync_logs");
        let store = open(&pair).await;
        assert!(store.job_logs(JobId::generate(), &LogFilter::default()).await.unwrap().is_empty());
        assert_eq!(control(&pair, "SELECT version FROM schema_info").trim(), schema_version().to_string());
    }

    async fn who_dies_while_migrating_holds_nobody_up_for_long(pair: Pair) {
        open(&pair).await;
        control(&pair, "DELETE FROM refinery_schema_history WHERE version > 2; \
            UPDATE schema_lock SET holder = 'dead', expires_at = UTC_TIMESTAMP(3) + INTERVAL 1 SECOND");
        let began = std::time::Instant::now();
        open(&pair).await;
        assert!(began.elapsed() > Duration::from_millis(500), "the lock was not respected");
    }

    async fn a_newer_schema_is_refused_only_below_its_min_reader(pair: Pair) {
        open(&pair).await;
        let next = schema_version() + 1;
        control(&pair, &format!("UPDATE schema_info SET version = {next}; \
            INSERT INTO refinery_schema_history VALUES ({next}, 'later', '2030-01-01T00:00:00Z', '1')"));
        open(&pair).await;
        let status = migration_status(&options(&pair, KeyRing::from_base64(KEY).unwrap())).await.unwrap();
        assert!(!status.last().unwrap().known);
        control(&pair, &format!("UPDATE schema_info SET min_reader = {next}"));
        let refused = Store::open(options(&pair, KeyRing::from_base64(KEY).unwrap())).await;
        let Err(StoreError::TooNew { min_reader, ours }) = refused else { panic!("it went through") };
        assert_eq!((min_reader, ours), (next, next - 1));
    }

    async fn a_changed_migration_is_refused(pair: Pair) {
        open(&pair).await;
        control(&pair, "UPDATE refinery_schema_history SET checksum = '1' WHERE version = 2");
        let refused = Store::open(options(&pair, KeyRing::from_base64(KEY).unwrap())).await;
        let Err(StoreError::Setup(message)) = refused else { panic!("it went through") };
        assert!(message.contains("V2__"), "{message}");
    }

    async fn a_password_is_sealed_and_found_nowhere(pair: Pair) {
        let store = open(&pair).await;
        let spec = with_password(connection_spec("prod", "copy"), "canary-pass");
        let made = store.create_connection(&spec).await.unwrap();
        assert!(made.has_password);
        assert_eq!(made.spec.password, None);
        let dump = control(&pair, "SELECT * FROM sync_connections; SELECT * FROM secret_keys");
        assert!(!dump.contains("canary"), "{dump}");
        let Some(Secret::Text(text)) = store.connection_password(made.id).await.unwrap() else {
            panic!("no password");
        };
        assert_eq!(text.expose_secret(), "canary-pass");

        let kept = store.update_connection(made.id, &connection_spec("prod", "copy2"), Some(1)).await.unwrap();
        assert_eq!((kept.version, kept.has_password), (2, true));
        assert!(store.connection_password(made.id).await.unwrap().is_some());
        let referred = with_password(connection_spec("prod", "copy2"), "${env:SHOP_PASSWORD}");
        let referred = store.update_connection(made.id, &referred, None).await.unwrap();
        assert_eq!(referred.spec.password, Some(Secret::Env("SHOP_PASSWORD".to_owned())));
        assert_eq!(control(&pair, "SELECT COUNT(password_sealed) FROM sync_connections").trim(), "0");
        let kept = store.update_connection(made.id, &connection_spec("prod", "copy3"), None).await.unwrap();
        assert_eq!(kept.spec.password, Some(Secret::Env("SHOP_PASSWORD".to_owned())));
        let none = with_password(connection_spec("prod", "copy3"), "");
        assert!(!store.update_connection(made.id, &none, None).await.unwrap().has_password);
    }

    async fn a_sealed_value_of_another_row_does_not_open(pair: Pair) {
        let store = open(&pair).await;
        let a = store.create_connection(&with_password(connection_spec("a", "a"), "one")).await.unwrap();
        store.create_connection(&with_password(connection_spec("b", "b"), "two")).await.unwrap();
        control(&pair, "UPDATE sync_connections a JOIN sync_connections b ON b.name = 'b' \
            SET a.password_sealed = b.password_sealed WHERE a.name = 'a'");
        wrong_key(store.connection_password(a.id).await);
    }

    async fn a_wrong_key_is_refused_and_no_key_is_made_in_its_place(pair: Pair) {
        let store = open(&pair).await;
        let made = store.create_connection(&with_password(connection_spec("prod", "copy"), "x")).await.unwrap();
        let wrong = Store::open(options(&pair, KeyRing::from_base64(OTHER_KEY).unwrap())).await;
        assert!(wrong_key(wrong).contains("DBT_SECRET_KEY"));
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("secret.key");
        let absent = Store::open(options(&pair, KeyRing::from_file(&path).unwrap())).await;
        assert!(wrong_key(absent).contains("copy it from the host"));
        assert!(!path.exists());
        // Once nothing is sealed, any key may begin.
        store.delete_connection(made.id).await.unwrap();
        let other = Store::open(options(&pair, KeyRing::from_base64(OTHER_KEY).unwrap())).await.unwrap();
        other.create_connection(&with_password(connection_spec("prod", "copy"), "y")).await.unwrap();
        wrong_key(store.create_connection(&with_password(connection_spec("p2", "c2"), "z")).await);
        assert!(store.connection_named("p2").await.unwrap().is_none());
        store.create_connection(&connection_spec("p3", "c3")).await.unwrap();
    }

    async fn a_key_is_made_with_the_first_secret_and_only_one(pair: Pair) {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("secret.key");
        let mut stores = Vec::new();
        for _ in 0..4 {
            // All of them looked before there was a key file.
            stores.push(Store::open(options(&pair, KeyRing::from_file(&path).unwrap())).await.unwrap());
        }
        stores[0].create_connection(&connection_spec("bare", "bare")).await.unwrap();
        assert!(!path.exists());
        let sealers: Vec<_> = stores
            .iter()
            .cloned()
            .enumerate()
            .map(|(i, store)| {
                let spec = with_password(connection_spec(&format!("c{i}"), &format!("d{i}")), "secret");
                tokio::spawn(async move { store.create_connection(&spec).await.unwrap().id })
            })
            .collect();
        let mut ids = Vec::new();
        for sealer in sealers {
            ids.push(sealer.await.unwrap());
        }
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(control(&pair, "SELECT COUNT(*) FROM secret_keys").trim(), "1");
        let fresh = Store::open(options(&pair, KeyRing::from_file(&path).unwrap())).await.unwrap();
        for id in ids {
            assert!(fresh.connection_password(id).await.unwrap().is_some());
        }
    }

    async fn two_hosts_that_begin_at_once_end_with_one_key(pair: Pair) {
        let folder = TempDir::new().unwrap();
        let open_on = async |host: &str| {
            let path = folder.path().join(host).join("secret.key");
            Store::open(options(&pair, KeyRing::from_file(&path).unwrap())).await.unwrap()
        };
        let (a, b) = (open_on("a").await, open_on("b").await);
        let spec = |name: &str| with_password(connection_spec(name, name), "secret");
        let (spec_a, spec_b) = (spec("a"), spec("b"));
        let (on_a, on_b) = tokio::join!(a.create_connection(&spec_a), b.create_connection(&spec_b));
        let (won, lost, host) = if on_a.is_ok() { (on_a, on_b, "b") } else { (on_b, on_a, "a") };
        won.unwrap();
        wrong_key(lost);
        assert!(!Path::new(&folder.path().join(host)).join("secret.key").exists());
        assert_eq!(control(&pair, "SELECT COUNT(*) FROM secret_keys").trim(), "1");
    }

    async fn of_many_that_claim_one_wins_and_the_fence_grows_by_one(pair: Pair) {
        let store = open(&pair).await;
        let resource = Resource::Table(TableRef::new("copy", "users"));
        for round in 1..=20 {
            let racers: Vec<_> = (0..8)
                .map(|_| {
                    let (store, resource) = (store.clone(), resource.clone());
                    tokio::spawn(async move { store.claim(&resource, InstanceId::generate()).await.unwrap() })
                })
                .collect();
            let mut winners = Vec::new();
            for racer in racers {
                winners.extend(racer.await.unwrap());
            }
            assert_eq!(winners.len(), 1, "round {round}");
            let (lease, previous) = winners.remove(0);
            assert_eq!((lease.fence, previous), (round, None));
            assert_eq!(store.renew(std::slice::from_ref(&lease)).await.unwrap(), [true]);
            store.release(&lease).await.unwrap();
            assert_eq!(store.renew(&[lease]).await.unwrap(), [false]);
        }
    }

    async fn an_expired_lease_is_taken_over_with_the_next_fence(pair: Pair) {
        let store = open(&pair).await;
        let resource = Resource::Table(TableRef::new("copy", "users"));
        let (first, second) = (InstanceId::generate(), InstanceId::generate());
        let (old, _) = store.claim(&resource, first).await.unwrap().unwrap();
        assert!(store.claim(&resource, second).await.unwrap().is_none(), "it lives");
        assert!(store.claim(&resource, first).await.unwrap().is_none(), "not even by its holder");
        let mut session = Session::open(&pair.local.endpoint(), SessionKind::Apply, Duration::from_secs(60)).await.unwrap();
        let mut stranger = pair.local.session().await;
        store.record_connections(&old, &[session.id(), 4_000_000_000]).await.unwrap();
        control(&pair, "UPDATE sync_leases SET expires_at = UTC_TIMESTAMP(3) - INTERVAL 1 SECOND");

        let racers: Vec<_> = (0..8)
            .map(|_| {
                let (store, resource) = (store.clone(), resource.clone());
                tokio::spawn(async move { store.claim(&resource, second).await.unwrap() })
            })
            .collect();
        let mut winners = Vec::new();
        for racer in racers {
            winners.extend(racer.await.unwrap());
        }
        assert_eq!(winners.len(), 1);
        let (new, previous) = winners.remove(0);
        let previous = previous.unwrap();
        assert_eq!((new.fence, previous.holder), (old.fence + 1, first));
        assert!(previous.connections.contains(&session.id()));

        assert_eq!(store.kill_previous(&previous).await.unwrap(), 1);
        assert!(session.run("SELECT 1").await.is_err());
        stranger.run("DO 1").await.unwrap();
        assert_eq!(store.kill_previous(&previous).await.unwrap(), 0);

        assert_eq!(store.renew(&[old.clone(), new.clone()]).await.unwrap(), [false, true]);
        assert!(matches!(store.record_connections(&old, &[1]).await, Err(StoreError::LeaseLost)));
        store.release(&old).await.unwrap();
        assert_eq!(store.renew(&[new]).await.unwrap(), [true], "the old holder can't release it");
    }

    async fn connections_recorded_before_a_restart_are_left_alone(pair: Pair) {
        let store = open(&pair).await;
        let resource = Resource::Job(JobId::generate());
        let (lease, _) = store.claim(&resource, InstanceId::generate()).await.unwrap().unwrap();
        let mut session = pair.local.session().await;
        store.record_connections(&lease, &[session.id()]).await.unwrap();
        control(&pair, "UPDATE sync_leases SET expires_at = '2000-01-01'");
        let (_, previous) = store.claim(&resource, InstanceId::generate()).await.unwrap().unwrap();
        let mut previous = previous.unwrap();
        previous.server_started.push_str("000");
        assert_eq!(store.kill_previous(&previous).await.unwrap(), 0);
        session.run("DO 1").await.unwrap();
    }

    async fn a_holder_that_dies_before_it_killed_its_predecessor_hands_on_both(pair: Pair) {
        let store = open(&pair).await;
        let resource = Resource::Table(TableRef::new("copy", "users"));
        let mut sessions = Vec::new();
        for _ in 0..2 {
            let (lease, _) = store.claim(&resource, InstanceId::generate()).await.unwrap().unwrap();
            let session = pair.local.session().await;
            store.record_connections(&lease, &[session.id()]).await.unwrap();
            sessions.push(session);
            control(&pair, "UPDATE sync_leases SET expires_at = '2000-01-01'");
        }
        let (lease, previous) = store.claim(&resource, InstanceId::generate()).await.unwrap().unwrap();
        assert_eq!(store.kill_previous(&previous.unwrap()).await.unwrap(), 2);
        store.release(&lease).await.unwrap();
        let (_, previous) = store.claim(&resource, InstanceId::generate()).await.unwrap().unwrap();
        assert_eq!(previous, None);
    }

    async fn many_leases_are_renewed_at_once(pair: Pair) {
        let store = open(&pair).await;
        let holder = InstanceId::generate();
        let mut leases = Vec::new();
        for i in 0..230 {
            let resource = Resource::Table(TableRef::new("copy", format!("täble.{i}")));
            leases.push(store.claim(&resource, holder).await.unwrap().unwrap().0);
        }
        control(&pair, "UPDATE sync_leases SET fence = fence + 1 WHERE resource = 'table:copy.täble.117'");
        let held = store.renew(&leases).await.unwrap();
        let lost: Vec<usize> = (0..leases.len()).filter(|i| !held[*i]).collect();
        assert_eq!(lost, [117]);
    }

    async fn a_config_has_one_active_job(pair: Pair) {
        let store = open(&pair).await;
        let (connection, config) = connection_and_config(&store).await;
        let makers: Vec<_> = (0..8)
            .map(|_| {
                let (store, connection, config) = (store.clone(), connection.clone(), config.clone());
                tokio::spawn(async move { new_job(&store, &connection, &config).await })
            })
            .collect();
        let mut made = Vec::new();
        let mut refused = Vec::new();
        for maker in makers {
            match maker.await.unwrap() {
                Ok(job) => made.push(job),
                refusal => refused.push(conflict(refusal)),
            }
        }
        assert_eq!((made.len(), refused.len()), (1, 7));
        let job = made.remove(0);
        assert!(refused.iter().all(|(code, text)| *code == "config_busy" && text.contains(&job.id.to_string())));
        assert_eq!(conflict(store.delete_config(config.id).await).0, "config_busy");
        assert!(conflict(store.delete_connection(connection.id).await).1.contains("config users"));
        let me = InstanceId::generate();
        assert!(store.set_job_state(job.id, JobState::Pending, JobState::Cancelled, me, None).await.unwrap());
        new_job(&store, &connection, &config).await.unwrap();
    }

    async fn only_the_holder_of_its_lease_moves_a_running_job(pair: Pair) {
        let store = open(&pair).await;
        let (connection, config) = connection_and_config(&store).await;
        let job = new_job(&store, &connection, &config).await.unwrap();
        let (me, other) = (store.register_instance(&instance("here")).await.unwrap(), InstanceId::generate());
        let start = async |who| store.set_job_state(job.id, JobState::Pending, JobState::Running, who, None).await.unwrap();
        assert!(!start(me.id).await, "without the lease");
        let resource = Resource::Job(job.id);
        store.claim(&resource, me.id).await.unwrap().unwrap();
        assert!(!start(other).await);
        assert!(start(me.id).await);
        assert!(!start(me.id).await, "it runs already");
        let running = store.job(job.id).await.unwrap().unwrap();
        assert_eq!((running.state, running.instance.as_deref()), (JobState::Running, Some("here")));
        assert!(running.started_at.is_some());
        assert!(store.orphaned_jobs().await.unwrap().is_empty());

        control(&pair, "UPDATE sync_leases SET expires_at = '2000-01-01'");
        let orphans = store.orphaned_jobs().await.unwrap();
        assert_eq!(orphans.iter().map(|j| j.id).collect::<Vec<_>>(), [job.id]);
        store.claim(&resource, other).await.unwrap().unwrap();
        let failed = ErrorInfo::new(ErrorCode::Internal, "too late");
        let late = store.set_job_state(job.id, JobState::Running, JobState::Failed, me.id, Some(&failed)).await;
        assert!(!late.unwrap(), "a process that wakes up late changes nothing");
        assert!(store.set_job_state(job.id, JobState::Running, JobState::Pending, other, None).await.unwrap());
        let none = store.set_job_state(job.id, JobState::Completed, JobState::Running, other, None).await;
        assert_eq!(conflict(none).0, "invalid_state");
    }

    async fn a_wish_reaches_the_job_and_stopping_outweighs_releasing(pair: Pair) {
        let store = open(&pair).await;
        let (connection, config) = connection_and_config(&store).await;
        let job = new_job(&store, &connection, &config).await.unwrap();
        let me = InstanceId::generate();
        assert_eq!(store.job_wish(job.id).await.unwrap(), JobWish::None);
        store.set_job_wish(job.id, JobWish::Release).await.unwrap();
        store.claim(&Resource::Job(job.id), me).await.unwrap().unwrap();
        for (from, to) in [(JobState::Pending, JobState::Running), (JobState::Running, JobState::Pending)] {
            assert!(store.set_job_state(job.id, from, to, me, None).await.unwrap());
        }
        assert_eq!(store.job_wish(job.id).await.unwrap(), JobWish::None, "obeyed");
        store.set_job_wish(job.id, JobWish::Stop).await.unwrap();
        store.set_job_wish(job.id, JobWish::Stop).await.unwrap();
        store.set_job_wish(job.id, JobWish::Release).await.unwrap();
        assert_eq!(store.job_wish(job.id).await.unwrap(), JobWish::Stop);
        store.set_job_state(job.id, JobState::Pending, JobState::Cancelled, me, None).await.unwrap();
        assert_eq!(conflict(store.set_job_wish(job.id, JobWish::Stop).await).0, "invalid_state");
        let missing = store.set_job_wish(JobId::generate(), JobWish::Stop).await;
        assert!(matches!(missing, Err(StoreError::NotFound { kind: "job", .. })));
    }

    async fn the_queue_gives_the_highest_priority_then_the_oldest(pair: Pair) {
        let store = open(&pair).await;
        let connection = store.create_connection(&connection_spec("prod", "copy")).await.unwrap();
        let mut ids = Vec::new();
        for (i, priority) in [0, 5, 0, -5, 5].into_iter().enumerate() {
            let spec = config_spec(&format!("c{i}"), "prod", &[&format!("t{i}")]);
            let config = store.create_config(&spec).await.unwrap();
            let request = JobRequest { priority, tables: vec![format!("t{i}")], ..JobRequest::default() };
            let new = NewJob { config: &config, connection: &connection, request: &request, retry_of: None };
            let job = store.create_job(&new).await.unwrap();
            assert_eq!(store.job_request(job.id).await.unwrap(), request);
            ids.push(job.id);
            control(&pair, &format!("UPDATE sync_jobs SET created_at = '2020-01-01 00:00:0{i}' WHERE id = '{}'", job.id));
        }
        let order = |jobs: Vec<Job>| jobs.iter().map(|j| ids.iter().position(|id| *id == j.id).unwrap()).collect::<Vec<_>>();
        assert_eq!(order(store.pending_jobs(10).await.unwrap()), [1, 4, 0, 2, 3]);
        let page = |before, limit| JobFilter { limit: Some(limit), before, ..JobFilter::default() };
        assert_eq!(order(store.list_jobs(&page(None, 2)).await.unwrap()), [4, 3]);
        assert_eq!(order(store.list_jobs(&page(Some(ids[3]), 9)).await.unwrap()), [2, 1, 0]);
        let since = JobFilter { since: Some("2020-01-01T00:00:03Z".parse().unwrap()), ..JobFilter::default() };
        assert_eq!(order(store.list_jobs(&since).await.unwrap()), [4, 3]);
        let running = JobFilter { state: Some(JobState::Running), ..JobFilter::default() };
        assert!(store.list_jobs(&running).await.unwrap().is_empty());
    }

    async fn a_job_keeps_what_it_did_and_old_ones_go_but_the_newest(pair: Pair) {
        let store = open(&pair).await;
        let (connection, config) = connection_and_config(&store).await;
        let me = InstanceId::generate();
        let mut ids = Vec::new();
        for round in 0..3_u64 {
            let mut job = new_job(&store, &connection, &config).await.unwrap();
            store.claim(&Resource::Job(job.id), me).await.unwrap().unwrap();
            store.set_job_state(job.id, JobState::Pending, JobState::Running, me, None).await.unwrap();
            let mut run = TableRun::new("users", "users");
            store.save_table_run(job.id, &run).await.unwrap();
            run.state = TableState::Failed;
            run.error = Some(ErrorInfo::new(ErrorCode::DiskFull, "full").hint("free space"));
            store.save_table_run(job.id, &run).await.unwrap();
            job.progress.rows_done = 10 + round;
            job.counts.inserted = 7;
            (job.tables_total, job.tables_failed) = (1, 1);
            store.save_job_summary(&job).await.unwrap();
            let error = ErrorInfo::new(ErrorCode::Internal, "nothing completed");
            store.set_job_state(job.id, JobState::Running, JobState::Failed, me, Some(&error)).await.unwrap();
            store.append_logs(&[line(Some(job.id), Level::Info, "began")]).await.unwrap();
            let stored = store.job(job.id).await.unwrap().unwrap();
            assert_eq!((stored.state, stored.error), (JobState::Failed, Some(error)));
            assert_eq!((stored.counts.inserted, stored.progress.rows_done, stored.tables_failed), (7, 10 + round, 1));
            assert_eq!(stored.tables, [run]);
            assert!(stored.finished_at.is_some());
            ids.push(job.id);
        }
        assert_eq!(store.last_job(config.id).await.unwrap().unwrap().id, ids[2]);
        assert_eq!(store.config(config.id).await.unwrap().unwrap().last_job.unwrap().id, ids[2]);
        let stats = store.stats().await.unwrap();
        assert_eq!((stats.total_jobs, stats.failed_jobs, stats.rows_synced), (3, 3, 33));
        assert_eq!(store.delete_old_jobs(Duration::from_secs(3600)).await.unwrap(), 0);
        control(&pair, "UPDATE sync_jobs SET finished_at = '2000-01-01'");
        assert_eq!(store.delete_old_jobs(Duration::from_secs(3600)).await.unwrap(), 2);
        assert!(store.job(ids[2]).await.unwrap().is_some());
        assert_eq!(control(&pair, "SELECT COUNT(*) FROM sync_logs; SELECT COUNT(*) FROM sync_table_runs").split_whitespace().collect::<Vec<_>>(), ["1", "1"]);
        store.delete_config(config.id).await.unwrap();
        assert_eq!(store.delete_old_jobs(Duration::from_secs(3600)).await.unwrap(), 1);
    }

    async fn logs_are_paged_forwards_and_backwards(pair: Pair) {
        let store = open(&pair).await;
        let (job, other) = (JobId::generate(), JobId::generate());
        let mut lines: Vec<LogEntry> = (0..450)
            .map(|i| line(Some(job), if i % 10 == 0 { Level::Warn } else { Level::Debug }, &format!("line {i} ☂")))
            .collect();
        lines[7].table = Some("users".to_owned());
        lines[7].fields.insert("rows".to_owned(), 3.into());
        lines.push(line(Some(other), Level::Error, "not ours"));
        lines.push(line(None, Level::Error, "nobody's"));
        store.append_logs(&lines).await.unwrap();
        let logs = async |filter: LogFilter| store.job_logs(job, &filter).await.unwrap();
        let last = logs(LogFilter { limit: Some(3), ..LogFilter::default() }).await;
        assert_eq!(messages(&last), ["line 447 ☂", "line 448 ☂", "line 449 ☂"]);
        let ahead = logs(LogFilter { limit: Some(2), before: Some(last[0].id), ..LogFilter::default() }).await;
        assert_eq!(messages(&ahead), ["line 445 ☂", "line 446 ☂"]);
        let behind = logs(LogFilter { limit: Some(2), after: Some(ahead[0].id), ..LogFilter::default() }).await;
        assert_eq!(messages(&behind), ["line 446 ☂", "line 447 ☂"]);
        assert!(logs(LogFilter { after: Some(last[2].id), ..LogFilter::default() }).await.is_empty());
        assert_eq!(logs(LogFilter { level: Some(Level::Warn), ..LogFilter::default() }).await.len(), 45);
        let of_table = logs(LogFilter { table: Some("users".to_owned()), ..LogFilter::default() }).await;
        assert_eq!(of_table.len(), 1);
        assert_eq!((&of_table[0].fields, of_table[0].time), (&lines[7].fields, lines[7].time));
    }

    async fn differences_read_back_as_they_were(pair: Pair) {
        let store = open(&pair).await;
        let job = JobId::generate();
        let found: Vec<Difference> = (0..3)
            .map(|i| Difference {
                table: "users".to_owned(),
                kind: DifferenceKind::Changed,
                key: [(format!("k{i}"), None)].into(),
                columns: vec![],
                stable: i == 1,
                first_seen_at: "2026-01-02T03:04:05.678Z".parse().unwrap(),
            })
            .collect();
        store.save_differences(job, &found).await.unwrap();
        assert_eq!(store.job_differences(job, 2).await.unwrap(), found[..2]);
        assert!(store.job_differences(JobId::generate(), 2).await.unwrap().is_empty());
    }

    async fn names_and_targets_are_taken_once(pair: Pair) {
        let store = open(&pair).await;
        let (connection, config) = connection_and_config(&store).await;
        assert_eq!(conflict(store.create_connection(&connection_spec("prod", "x")).await).0, "name_taken");
        store.create_connection(&connection_spec("Prod", "elsewhere")).await.unwrap();
        assert_eq!(conflict(store.create_config(&config_spec("users", "prod", &["z"])).await).0, "name_taken");
        let (code, text) = conflict(store.create_config(&config_spec("more", "prod", &["a", "users"])).await);
        assert_eq!(code, "target_taken");
        assert!(text.contains("copy.users") && text.contains("more"), "{text}");
        let mut twice = config_spec("twice", "prod", &["a", "b"]);
        twice.tables[1].target_table = Some("a".to_owned());
        assert_eq!(conflict(store.create_config(&twice).await).0, "target_taken");
        store.create_config(&config_spec("elsewhere", "Prod", &["users"])).await.unwrap();
        let moved = store.connection_named("Prod").await.unwrap().unwrap();
        let clash = store.update_connection(moved.id, &connection_spec("Prod", "copy"), None).await;
        assert_eq!(conflict(clash).0, "target_taken");
        assert_eq!(store.connection(moved.id).await.unwrap().unwrap(), moved, "nothing has changed");

        let missing = store.create_config(&config_spec("c", "nowhere", &["t"])).await;
        assert!(matches!(missing, Err(StoreError::NotFound { kind: "connection", .. })));
        let renamed = store.update_connection(connection.id, &connection_spec("production", "copy"), Some(1)).await.unwrap();
        assert_eq!(store.config(config.id).await.unwrap().unwrap().spec.connection, renamed.spec.name);
        let stale = store.update_connection(connection.id, &connection_spec("x", "copy"), Some(1)).await;
        assert!(matches!(stale, Err(StoreError::PreconditionFailed)));
        let stale = store.update_config(config.id, &config_spec("x", "production", &["t"]), Some(7)).await;
        assert!(matches!(stale, Err(StoreError::PreconditionFailed)));
    }

    async fn configs_read_back_with_their_rules_in_order(pair: Pair) {
        let store = open(&pair).await;
        store.create_connection(&connection_spec("prod", "copy")).await.unwrap();
        let mut spec = config_spec("all", "prod", &["z", "a"]);
        spec.tables.push(TableRule::of_pattern("log_*"));
        spec.tables[0].where_clause = Some("created_at > '2024-01-01' AND name <> 'ü'".to_owned());
        spec.exclude = vec!["tmp_*".to_owned()];
        spec.options.table.max_delete_rows = Some(5);
        spec.enabled = false;
        let made = store.create_config(&spec).await.unwrap();
        assert_eq!((&made.spec, made.version), (&spec, 1));
        spec.tables.remove(1);
        let changed = store.update_config(made.id, &spec, Some(1)).await.unwrap();
        assert_eq!((&changed.spec, changed.version), (&spec, 2));
        assert_eq!(store.list_configs(Some(made.connection_id)).await.unwrap(), [changed]);
        let stats = store.stats().await.unwrap();
        assert_eq!((stats.total_configs, stats.enabled_configs), (1, 0));
    }

    async fn an_import_is_all_or_nothing_and_leaves_equal_ones_alone(pair: Pair) {
        let store = open(&pair).await;
        let connections = [with_password(connection_spec("prod", "copy"), "secret"), connection_spec("b", "b")];
        let configs = [config_spec("users", "prod", &["users"]), config_spec("orders", "b", &["orders"])];
        store.apply_import(&connections, &configs).await.unwrap();
        let before = (store.list_connections().await.unwrap(), store.list_configs(None).await.unwrap());
        store.apply_import(&connections, &configs).await.unwrap();
        assert_eq!((store.list_connections().await.unwrap(), store.list_configs(None).await.unwrap()), before);

        let broken = [config_spec("orders", "b", &["o2"]), config_spec("extra", "prod", &["users"])];
        let changed = [with_password(connection_spec("prod", "copy"), "other"), connection_spec("new", "n")];
        assert_eq!(conflict(store.apply_import(&changed, &broken).await).0, "target_taken");
        assert_eq!((store.list_connections().await.unwrap(), store.list_configs(None).await.unwrap()), before);

        store.apply_import(&changed, &broken[..1]).await.unwrap();
        let versions: Vec<_> = store.list_connections().await.unwrap().iter().map(|c| c.version).collect();
        assert_eq!(versions, [1, 1, 2], "b, new, prod");
        let prod = store.connection_named("prod").await.unwrap().unwrap();
        assert_eq!(store.connection_password(prod.id).await.unwrap(), Some(Secret::parse("other")));
    }

    async fn health_is_no_change_of_a_connection(pair: Pair) {
        let store = open(&pair).await;
        let made = store.create_connection(&connection_spec("prod", "copy")).await.unwrap();
        let health = Health { state: HealthState::Ok, latency_ms: Some(1.5), ..Health::default() };
        store.set_connection_health(made.id, &health).await.unwrap();
        let stored = store.connection(made.id).await.unwrap().unwrap();
        assert_eq!((stored.version, stored.updated_at, &stored.health), (1, made.updated_at, &health));
        assert_eq!(store.stats().await.unwrap().connected_connections, 1);
    }

    async fn living_instances_have_names_of_their_own(pair: Pair) {
        let store = open(&pair).await;
        let racers: Vec<_> = (0..5)
            .map(|_| {
                let store = store.clone();
                tokio::spawn(async move { store.register_instance(&instance("host")).await.unwrap() })
            })
            .collect();
        let mut entered = Vec::new();
        for racer in racers {
            entered.push(racer.await.unwrap());
        }
        let mut names: Vec<_> = entered.iter().map(|i| i.name.as_str()).collect();
        names.sort_unstable();
        assert_eq!(names, ["host", "host-2", "host-3", "host-4", "host-5"]);
        let job = JobId::generate();
        store.heartbeat(entered[0].id, &[job]).await.unwrap();
        store.heartbeat(entered[0].id, &[job]).await.unwrap();
        store.stop_instance(entered[1].id).await.unwrap();
        control(&pair, &format!("UPDATE instances SET seen_at = seen_at - INTERVAL 2 MINUTE WHERE id = '{}'", entered[2].id));
        let listed = store.list_instances().await.unwrap();
        let state = |i: usize| listed.iter().find(|l| l.id == entered[i].id).unwrap();
        assert_eq!((state(0).state, &state(0).jobs), (InstanceState::Alive, &vec![job]));
        assert_eq!((state(1).state, state(2).state), (InstanceState::Stopped, InstanceState::Lost));
        assert_eq!(store.stats().await.unwrap().instances, 3);
        for taken_again in [&entered[1], &entered[2]] {
            let mut again = instance(&taken_again.name);
            again.name.clone_from(&taken_again.name);
            assert_eq!(store.register_instance(&again).await.unwrap().name, taken_again.name);
        }
        let unknown = store.heartbeat(InstanceId::generate(), &[]).await;
        assert!(matches!(unknown, Err(StoreError::NotFound { .. })));
    }

    async fn a_server_that_killed_our_idle_sessions_is_asked_again(pair: Pair) {
        let store = open(&pair).await;
        store.ping().await.unwrap();
        let idle = format!(
            "SELECT id FROM information_schema.processlist WHERE db = '{}'",
            pair.control_db()
        );
        let ids = pair.local.sql(&idle);
        assert_eq!(ids.lines().count(), 1, "{ids}");
        pair.local.sql(&format!("KILL {}", ids.trim()));
        // At once: a session that was used a moment ago is not asked for a sign of life.
        assert!(store.list_connections().await.unwrap().is_empty());
    }
}

fn line(job: Option<JobId>, level: Level, message: &str) -> LogEntry {
    LogEntry {
        id: 0,
        time: "2026-01-02T03:04:05.678Z".parse().unwrap(),
        level,
        job_id: job,
        table: None,
        instance: "here".to_owned(),
        message: message.to_owned(),
        fields: serde_json::Map::new(),
    }
}

fn messages(lines: &[LogEntry]) -> Vec<&str> {
    lines.iter().map(|line| line.message.as_str()).collect()
}
