//! Throttles: the reason is measured on a real server, work pauses, the reason is shown, work goes
//! on, and the copy is whole.

use std::time::{Duration, Instant};

use super::import_with;
use crate::both_flavours;
use crate::crash::world::{LIMIT, last_job, numbers};
use crate::support::{DbTaxi, Flavour, Pair, PrivateServer, wait_until};

/// A table of `rows` rows of about 1,000 bytes.
fn fill(pair: &Pair, rows: u32) {
    pair.source.sql(&format!(
        "USE {}; CREATE TABLE wide (id INT PRIMARY KEY, pad VARCHAR(1000) CHARACTER SET latin1); \
         INSERT INTO wide SELECT n, REPEAT('x', 980) FROM {}; ANALYZE TABLE wide",
        pair.source_db(),
        numbers(rows)
    ));
}

/// Seconds of worker time that the newest run of the table waited for throttles.
fn throttled_seconds(pair: &Pair) -> f64 {
    let seconds = pair.local.sql(&format!(
        "SELECT JSON_EXTRACT(summary, '$.timing.throttle') FROM {}.sync_table_runs ORDER BY id DESC LIMIT 1",
        pair.control_db()
    ));
    seconds
        .trim()
        .parse()
        .unwrap_or_else(|_| panic!("{seconds:?}"))
}

fn job_log(pair: &Pair) -> String {
    pair.local.sql(&format!(
        "SELECT message FROM {}.sync_logs ORDER BY id",
        pair.control_db()
    ))
}

both_flavours! {
    /// The owner's query is asked each second; its value is the reason that is shown.
    async fn a_query_holds_the_job_until_it_says_go(pair: Pair) {
        fill(&pair, 3_000);
        let gate = pair.source_table("gate");
        pair.source.sql(&format!("CREATE TABLE {gate} (why VARCHAR(20)); INSERT INTO {gate} VALUES ('month end')"));
        let taxi = DbTaxi::new(&pair);
        import_with(&pair, &taxi, &format!("throttle: {{query: 'SELECT why FROM {gate}'}}"), "[wide]", "{}");
        let mut running = taxi.start(&["run", "everything"]);
        wait_until(LIMIT, "the pause", || {
            assert!(running.is_alive(), "{}", running.stderr());
            running.stderr().contains("month end")
        });
        let shown = || pair.local.sql(&format!(
            "SELECT JSON_EXTRACT(summary, '$.progress.throttled') FROM {}.sync_jobs", pair.control_db()
        ));
        wait_until(LIMIT, "the reason in the job", || shown().contains("month end"));
        pair.source.sql(&format!("UPDATE {gate} SET why = '0'"));
        running.wait(LIMIT).expect_code(0);
        pair.judge("wide", "wide").equal();
        assert!(throttled_seconds(&pair) > 0.5);
        let log = job_log(&pair);
        assert!(log.contains("work waits for the source") && log.contains("room again"), "{log}");
    }

    /// Where `max_connections` leaves no session for a watcher that stays, limits are held all the same.
    async fn limits_are_held_with_two_connections(pair: Pair) {
        fill(&pair, 3_000);
        let gate = pair.source_table("gate");
        pair.source.sql(&format!("CREATE TABLE {gate} (why VARCHAR(20)); INSERT INTO {gate} VALUES ('two seats')"));
        let taxi = DbTaxi::new(&pair);
        import_with(&pair, &taxi,
            &format!("max_connections: 2, throttle: {{query: 'SELECT why FROM {gate}'}}"), "[wide]", "{}");
        let mut running = taxi.start(&["run", "everything"]);
        wait_until(LIMIT, "the pause", || {
            assert!(running.is_alive(), "{}", running.stderr());
            running.stderr().contains("two seats")
        });
        pair.source.sql(&format!("UPDATE {gate} SET why = '0'"));
        running.wait(LIMIT).expect_code(0);
        pair.judge("wide", "wide").equal();
    }

    /// Limits are replaced while the job waits for them.
    async fn limits_are_changed_while_the_job_runs(pair: Pair) {
        fill(&pair, 3_000);
        let taxi = DbTaxi::new(&pair);
        import_with(&pair, &taxi, "throttle: {query: 'SELECT 7'}", "[wide]", "{}");
        let mut running = taxi.start(&["run", "everything"]);
        wait_until(LIMIT, "the pause", || {
            assert!(running.is_alive(), "{}", running.stderr());
            running.stderr().contains("work waits for the source")
        });
        let other = taxi.sibling();
        let set = |throttle: &str| other.run(&["jobs", "set", "last:everything", "--throttle", throttle]);
        let refused = set("{max_lags: 2s}").expect_code(2);
        assert!(refused.stderr.contains("max_lags"), "{}", refused.stderr);
        set("{max_mib_per_second: 50, max_threads_running: 500}").expect_code(0);
        running.wait(LIMIT).expect_code(0);
        pair.judge("wide", "wide").equal();
        assert!(job_log(&pair).contains("limits changed: throttle"), "{}", job_log(&pair));
    }

    /// Statements of others are counted against `max_threads_running`.
    async fn a_busy_server_is_left_alone(pair: Pair) {
        fill(&pair, 3_000);
        let taxi = DbTaxi::new(&pair);
        import_with(&pair, &taxi, "throttle: {max_threads_running: 25}", "[wide]", "{}");
        let mut others = Vec::new();
        for _ in 0..30 {
            let mut session = pair.source.session().await;
            let id = session.id();
            others.push(id);
            tokio::spawn(async move { session.rows("SELECT SLEEP(300)").await.is_ok() });
        }
        let mut running = taxi.start(&["run", "everything"]);
        wait_until(LIMIT, "the pause", || {
            assert!(running.is_alive(), "{}", running.stderr());
            running.stderr().contains("max_threads_running is 25")
        });
        for id in others {
            let _ended = pair.source.try_sql(&format!("KILL {id}"));
        }
        running.wait(LIMIT).expect_code(0);
        pair.judge("wide", "wide").equal();
    }

    /// All workers together keep the rate, whichever server sets it.
    async fn rates_are_kept(pair: Pair) {
        fill(&pair, 4_500);
        let taxi = DbTaxi::new(&pair);
        import_with(&pair, &taxi, "throttle: {max_mib_per_second: 2}", "[wide]", "{max_concurrency: 4}");
        let began = Instant::now();
        taxi.run(&["run", "everything"]).expect_code(0);
        // Copied and compared, 4.3 MiB each; what is moved first waits for nothing.
        assert!(began.elapsed() > Duration::from_secs(2), "{:?}", began.elapsed());
        assert!(throttled_seconds(&pair) > 1.0);
        pair.judge("wide", "wide").equal();

        pair.source.sql(&format!("UPDATE {} SET pad = 'y'", pair.source_table("wide")));
        let settings = std::fs::read_to_string(taxi.path("config.yaml")).unwrap();
        taxi.write("config.yaml", &format!("{settings}  throttle: {{max_rows_per_second: 3000}}\n"));
        import_with(&pair, &taxi, "throttle: none", "[wide]", "{full_strategy: swap, max_concurrency: 4}");
        let began = Instant::now();
        taxi.run(&["run", "everything"]).expect_code(0);
        assert!(began.elapsed() > Duration::from_secs(2), "{:?}", began.elapsed());
        pair.judge("wide", "wide").equal();
        let log = job_log(&pair);
        assert!(log.contains("max_rows_per_second of the local server is 3000"), "{log}");
    }

    /// A lag that can't be read: `standard` warns, limits that were asked for stop the job before it
    /// begins, each with the GRANT.
    async fn a_lag_that_can_not_be_read_is_told(pair: Pair) {
        fill(&pair, 500);
        let user = format!("plain{}", pair.control_db());
        pair.source.sql(&format!(
            "CREATE USER '{user}'@'%' IDENTIFIED BY 'pw'; GRANT SELECT ON {}.* TO '{user}'@'%'", pair.source_db()
        ));
        let taxi = DbTaxi::new(&pair);
        let login = format!("username: {user}, password: pw");
        let import = |throttle: &str| {
            taxi.import(&format!(
                "version: 1\nconnections:\n- {{name: source, host: 127.0.0.1, port: {}, {login}, database: {}, \
                 local_db_name: {}, throttle: {throttle}}}\nconfigs:\n- {{name: everything, connection: source, tables: '*'}}\n",
                pair.source.port, pair.source_db(), pair.target_db()
            ))
        };
        import("{max_lag: 5s}");
        let refused = taxi.run(&["run", "everything"]).expect_code(1);
        assert!(refused.stderr.contains("lag") && refused.stderr.contains("GRANT RE"), "{}", refused.stderr);
        assert_eq!(last_job(&pair, "state"), "failed");
        import("standard");
        let warned = taxi.run(&["run", "everything"]).expect_code(0);
        assert!(warned.stderr.contains("lag") && warned.stderr.contains("GRANT RE"), "{}", warned.stderr);
        pair.judge("wide", "wide").equal();
        import("none");
        let silent = taxi.run(&["run", "everything"]).expect_code(0);
        assert!(!silent.stderr.contains("lag"), "{}", silent.stderr);
        pair.source.sql(&format!("DROP USER '{user}'@'%'"));
    }

    /// A query that the server refuses, and a replica that is none, stop the job before it begins.
    async fn limits_that_can_not_be_measured_are_refused(pair: Pair) {
        fill(&pair, 100);
        let taxi = DbTaxi::new(&pair);
        for (throttle, said) in [
            ("{query: SELECT nothing FROM nowhere.at_all}".to_owned(), "query fails"),
            ("{query: 'SELECT 0; SELECT 1'}".to_owned(), "query fails"),
            (format!("{{max_lag: 5s, replicas: ['127.0.0.1:{}']}}", pair.local.port), "replication does not run"),
        ] {
            import_with(&pair, &taxi, &format!("throttle: {throttle}"), "'*'", "{}");
            let refused = taxi.run(&["run", "everything"]).expect_code(1);
            assert!(refused.stderr.contains(said), "{throttle}: {}", refused.stderr);
        }
        import_with(&pair, &taxi, "throttle: {query: SELECT NULL}", "'*'", "{}");
        taxi.run(&["run", "everything"]).expect_code(0);
        pair.judge("wide", "wide").equal();
    }
}

/// A replica that is behind, as a source: its own lag counts. Our own sessions are not counted as
/// running threads.
fn replica(flavour: Flavour) {
    let Some(replica) = PrivateServer::start(flavour, &["--server-id=4711"]) else {
        return;
    };
    let shared = Pair::shared(flavour).unwrap();
    let port = shared.local.port;
    replica.server.sql(&match flavour {
        Flavour::Mariadb => format!(
            "CHANGE MASTER TO MASTER_HOST='127.0.0.1', MASTER_PORT={port}, MASTER_USER='root', \
             MASTER_USE_GTID=no; START SLAVE IO_THREAD"
        ),
        Flavour::Mysql => format!(
            "CHANGE REPLICATION SOURCE TO SOURCE_HOST='127.0.0.1', SOURCE_PORT={port}, SOURCE_USER='root', \
             GET_SOURCE_PUBLIC_KEY=1; START REPLICA IO_THREAD"
        ),
    });
    let pair = Pair::on(replica.server.clone(), shared.local.clone());
    fill(&pair, 2_000);
    let taxi = DbTaxi::new(&pair);
    import_with(&pair, &taxi, "throttle: {max_lag: 2s}", "[wide]", "{}");
    let refused = taxi.run(&["run", "everything"]).expect_code(1);
    assert!(
        refused.stderr.contains("replication does not run"),
        "{}",
        refused.stderr
    );
    // `standard` goes on with a warning, and four workers of ours are no load of others.
    import_with(
        &pair,
        &taxi,
        "throttle: {max_threads_running: 4}",
        "[wide]",
        "{max_concurrency: 8}",
    );
    let ended = taxi.run(&["run", "everything"]).expect_code(0);
    assert!(!ended.stderr.contains("work waits"), "{}", ended.stderr);
    pair.judge("wide", "wide").equal();
    replica.server.sql(match flavour {
        Flavour::Mariadb => "STOP SLAVE",
        Flavour::Mysql => "STOP REPLICA",
    });
}

mod a_replica_as_a_source_must_replicate {
    use super::*;
    #[test]
    fn mariadb() {
        replica(Flavour::Mariadb);
    }
    #[test]
    fn mysql() {
        replica(Flavour::Mysql);
    }
}
