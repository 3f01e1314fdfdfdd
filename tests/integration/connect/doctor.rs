//! Status as a doctor, and what a table's history tells.

use std::net::TcpListener;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;

use crate::both_flavours;
use crate::crash::world::{LIMIT, fill_few, install, run_until_frozen};
use crate::support::{DbTaxi, Pair, wait_until};

fn check(taxi: &DbTaxi, code: i32, name: &str) -> Value {
    let status = taxi.run(&["status", "--json"]).expect_code(code).json();
    let checks = status["sync"]["checks"].as_array().unwrap().clone();
    for check in &checks {
        assert!(
            check["ok"] == true || check["remedy"].is_string(),
            "no remedy: {check}"
        );
    }
    let found = checks.into_iter().find(|check| check["name"] == name);
    found.unwrap_or_else(|| panic!("no check {name}"))
}

fn says(check: &Value, ok: bool, message: &str, remedy: &str) {
    assert_eq!(check["ok"], ok, "{check}");
    assert!(
        check["message"].as_str().unwrap().contains(message),
        "{check}"
    );
    assert!(
        check["remedy"].as_str().unwrap().contains(remedy),
        "{check}"
    );
}

both_flavours! {
    async fn status_finds_what_is_wrong_and_says_what_to_do(pair: Pair) {
        pair.source.sql(&format!("CREATE TABLE {} (id INT PRIMARY KEY)", pair.source_table("t")));
        let taxi = DbTaxi::new(&pair);
        taxi.import_tables(&pair, "[{source_table: t}]", "{}");
        taxi.run(&["run", "everything"]).expect_code(0);
        taxi.run(&["status"]).expect_code(0);

        pair.source.sql(&format!("DROP TABLE {}", pair.source_table("t")));
        taxi.run(&["run", "everything"]).expect_code(1);
        let configs = check(&taxi, 1, "configs");
        says(&configs, false, "everything", "db-taxi jobs show last:everything");
        taxi.run(&["jobs", "show", "last:everything"]).expect_code(0);
        pair.source.sql(&format!("CREATE TABLE {} (id INT PRIMARY KEY)", pair.source_table("t")));
        taxi.run(&["run", "everything"]).expect_code(0);
        assert_eq!(check(&taxi, 0, "configs")["ok"], true);

        let number = pair.local.sql(&format!(
            "SELECT MAX(number) FROM {}.target_databases", pair.control_db()
        ));
        let stage = format!("_dbtaxi_stage_{}", number.trim());
        pair.local.sql(&format!(
            "CREATE DATABASE IF NOT EXISTS {stage}; CREATE TABLE {stage}.stranger (id INT)"
        ));
        says(&check(&taxi, 1, "helper_tables"), false, &format!("{stage}.stranger"), "drop");
        pair.local.sql(&format!("DROP DATABASE {stage}"));

        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port().to_string();
        drop(free);
        taxi.run(&["connections", "edit", "source", "--port", &port]).expect_code(0);
        taxi.run(&["connections", "test", "source"]).expect_code(3);
        says(&check(&taxi, 1, "connections"), false, "refused", "db-taxi connections test source");
    }

    async fn a_schedule_that_nobody_starts_is_told(pair: Pair) {
        pair.source.sql(&format!("CREATE TABLE {} (id INT PRIMARY KEY)", pair.source_table("t")));
        let taxi = DbTaxi::new(&pair);
        taxi.import_tables(&pair, "[t]", "{}\n  schedule: '@daily'");
        says(&check(&taxi, 1, "schedules"), false, "everything", "db-taxi --headless");
        let service = taxi.start(&["--headless", "--set", "server.port=0"]);
        wait_until(LIMIT, "the service", || {
            let status = taxi.run(&["status", "--json"]).json();
            let checks = status["sync"]["checks"].as_array().unwrap();
            checks.iter().any(|check| check["name"] == "schedules" && check["ok"] == true)
        });
        service.signal(Signal::TERM);
        service.wait(LIMIT);
        says(&check(&taxi, 1, "schedules"), false, "no live service", "from cron");
        taxi.run(&["configs", "disable", "everything"]).expect_code(0);
        assert_eq!(check(&taxi, 0, "schedules")["ok"], true);
    }

    async fn deleted_rows_whose_time_ends_are_told_with_how_to_get_them_back(pair: Pair) {
        let t = pair.source_table("t");
        pair.source.sql(&format!("CREATE TABLE {t} (id INT PRIMARY KEY); INSERT INTO {t} VALUES (1), (2), (3)"));
        let taxi = DbTaxi::new(&pair);
        taxi.import_tables(&pair, "[t]", "{quarantine: 3d}");
        taxi.run(&["run", "everything"]).expect_code(0);
        pair.source.sql(&format!("DELETE FROM {t} WHERE id < 3"));
        taxi.run(&["run", "everything"]).expect_code(0);
        assert!(check(&taxi, 0, "quarantine")["remedy"].is_null(), "three days are long");
        let deleted = format!("{}.sync_deleted", pair.control_db());
        pair.local.sql(&format!("UPDATE {deleted} SET expires_at = UTC_TIMESTAMP(3) + INTERVAL 2 HOUR"));
        let job = pair.local.sql(&format!("SELECT job_id FROM {deleted}"));
        says(&check(&taxi, 0, "quarantine"), true, "2 rows of t", &format!("jobs undo {job}"));
        pair.local.sql(&format!("UPDATE {deleted} SET expires_at = UTC_TIMESTAMP(3) - INTERVAL 2 HOUR"));
        says(&check(&taxi, 0, "quarantine"), true, "time is over", "db-taxi run everything");
        taxi.run(&["run", "everything"]).expect_code(0);
        assert!(check(&taxi, 0, "quarantine")["remedy"].is_null(), "the remedy does it");
        assert_eq!(pair.helper_databases(), [""; 0]);
    }

    async fn a_load_that_nobody_finishes_is_remembered(pair: Pair) {
        fill_few(&pair);
        let taxi = install(&pair);
        let frozen = run_until_frozen(&taxi, "copy.written");
        frozen.signal(Signal::INT);
        frozen.thaw();
        frozen.wait(LIMIT).expect_code(130);
        assert!(check(&taxi, 0, "shadows")["remedy"].is_null(), "it was worked on just now");
        pair.local.sql(&format!(
            "UPDATE {}.sync_checkpoints SET updated_at = updated_at - INTERVAL 2 DAY", pair.control_db()
        ));
        says(&check(&taxi, 0, "shadows"), true, "of everything", "db-taxi run everything");
        taxi.run(&["run", "everything"]).expect_code(0);
        assert!(check(&taxi, 0, "shadows")["remedy"].is_null());
    }

    async fn a_job_tells_where_its_time_went_and_a_plan_goes_by_it(pair: Pair) {
        fill_few(&pair);
        let taxi = install(&pair);
        taxi.run(&["run", "everything"]).expect_code(0);
        let job = taxi.run(&["jobs", "show", "last:everything", "--json"]).expect_code(0).json();
        let sides = ["source", "target", "client", "lock", "throttle", "ddl"];
        for table in job["tables"].as_array().unwrap() {
            let timing = |side: &str| table["timing"][side].as_f64().unwrap();
            assert!(timing("source") > 0.0 && timing("target") > 0.0 && timing("ddl") > 0.0, "{table}");
            let limited = &table["progress"]["bottleneck"];
            assert!(limited.is_null() || sides.contains(&limited.as_str().unwrap()), "{table}");
            let most = sides.iter().map(|side| timing(side)).fold(0.0, f64::max);
            if let Some(side) = limited.as_str() {
                assert!((timing(side) - most).abs() < 1e-9, "{table}");
            }
        }
        let shown = taxi.run(&["jobs", "show", "last:everything"]).expect_code(0).stdout;
        assert!(shown.contains("WORKER TIME") && shown.contains("LIMITED BY"), "{shown}");

        // As if the last run of one table had taken a quarter of an hour.
        let runs = format!("{}.sync_table_runs", pair.control_db());
        pair.local.sql(&format!(
            "UPDATE {runs} SET summary = JSON_SET(summary, '$.started_at', '2024-01-01T00:00:00Z', \
             '$.finished_at', '2024-01-01T00:15:00Z', '$.timing.source', 2000) \
             WHERE target_table = 'items'"
        ));
        let plan = taxi.run(&["plan", "everything", "--json"]).expect_code(0).json();
        let plan = if plan.is_array() { plan[0].clone() } else { plan };
        let tables = plan["tables"].as_array().unwrap_or_else(|| panic!("{plan}"));
        for table in tables {
            let eta = table["eta_seconds"].as_f64().unwrap();
            let slow = table["target_table"] == "items";
            // The estimate of rows is the server's, and may be some way off.
            assert_eq!(eta > 300.0, slow, "{table}");
            assert!(eta < 2700.0, "{table}");
        }
        let limit = Duration::from_secs(60);
        taxi.start(&["run", "everything"]).wait(limit).expect_code(0);
    }
}
