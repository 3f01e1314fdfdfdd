//! The services over a real control database: the rules that hold whoever asks.

mod drafts;

use std::sync::Arc;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use db_taxi::jobs::Endpoints;
use db_taxi::model::command::Refusal;
use db_taxi::model::config::ConfigSpec;
use db_taxi::model::connection::{Connection, ConnectionSpec, HealthState};
use db_taxi::model::ids::{InstanceId, JobId};
use db_taxi::model::job::{Job, JobChange, JobFilter, JobRequest, JobState, JobWish};
use db_taxi::model::log::LogFilter;
use db_taxi::model::mapping::Format;
use db_taxi::model::rule::TableRule;
use db_taxi::model::secret::Secret;
use db_taxi::model::throttle::ThrottleSpec;
use db_taxi::mysql::Endpoint;
use db_taxi::services::{JobRunner, Live, ProcessFacts, Services, ServicesOptions, SettingsCell};
use db_taxi::settings::secrets::resolve;
use db_taxi::store::keys::KeyRing;
use db_taxi::store::leases::Resource;
use db_taxi::store::{Store, StoreOptions};

use crate::both_flavours;
use crate::support::Pair;

struct Reach(Arc<Endpoint>);

impl Endpoints for Reach {
    fn source(
        &self,
        connection: &Connection,
        password: Option<Secret>,
        _compression: bool,
    ) -> Result<Arc<Endpoint>, String> {
        let password = resolve(&password.unwrap_or(Secret::parse("")))?;
        Ok(Arc::new(Endpoint::of_connection(
            &connection.spec,
            password,
        )))
    }
    fn local(&self) -> Arc<Endpoint> {
        Arc::clone(&self.0)
    }
}

/// Notes what it is told.
#[derive(Default)]
struct Runner(Mutex<Vec<String>>);

impl JobRunner for Runner {
    fn created(&self, job: &Job) {
        self.0.lock().unwrap().push(format!("created {}", job.id));
    }
    fn stop(&self, id: JobId) -> bool {
        self.0.lock().unwrap().push(format!("stop {id}"));
        true
    }
    fn pause(&self, id: JobId) -> bool {
        self.0.lock().unwrap().push(format!("pause {id}"));
        true
    }
    fn resumed(&self, job: &Job) {
        self.0.lock().unwrap().push(format!("resumed {}", job.id));
    }
    fn active(&self) -> Vec<Job> {
        Vec::new()
    }
}

struct House {
    services: Services,
    store: Store,
    runner: Arc<Runner>,
    key: tempfile::TempDir,
}

async fn house(pair: &Pair) -> House {
    let key = tempfile::tempdir().unwrap();
    let path = key.path().join("secret.key");
    let store = Store::open(StoreOptions {
        endpoint: pair.local.endpoint(),
        database: pair.control_db(),
        max_open: 4,
        max_idle: 2,
        lease_ttl: Duration::from_secs(15),
        key: KeyRing::load(&path).unwrap(),
    })
    .await
    .unwrap();
    let runner = Arc::new(Runner::default());
    let services = Services::new(ServicesOptions {
        store: store.clone(),
        endpoints: Arc::new(Reach(pair.local.endpoint())),
        runner: Some(Arc::clone(&runner) as Arc<dyn JobRunner>),
        instance: InstanceId::generate(),
        lease_ttl: Duration::from_secs(15),
        defaults: Live::default(),
        process: ProcessFacts {
            instance_name: "here".to_owned(),
            started: Instant::now(),
            sync_enabled: true,
            key_file: Some(path),
            folders: vec![key.path().to_owned()],
            settings: SettingsCell::default(),
        },
    });
    House {
        services,
        store,
        runner,
        key,
    }
}

fn connection(pair: &Pair, name: &str) -> ConnectionSpec {
    let mut spec = ConnectionSpec::new(name, "root", &pair.source_db());
    spec.host = "127.0.0.1".to_owned();
    spec.port = pair.source.port;
    spec.local_db_name = Some(pair.target_db());
    spec
}

fn config(name: &str, connection: &str, tables: &[&str]) -> ConfigSpec {
    let rules = tables.iter().map(|t| TableRule::of_table(t)).collect();
    ConfigSpec::new(name, connection, rules)
}

fn code<T>(result: Result<T, Refusal>) -> &'static str {
    match result {
        Ok(_) => "ok",
        Err(refusal) => refusal.code(),
    }
}

/// The mapping of one connection `shop` and one config `all`.
fn mapping(pair: &Pair, tables: &str, extra: &str) -> String {
    format!(
        "version: 1\nconnections:\n  - name: shop\n    host: 127.0.0.1\n    port: {}\n    \
         username: root\n    password: canary-password\n    database: {}\n    \
         local_db_name: {}\nconfigs:\n  - name: all\n    connection: shop\n    tables: {tables}\n{extra}",
        pair.source.port,
        pair.source_db(),
        pair.target_db(),
    )
}

both_flavours! {
    async fn connections_are_found_by_name_and_id_and_kept_apart(pair: Pair) {
        let house = house(&pair).await;
        let connections = &house.services.connections;
        let made = connections.create(connection(&pair, "shop")).await.unwrap();
        assert_eq!(connections.get("shop").await.unwrap().id, made.id);
        assert_eq!(connections.get(&made.id.to_string()).await.unwrap().spec.name, "shop");
        assert_eq!(code(connections.get("other").await), "not_found");
        assert_eq!(code(connections.create(connection(&pair, "shop")).await), "name_taken");
        let mut bad = connection(&pair, " blank");
        bad.max_connections = 1;
        bad.local_db_name = Some("mysql".to_owned());
        match connections.create(bad).await {
            Err(Refusal::Invalid(found)) => {
                let paths: Vec<&str> = found.iter().map(|f| f.path.as_str()).collect();
                assert_eq!(paths, ["name", "local_db_name", "max_connections"]);
            }
            other => panic!("{other:?}"),
        }
        let mut control = connection(&pair, "control");
        control.local_db_name = Some(pair.control_db());
        assert_eq!(code(connections.create(control).await), "validation_failed");
    }

    async fn an_update_needs_the_version_it_was_made_from_and_keeps_the_password(pair: Pair) {
        let house = house(&pair).await;
        let connections = &house.services.connections;
        let mut spec = connection(&pair, "shop");
        spec.password = Some(Secret::parse("canary-password"));
        let made = connections.create(spec.clone()).await.unwrap();
        spec.password = None;
        spec.max_connections = 5;
        let changed = connections.update(made.id, spec.clone(), Some(made.version)).await.unwrap();
        assert!(changed.has_password && changed.version > made.version);
        assert_eq!(code(connections.update(made.id, spec, Some(made.version)).await), "precondition_failed");
        let kept = house.store.connection_password(made.id).await.unwrap();
        assert_eq!(kept, Some(Secret::parse("canary-password")));
    }

    async fn a_connection_in_use_names_what_uses_it(pair: Pair) {
        let house = house(&pair).await;
        let made = house.services.connections.create(connection(&pair, "shop")).await.unwrap();
        let config = house.services.configs.create(config("all", "shop", &["t"])).await.unwrap();
        let refused = house.services.connections.delete(made.id).await.unwrap_err();
        assert_eq!(refused.code(), "in_use");
        assert!(refused.to_string().contains("config all"), "{refused}");
        house.services.configs.delete(config.id).await.unwrap();
        house.services.connections.delete(made.id).await.unwrap();
        assert_eq!(code(house.services.connections.delete(made.id).await), "not_found");
    }

    async fn one_target_table_belongs_to_one_config(pair: Pair) {
        let house = house(&pair).await;
        let (connections, configs) = (&house.services.connections, &house.services.configs);
        connections.create(connection(&pair, "a")).await.unwrap();
        let mut other = connection(&pair, "b");
        other.local_db_name = Some("elsewhere".to_owned());
        let other = connections.create(other).await.unwrap();
        let first = configs.create(config("first", "a", &["t", "u"])).await.unwrap();
        let refused = configs.create(config("second", "a", &["v", "u"])).await.unwrap_err();
        assert_eq!(refused.code(), "target_taken");
        assert!(refused.to_string().contains("tables[1]") && refused.to_string().contains("first"), "{refused}");
        let mut all = config("second", "a", &[]);
        all.tables = vec![TableRule::of_pattern("*")];
        assert_eq!(code(configs.create(all.clone()).await), "target_taken");
        all.exclude = vec!["t".to_owned(), "u".to_owned()];
        let all = configs.create(all).await.unwrap();
        let mut widened = all.spec.clone();
        widened.exclude.pop();
        assert_eq!(code(configs.update(all.id, widened, None).await), "target_taken");
        // Its own tables are no obstacle to its own update.
        configs.update(first.id, config("first", "a", &["u", "t"]), Some(first.version)).await.unwrap();
        // The same table of another target database is another table, until the database moves.
        configs.create(config("third", "b", &["t"])).await.unwrap();
        let moved = connection(&pair, "b");
        assert_eq!(code(connections.update(other.id, moved, None).await), "target_taken");
    }

    async fn a_config_names_a_connection_that_is_there(pair: Pair) {
        let house = house(&pair).await;
        let configs = &house.services.configs;
        match configs.create(config("all", "shop", &["t"])).await {
            Err(Refusal::Invalid(found)) => assert_eq!(found[0].path, "connection"),
            other => panic!("{other:?}"),
        }
        let made = house.services.connections.create(connection(&pair, "shop")).await.unwrap();
        let by_id = configs.create(config("all", &made.id.to_string(), &["t"])).await.unwrap();
        assert_eq!((by_id.spec.connection.as_str(), by_id.connection_id), ("shop", made.id));
        let off = configs.set_enabled(by_id.id, false).await.unwrap();
        assert!(!off.spec.enabled);
        assert_eq!(configs.set_enabled(by_id.id, false).await.unwrap().version, off.version);
        assert!(configs.get("all").await.is_ok_and(|c| !c.spec.enabled));
    }

    async fn jobs_are_queued_once_found_by_their_config_and_stopped(pair: Pair) {
        let house = house(&pair).await;
        let jobs = &house.services.jobs;
        house.services.connections.create(connection(&pair, "shop")).await.unwrap();
        let config = house.services.configs.create(config("all", "shop", &["t"])).await.unwrap();
        assert_eq!(code(jobs.get("last:all").await), "not_found");
        let unknown = JobRequest { tables: vec!["nope".to_owned()], ..JobRequest::default() };
        assert_eq!(code(jobs.start("all", unknown).await), "validation_failed");
        let high = JobRequest { priority: 101, ..JobRequest::default() };
        assert_eq!(code(jobs.start("all", high).await), "validation_failed");
        let job = jobs.start("all", JobRequest::default()).await.unwrap();
        assert_eq!(job.state, JobState::Pending);
        assert_eq!(house.runner.0.lock().unwrap().as_slice(), [format!("created {}", job.id)]);
        let busy = jobs.start("all", JobRequest::default()).await.unwrap_err();
        assert_eq!(busy.code(), "config_busy");
        assert!(busy.to_string().contains(&job.id.to_string()), "{busy}");
        assert_eq!(code(house.services.configs.delete(config.id).await), "config_busy");
        assert_eq!(jobs.get("last:all").await.unwrap().id, job.id);
        assert_eq!(jobs.stop(job.id).await.unwrap().state, JobState::Cancelled);
        assert_eq!(code(jobs.stop(job.id).await), "invalid_state");
        assert_eq!(jobs.list(&JobFilter::default()).await.unwrap().len(), 1);
        assert_eq!(jobs.logs(job.id, &LogFilter::default()).await.unwrap(), []);
        assert_eq!(jobs.differences(job.id).await.unwrap(), []);
        assert_eq!(code(jobs.differences(JobId::generate()).await), "not_found");
        house.services.configs.set_enabled(config.id, false).await.unwrap();
        assert_eq!(code(jobs.start("all", JobRequest::default()).await), "config_disabled");
    }

    async fn a_running_job_is_asked_to_stop_wherever_it_runs(pair: Pair) {
        let house = house(&pair).await;
        house.services.connections.create(connection(&pair, "shop")).await.unwrap();
        house.services.configs.create(config("all", "shop", &["t"])).await.unwrap();
        let job = house.services.jobs.start("all", JobRequest::default()).await.unwrap();
        let elsewhere = InstanceId::generate();
        let resource = db_taxi::store::leases::Resource::Job(job.id);
        house.store.claim(&resource, elsewhere).await.unwrap().unwrap();
        let runs = house.store
            .set_job_state(job.id, JobState::Pending, JobState::Running, elsewhere, None)
            .await
            .unwrap();
        assert!(runs);
        assert_eq!(house.services.jobs.stop(job.id).await.unwrap().state, JobState::Running);
        assert_eq!(house.store.job_wish(job.id).await.unwrap(), JobWish::Stop);
        assert!(house.runner.0.lock().unwrap().contains(&format!("stop {}", job.id)));
    }

    async fn a_job_is_paused_resumed_changed_and_tried_again_by_its_state(pair: Pair) {
        let house = house(&pair).await;
        let jobs = &house.services.jobs;
        let elsewhere = InstanceId::generate();
        house.services.connections.create(connection(&pair, "shop")).await.unwrap();
        house.services.configs.create(config("all", "shop", &["t", "u"])).await.unwrap();
        let code = |refused: Result<Job, Refusal>| refused.unwrap_err().code();
        let job = jobs.start("all", JobRequest::default()).await.unwrap();
        for refused in [jobs.pause(job.id).await, jobs.resume(job.id).await, jobs.retry(job.id, "me").await] {
            assert_eq!(code(refused), "invalid_state", "it waits");
        }
        let change = JobChange { priority: Some(7), max_concurrency: Some(2), throttle: Some(ThrottleSpec::Gentle) };
        assert_eq!(jobs.change(job.id, &change).await.unwrap().priority, 7);
        assert_eq!(code(jobs.change(job.id, &JobChange::default()).await), "validation_failed");
        let many = JobChange { max_concurrency: Some(65), ..JobChange::default() };
        assert_eq!(code(jobs.change(job.id, &many).await), "validation_failed");

        let lease = house.store.claim(&Resource::Job(job.id), elsewhere).await.unwrap().unwrap().0;
        let go = async |from, to| {
            house.store.set_job_state(job.id, from, to, elsewhere, None).await.unwrap()
        };
        assert!(go(JobState::Pending, JobState::Running).await);
        let place = JobChange { priority: Some(1), ..JobChange::default() };
        assert_eq!(code(jobs.change(job.id, &place).await), "invalid_state", "it runs");
        let fewer = JobChange { max_concurrency: Some(1), ..JobChange::default() };
        jobs.change(job.id, &fewer).await.unwrap();
        let (wish, limits) = house.store.job_orders(job.id).await.unwrap();
        assert_eq!((wish, limits.max_concurrency), (JobWish::None, Some(1)));
        assert_eq!(limits.throttle, Some(ThrottleSpec::Gentle));
        jobs.pause(job.id).await.unwrap();
        assert_eq!(house.store.job_wish(job.id).await.unwrap(), JobWish::Pause);
        house.store.set_job_wish(job.id, JobWish::Release).await.unwrap();
        assert_eq!(house.store.job_wish(job.id).await.unwrap(), JobWish::Pause, "not weakened");
        assert_eq!(code(jobs.resume(job.id).await), "invalid_state", "not yet");

        assert!(go(JobState::Running, JobState::Paused).await);
        assert_eq!(house.store.job_wish(job.id).await.unwrap(), JobWish::None, "obeyed");
        assert_eq!(code(jobs.pause(job.id).await), "invalid_state", "already");
        house.store.release(&lease).await.unwrap();
        assert_eq!(code(jobs.start("all", JobRequest::default()).await), "config_busy");
        assert_eq!(jobs.resume(job.id).await.unwrap().state, JobState::Pending);

        // A stop that comes while it is about to be held is not lost.
        house.store.claim(&Resource::Job(job.id), elsewhere).await.unwrap().unwrap();
        assert!(go(JobState::Pending, JobState::Running).await);
        house.store.set_job_wish(job.id, JobWish::Stop).await.unwrap();
        assert!(!go(JobState::Running, JobState::Paused).await);
        assert!(go(JobState::Running, JobState::Failed).await);
        let again = jobs.retry(job.id, "me@here").await.unwrap();
        assert_eq!((again.retry_of, again.state), (Some(job.id), JobState::Pending));
        assert_eq!(again.requested_by, "me@here");
        assert_eq!(jobs.stop(again.id).await.unwrap().state, JobState::Cancelled);
        let told = house.runner.0.lock().unwrap().join(" ");
        assert!(told.contains(&format!("pause {0} resumed {0}", job.id)), "{told}");
    }

    async fn a_test_is_a_report_and_leaves_its_result_as_health(pair: Pair) {
        let house = house(&pair).await;
        pair.source.sql(&format!("CREATE TABLE {} (id INT PRIMARY KEY)", pair.source_table("t")));
        let connections = &house.services.connections;
        let made = connections.create(connection(&pair, "shop")).await.unwrap();
        assert_eq!(made.health.state, HealthState::Unknown);
        assert!(connections.test(made.id).await.unwrap().ok);
        let tested = connections.get("shop").await.unwrap();
        assert_eq!((tested.health.state, tested.version), (HealthState::Ok, made.version));
        assert!(tested.health.server.unwrap().contains('.'));
        assert_eq!(connections.tables(made.id).await.unwrap()[0].name, "t");

        let mut wrong = connection(&pair, "shop");
        wrong.password = Some(Secret::parse("canary-wrong"));
        let report = connections.test_spec(&wrong, Some(made.id)).await.unwrap();
        assert!(!report.ok && report.error.unwrap().contains("1045"));
        wrong.password = Some(Secret::Env("DB_TAXI_NO_SUCH_VARIABLE".to_owned()));
        let report = connections.test_spec(&wrong, None).await.unwrap();
        assert!(report.error.unwrap().contains("DB_TAXI_NO_SUCH_VARIABLE"));

        let changed = connections.update(made.id, wrong, None).await.unwrap();
        assert!(!connections.test(changed.id).await.unwrap().ok);
        assert_eq!(connections.get("shop").await.unwrap().health.state, HealthState::Failed);
        assert_eq!(code(connections.tables(changed.id).await), "source_unavailable");
    }

    async fn a_source_that_is_its_own_target_is_refused(pair: Pair) {
        let house = house(&pair).await;
        pair.local.sql(&format!("CREATE TABLE {} (id INT PRIMARY KEY)", pair.target_table("t")));
        let mut spec = connection(&pair, "self");
        spec.port = pair.local.port;
        spec.database = pair.target_db();
        spec.local_db_name = None;
        let made = house.services.connections.create(spec).await.unwrap();
        let report = house.services.connections.test(made.id).await.unwrap();
        assert!(!report.ok && report.error.unwrap().contains("the same database"));
        let config = house.services.configs.create(config("self", "self", &["t"])).await.unwrap();
        let refused = house.services.configs.plan(config.id, &[], false).await.unwrap_err();
        assert_eq!(refused.code(), "validation_failed");
        assert!(refused.to_string().contains("the same database"), "{refused}");
    }

    async fn an_import_is_all_or_nothing_shows_a_diff_and_is_idempotent(pair: Pair) {
        let house = house(&pair).await;
        let mappings = &house.services.mappings;
        let text = mapping(&pair, "[t, u]", "");
        let dry = mappings.import(&text, Format::Yaml, true).await.unwrap();
        assert_eq!(dry.created, ["connection shop", "config all"]);
        assert!(dry.diff.contains("+- name: all") && !dry.diff.contains("canary"), "{}", dry.diff);
        assert_eq!(house.services.connections.list().await.unwrap(), []);
        assert_eq!(mappings.import(&text, Format::Yaml, false).await.unwrap(), dry);

        let again = mappings.import(&text, Format::Yaml, false).await.unwrap();
        assert_eq!(again.unchanged, ["connection shop", "config all"]);
        assert_eq!((again.diff.as_str(), again.updated.len()), ("", 0));

        let changed = text.replace("canary-password", "canary-other").replace("[t, u]", "[t, v]");
        let outcome = mappings.import(&changed, Format::Yaml, false).await.unwrap();
        assert_eq!(outcome.updated, ["connection shop", "config all"]);
        assert!(outcome.diff.contains("-  - u\n+  - v"), "{}", outcome.diff);
        assert!(outcome.diff.contains("*** (changed)") && !outcome.diff.contains("canary"), "{}", outcome.diff);

        let broken = mapping(&pair, "[t, z]", "  - {name: more, connection: shop, tables: [t]}\n");
        match mappings.import(&broken, Format::Yaml, false).await {
            Err(Refusal::Invalid(found)) => assert_eq!(found[0].line, Some(14), "{found:?}"),
            other => panic!("{other:?}"),
        }
        let stored = house.services.configs.get("all").await.unwrap();
        assert_eq!(stored.spec.tables[1], TableRule::of_table("v"));
    }

    async fn an_import_is_held_against_what_is_stored(pair: Pair) {
        let house = house(&pair).await;
        let mappings = &house.services.mappings;
        mappings.import(&mapping(&pair, "[t, u]", ""), Format::Yaml, false).await.unwrap();
        let text = "version: 1\nconfigs:\n  - name: more\n    connection: shop\n    tables:\n      - v\n      - t\n";
        match mappings.import(text, Format::Yaml, false).await {
            Err(Refusal::Invalid(found)) => {
                assert_eq!((found[0].path.as_str(), found[0].line), ("configs[0].tables[1]", Some(7)), "{found:?}");
                assert!(found[0].message.contains("all"), "{found:?}");
            }
            other => panic!("{other:?}"),
        }
        // A table may change hands within one import.
        let swap = "version: 1\nconfigs:\n  - {name: more, connection: shop, tables: [t]}\n  \
                    - {name: all, connection: shop, tables: [u]}\n";
        let outcome = mappings.import(swap, Format::Yaml, false).await.unwrap();
        assert_eq!((outcome.created.as_slice(), outcome.updated.as_slice()),
            (&["config more".to_owned()][..], &["config all".to_owned()][..]));
    }

    async fn an_export_reads_back_and_hides_passwords(pair: Pair) {
        let house = house(&pair).await;
        let mappings = &house.services.mappings;
        let extra = "    options: {batch_size: 10}\n  - {name: b, connection: shop, tables: [x]}\n";
        mappings.import(&mapping(&pair, "[t, {match: 'log_*'}]", extra), Format::Yaml, false).await.unwrap();
        for format in [Format::Yaml, Format::Json] {
            let hidden = mappings.export(&[], false, format).await.unwrap();
            assert!(!hidden.contains("canary") && !hidden.contains("password"), "{hidden}");
            let unchanged = mappings.import(&hidden, format, false).await.unwrap();
            assert_eq!(unchanged.unchanged.len(), 3, "{unchanged:?}");
            assert_eq!(mappings.export(&[], false, format).await.unwrap(), hidden);
            let open = mappings.export(&[], true, format).await.unwrap();
            assert!(open.contains("canary-password"), "{open}");
            assert_eq!(mappings.import(&open, format, false).await.unwrap().unchanged.len(), 3);
        }
        let one = mappings.export(&["b".to_owned()], false, Format::Yaml).await.unwrap();
        assert!(one.contains("name: shop") && !one.contains("name: all"), "{one}");
        assert_eq!(code(mappings.export(&["nobody".to_owned()], false, Format::Yaml).await), "not_found");
    }

    async fn a_thousand_configs_are_imported_in_seconds(pair: Pair) {
        use std::fmt::Write;
        let house = house(&pair).await;
        let mappings = &house.services.mappings;
        let mut text = mapping(&pair, "[t0]", "");
        for n in 1..1000 {
            writeln!(text, "  - {{name: c{n}, connection: shop, tables: [t{n}, {{source_table: u{n}, where: 'id > {n}'}}, {{match: 'x{n}_*'}}]}}").unwrap();
        }
        let begun = Instant::now();
        let made = mappings.import(&text, Format::Yaml, false).await.unwrap();
        let first = begun.elapsed();
        assert_eq!(made.created.len(), 1001);
        let begun = Instant::now();
        let again = mappings.import(&text, Format::Yaml, false).await.unwrap();
        assert_eq!((again.unchanged.len(), again.diff.as_str()), (1001, ""));
        let second = begun.elapsed();
        let changed = text.replace("id > 500'", "id > 501'");
        let outcome = mappings.import(&changed, Format::Yaml, false).await.unwrap();
        assert_eq!(outcome.updated, ["config c500"]);
        let exported = mappings.export(&[], false, Format::Yaml).await.unwrap();
        assert_eq!(mappings.import(&exported, Format::Yaml, false).await.unwrap().unchanged.len(), 1001);
        assert_eq!(mappings.export(&[], false, Format::Yaml).await.unwrap(), exported);
        // A taken table is found among all of them, and at its line.
        writeln!(text, "  - {{name: late, connection: shop, tables: [u700]}}").unwrap();
        match mappings.import(&text, Format::Yaml, false).await {
            Err(Refusal::Invalid(found)) => assert!(found[0].message.contains("c700") && found[0].line == Some(1013), "{found:?}"),
            other => panic!("{other:?}"),
        }
        assert!(first + second < Duration::from_secs(30), "{first:?}, {second:?}");
    }

    async fn a_check_names_rights_keys_and_masks(pair: Pair) {
        let house = house(&pair).await;
        pair.source.sql(&format!(
            "CREATE TABLE {t} (id INT, v INT NULL, n VARCHAR(9), PRIMARY KEY (id)); INSERT INTO {t} VALUES (1, 1, ''), (2, 1, ''), (3, NULL, ''); \
             CREATE TABLE {u} (id INT PRIMARY KEY, n VARCHAR(50)); CREATE TABLE {w} (id INT PRIMARY KEY, n INT)",
            t = pair.source_table("t"), u = pair.source_table("u"), w = pair.source_table("w")
        ));
        pair.local.sql(&format!(
            "CREATE TABLE {} (id INT PRIMARY KEY, n VARCHAR(20)); CREATE TABLE {} (id BIGINT, n INT, PRIMARY KEY (id, n))",
            pair.target_table("u"), pair.target_table("w")
        ));
        let account = format!("chk{}", pair.source_db().len() + std::process::id() as usize % 100_000);
        pair.source.sql(&format!(
            "DROP USER IF EXISTS {account}@'127.0.0.1'; CREATE USER {account}@'127.0.0.1' IDENTIFIED BY ''; \
             GRANT SELECT ON {t} TO {account}@'127.0.0.1'; GRANT SELECT ON {u} TO {account}@'127.0.0.1'; GRANT INSERT ON {w} TO {account}@'127.0.0.1'",
            t = pair.source_table("t"), u = pair.source_table("u"), w = pair.source_table("w")
        ));
        let text = mapping(&pair, "", "      - {source_table: t, key: [v], mask: {n: {method: partial}, id: {method: constant, value: x}}}\n      - {source_table: u, mask: {n: {method: hash}}}\n      - w\n")
            .replace("canary-password", "''")
            .replace("username: root", &format!("username: {account}"));
        let found = house.services.mappings.check(Some((&text, Format::Yaml))).await.unwrap();
        let shown: Vec<String> = found
            .iter()
            .map(|f| format!("{} {}: {} ({})", f.line.unwrap_or(0), f.path, f.message, f.remedy.as_deref().unwrap_or("")))
            .collect();
        let all = shown.join("\n");
        pair.source.sql(&format!("DROP USER {account}@'127.0.0.1'"));
        for part in [
            "14 configs[0].tables[0].key: the key (v) is not unique in",
            "14 configs[0].tables[0].key: the key (v) holds NULLs in",
            "14 configs[0].tables[0].mask.id: the constant is no value of the target's int",
            "n is varchar(20), its source is varchar(50): the target's varchar(20) does not hold a hash of 32 digits",
            "GRANT SELECT ON",
        ] {
            assert!(all.contains(part), "{part}\n{all}");
        }
        assert!(found.iter().all(|f| f.line.is_some() && f.remedy.is_some()), "{all}");
        let open = text.replace(&account, "root");
        let found = house.services.mappings.check(Some((&open, Format::Yaml))).await.unwrap();
        assert!(found.iter().any(|f| f.message.contains("the primary key of") && f.message.contains("(id, n)")), "{found:?}");
    }

    async fn a_check_holds_the_document_against_the_servers(pair: Pair) {
        let house = house(&pair).await;
        let mappings = &house.services.mappings;
        pair.source.sql(&format!(
            "CREATE TABLE {} (id INT PRIMARY KEY, note VARCHAR(50), price INT); \
             CREATE TABLE {} (id INT PRIMARY KEY);",
            pair.source_table("orders"), pair.source_table("users")
        ));
        pair.local.sql(&format!(
            "CREATE TABLE {} (id INT PRIMARY KEY, note VARCHAR(20), extra INT)", pair.target_table("orders")
        ));
        let text = mapping(&pair, "", "      - {source_table: orders, exclude_columns: [notes], where: 'nope > 1'}\n      \
            - user\n      - {match: 'log_*'}\n      - users\n").replace("canary-password", "''");
        let found = mappings.check(Some((&text, Format::Yaml))).await.unwrap();
        let shown: Vec<String> = found
            .iter()
            .map(|f| format!("{} {}: {}", f.line.unwrap_or(0), f.path, f.message))
            .collect();
        let target = format!("{}.orders", pair.target_db());
        for (at, start) in [
            "14 configs[0].tables[0].exclude_columns: orders has no column notes".to_owned(),
            "14 configs[0].tables[0].where: orders: ".to_owned(),
            format!("14 configs[0].tables[0]: drift: {target}.note is varchar(20), its source is varchar(50)"),
            format!("14 configs[0].tables[0]: drift: {target} lacks the column price"),
            format!("14 configs[0].tables[0]: drift: {target} has the column extra"),
            format!("15 configs[0].tables[1].source_table: {} has no base table user", pair.source_db()),
            "16 configs[0].tables[2].match: no base table".to_owned(),
        ].iter().enumerate() {
            assert!(shown.get(at).is_some_and(|line| line.starts_with(start)), "{start}\n{}", shown.join("\n"));
        }
        assert_eq!(found[5].remedy.as_deref(), Some("did you mean users?"));
        assert_eq!(shown.len(), 7, "{}", shown.join("\n"));
        // What is stored is checked alike, without lines.
        mappings.import(&mapping(&pair, "[users]", "").replace("canary-password", "''"), Format::Yaml, false).await.unwrap();
        assert_eq!(mappings.check(None).await.unwrap(), []);
        let wrong = mapping(&pair, "[users]", "");
        let found = mappings.check(Some((&wrong, Format::Yaml))).await.unwrap();
        assert_eq!((found.len(), found[0].path.as_str()), (1, "connections[0]"), "{found:?}");
        assert!(found[0].message.contains("1045") && !found[0].message.contains("canary"));
    }

    async fn the_status_names_what_is_wrong_and_what_to_do(pair: Pair) {
        let house = house(&pair).await;
        let monitoring = &house.services.monitoring;
        let status = monitoring.status().await.unwrap();
        let names: Vec<&str> = status.sync.checks.iter().map(|c| c.name.as_str()).collect();
        assert_eq!(names, ["sync_enabled", "database", "migrations", "tables", "engine", "leases", "key_file", "disk", "settings",
            "connections", "configs", "schedules", "labels", "shadows", "quarantine", "helper_tables", "clock", "notifications"]);
        assert!(status.database.connected && status.database.server.is_some());
        assert_eq!((status.status.as_str(), status.sync.status.as_str()), ("ok", "ok"), "{:?}", status.sync.checks);
        house.services.connections.create(connection(&pair, "shop")).await.unwrap();
        house.services.configs.create(config("all", "shop", &["t"])).await.unwrap();
        house.services.jobs.start("all", JobRequest::default()).await.unwrap();
        pair.local.sql(&format!("DROP TABLE `{}`.sync_ranges", pair.control_db()));
        let key = house.key.path().join("secret.key");
        std::fs::write(&key, "x").unwrap();
        std::fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
        let status = monitoring.sync_status().await.unwrap();
        let wrong: Vec<&str> = status.checks.iter().filter(|c| !c.ok).map(|c| c.name.as_str()).collect();
        assert_eq!(wrong, ["tables", "engine", "key_file"], "{:?}", status.checks);
        assert!(status.checks.iter().all(|c| c.ok || c.remedy.is_some()));
        assert_eq!(status.status, "degraded");
        assert_eq!((status.stats.total_connections, status.stats.pending_jobs), (1, 1));
        house.store.close().await;
        let status = monitoring.status().await.unwrap();
        assert!(!status.database.connected && status.status == "degraded");
    }
}
