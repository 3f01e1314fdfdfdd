//! Commands of the dashboard, on a job of another process: they go through the control database.

use std::sync::Arc;
use std::time::Duration;

use db_taxi::dashboard::app::differences::{DifferencePart, DifferenceQuery};
use db_taxi::dashboard::app::job_command::{JobAnswer, JobCommand, JobQuestion};
use db_taxi::dashboard::app::night::LookBack;
use db_taxi::dashboard::app::request::{Answer, Request};
use db_taxi::dashboard::runtime::SystemWorld;
use db_taxi::dashboard::runtime::backend::Backend;
use db_taxi::jobs::StopHow;
use db_taxi::model::ids::JobId;
use db_taxi::model::job::{JobChange, JobState};
use db_taxi::model::throttle::ThrottleSpec;
use db_taxi::settings::Settings;
use db_taxi::system::{Role, System};

use crate::both_flavours;
use crate::crash::world::LIMIT;
use crate::support::{DbTaxi, Pair, Running, wait_until};

/// A config whose source never has room.
fn gated(pair: &Pair) -> DbTaxi {
    pair.source.sql(&format!(
        "CREATE TABLE {0} (id INT PRIMARY KEY, note VARCHAR(40));
         INSERT INTO {0} VALUES (1, 'one'), (2, 'two'), (3, 'three'), (4, 'four')",
        pair.source_table("a")
    ));
    let taxi = DbTaxi::new(pair);
    describe(pair, &taxi, "{query: \"SELECT 'month end'\"}");
    taxi
}

fn describe(pair: &Pair, taxi: &DbTaxi, throttle: &str) {
    taxi.import(&format!(
        "version: 1\n\
         connections:\n\
         - name: source\n  host: 127.0.0.1\n  port: {}\n  username: root\n  database: {}\n  \
         local_db_name: {}\n  throttle: {throttle}\n\
         configs:\n\
         - name: everything\n  connection: source\n  tables: [a]\n",
        pair.source.port,
        pair.source_db(),
        pair.target_db()
    ));
}

/// A process that works on it, and waits.
fn start(taxi: &DbTaxi) -> Running {
    let mut running = taxi.start(&["run", "everything"]);
    wait_until(LIMIT, "the throttle", || {
        assert!(running.is_alive(), "{}", running.stderr());
        running.stderr().contains("month end")
    });
    running
}

/// The dashboard's world beside it, and the system that it is over.
async fn beside(pair: &Pair, taxi: &DbTaxi) -> (SystemWorld, Arc<System>) {
    let mut settings = Settings::default();
    settings.database.host = "127.0.0.1".to_owned();
    settings.database.port = pair.local.port;
    settings.database.database = pair.control_db();
    settings.security.key_file = taxi.path("secret.key");
    settings.sync.lease_ttl = Duration::from_secs(5);
    settings.logging.directory = None;
    settings.instance.name = "beside".to_owned();
    let system = System::start(Arc::new(settings), Role::OneShot)
        .await
        .unwrap();
    let system = Arc::new(system);
    let world = SystemWorld::over(Arc::clone(&system), None);
    (world.remembering(Some(taxi.path("visit"))), system)
}

fn newest(pair: &Pair) -> JobId {
    let id = pair.local.sql(&format!(
        "SELECT id FROM {}.sync_jobs ORDER BY created_at DESC, id DESC LIMIT 1",
        pair.control_db()
    ));
    id.trim().parse().unwrap()
}

fn state(pair: &Pair, id: JobId) -> String {
    let control = pair.control_db();
    let sql = format!("SELECT state FROM {control}.sync_jobs WHERE id = '{id}'");
    pair.local.sql(&sql).trim().to_owned()
}

fn unthrottled() -> JobCommand {
    JobCommand::Set(JobChange {
        throttle: Some(ThrottleSpec::None),
        max_concurrency: Some(2),
        ..JobChange::default()
    })
}

both_flavours! {
    async fn a_job_of_another_process_is_paused_resumed_limited_and_compared(pair: Pair) {
        let taxi = gated(&pair);
        let running = start(&taxi);
        let (world, system) = beside(&pair, &taxi).await;
        let id = newest(&pair);
        let job = world.command_job(id, &JobCommand::Pause).await.unwrap();
        assert!(matches!(job.state, JobState::Running | JobState::Paused));
        wait_until(LIMIT, "the pause", || state(&pair, id) == "paused");
        let refused = world.command_job(id, &JobCommand::Pause).await.unwrap_err();
        assert_eq!(refused.code(), "invalid_state", "it is paused already");

        let job = world.command_job(id, &JobCommand::Resume).await.unwrap();
        assert_eq!(job.state, JobState::Pending);
        world.command_job(id, &unthrottled()).await.unwrap();
        // The process that waited for it goes on.
        running.wait(LIMIT).expect_code(0);
        pair.judge("a", "a").equal();
        let JobAnswer::Limits(limits) = world.ask_job(id, JobQuestion::Limits).await.unwrap() else {
            panic!("no limits");
        };
        assert_eq!((limits.max_concurrency, limits.throttle), (Some(2), Some(ThrottleSpec::None)));
        let refused = world.command_job(id, &JobCommand::Retry).await.unwrap_err();
        assert_eq!(refused.code(), "invalid_state", "nothing is left to try again");

        pair.source.sql(&format!("DELETE FROM {} WHERE id IN (3, 4)", pair.source_table("a")));
        pair.local.sql(&format!("DELETE FROM {} WHERE id = 1", pair.target_table("a")));
        describe(&pair, &taxi, "none");
        let engine = system.engine().unwrap();
        let verify = world.command_job(id, &JobCommand::Verify).await.unwrap();
        let verify = engine.run_job(verify.id).await.unwrap();
        assert_eq!(verify.tables[0].verified.differences, 3);
        let page = async |part, table: &str| {
            let query = DifferenceQuery { job: verify.id, table: Some(table.to_owned()), part };
            world.differences(&query).await.unwrap()
        };
        let all = page(DifferencePart::First, "a").await;
        assert_eq!(all.len(), 3);
        assert_eq!(page(DifferencePart::After(all[0].0), "a").await, all[1..]);
        assert_eq!(page(DifferencePart::Before(all[2].0), "a").await, all[..2]);
        assert!(page(DifferencePart::First, "other").await.is_empty());

        // The statements, written down and run, make it equal.
        let path = taxi.path("repair.sql");
        let of = db_taxi::dashboard::app::differences::ScriptDraft {
            config: verify.config_id,
            name: verify.config.clone(),
            tables: vec!["a".to_owned()],
        };
        let request = || Request::RepairScript { of: Box::new(of.clone()), path: path.display().to_string() };
        let Answer::Script(script) = world.ask(request()).await.unwrap() else {
            panic!("no statements");
        };
        assert_eq!(script.tables, [("a".to_owned(), Ok(3))]);
        let refused = world.ask(request()).await.unwrap_err();
        assert_eq!(refused.code(), "file_exists", "nothing is overwritten");
        pair.local.sql(&std::fs::read_to_string(&path).unwrap());
        pair.judge("a", "a").equal();
        system.shutdown(StopHow::Release).await;
    }

    async fn what_ended_badly_is_found_until_it_is_made_good(pair: Pair) {
        let taxi = DbTaxi::new(&pair);
        pair.source.sql(&format!("CREATE TABLE {} (id INT PRIMARY KEY)", pair.source_table("a")));
        taxi.import_tables(&pair, "[a, b]", "{}");
        taxi.run(&["run", "everything"]).expect_code(1);
        let failed = newest(&pair);
        let (world, system) = beside(&pair, &taxi).await;
        let engine = system.engine().unwrap();
        let night = world.night(LookBack::Visit).await.unwrap();
        assert_eq!((night.visited, night.jobs.len()), (false, 1));
        assert_eq!((night.jobs[0].job.id, night.jobs[0].again), (failed, false));
        let bad: Vec<_> = night.jobs[0].failed().map(|run| run.target_table.as_str()).collect();
        assert_eq!(bad, ["b"]);

        // A run of the other table alone makes nothing good.
        taxi.run(&["run", "everything", "--table", "a"]).expect_code(0);
        assert_eq!(world.night(LookBack::Visit).await.unwrap().jobs.len(), 1);
        // What is tried again takes the place of what failed, also when it fails again.
        let retry = world.command_job(failed, &JobCommand::Retry).await.unwrap();
        assert!(world.night(LookBack::Visit).await.unwrap().jobs[0].again);
        let retry = engine.run_job(retry.id).await.unwrap();
        assert_eq!(retry.state, JobState::Failed);
        let night = world.night(LookBack::Visit).await.unwrap();
        assert_eq!(night.jobs.iter().map(|f| f.job.id).collect::<Vec<_>>(), [retry.id]);
        assert_eq!(night.jobs[0].left(), 1);

        // Whoever looked sees only what came later, and everything on asking.
        world.remember_visit(Duration::ZERO).await.unwrap();
        let night = world.night(LookBack::Visit).await.unwrap();
        assert!(night.visited && night.jobs.is_empty(), "{night:?}");
        assert_eq!(world.night(LookBack::Lately).await.unwrap().jobs.len(), 1);
        pair.source.sql(&format!("CREATE TABLE {} (id INT PRIMARY KEY)", pair.source_table("b")));
        let again = world.command_job(retry.id, &JobCommand::Retry).await.unwrap();
        assert_eq!(engine.run_job(again.id).await.unwrap().state, JobState::Completed);
        assert!(world.night(LookBack::Lately).await.unwrap().jobs.is_empty());

        // Where nothing can be written, a day is looked back.
        let nowhere = SystemWorld::over(Arc::clone(&system), None)
            .remembering(Some(taxi.path("config.yaml").join("visit")));
        assert!(nowhere.remember_visit(Duration::ZERO).await.is_err());
        assert!(!nowhere.night(LookBack::Visit).await.unwrap().visited);

        // Page by page every job is listed once.
        let listed = world.jobs().await.unwrap();
        let older = world.older_jobs(listed[0].id).await.unwrap();
        assert_eq!(older, listed[1..]);
        system.shutdown(StopHow::Release).await;
    }
}
