//! A control database that is away: the service runs, tells the truth, and comes back by itself.
//!
//! `scripts/outage.sh` runs the second claim for minutes; here it is shorter.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use super::LIMIT;
use crate::support::{Client, DbTaxi, Flavour, PrivatePair, wait_until};

fn reason(client: &Client) -> Value {
    client.get("/health/ready").json()["reason"].clone()
}

#[test]
fn a_control_database_that_comes_late_is_waited_for() {
    let Some(private) = PrivatePair::start(Flavour::Mariadb) else {
        return;
    };
    let pair = &private.pair;
    pair.source.sql(&format!(
        "USE `{}`; CREATE TABLE users (id INT PRIMARY KEY); INSERT INTO users VALUES (1), (2)",
        pair.source_db()
    ));
    let taxi = DbTaxi::new(pair);
    taxi.import_tables(pair, "[users]", "{}");
    private.local.stop();

    let service = taxi.start(&["--headless", "--listen", "127.0.0.1:0"]);
    let client = Client::of(&service);
    assert_eq!(
        client.get("/health").expect(200).json(),
        json!({"status": "degraded"})
    );
    client.get("/health/ready").expect(503);
    assert_eq!(reason(&client), "database_unavailable");
    let metrics = client.get("/metrics").expect(200).body;
    assert!(
        metrics.contains("dbtaxi_control_database_up 0"),
        "{metrics}"
    );
    let status = client.get("/api/status").expect(503).json();
    assert_eq!(status["database"]["connected"], false);
    let why = status["database"]["error"].as_str().unwrap();
    assert!(why.contains(&pair.local.port.to_string()), "{why}");
    assert!(!status["database"]["retry_at"].is_null(), "{status}");
    // Whether there is a token is not known yet, so nothing else is open.
    let told = client.get("/api/sync/connections").expect(503);
    assert_eq!(told.code(), "database_unavailable");
    assert!(told.header("retry-after").is_some());

    private.local.restart();
    wait_until(LIMIT, "the service to come up by itself", || {
        client.get("/health/ready").status == 200
    });
    assert_eq!(
        client.get("/api/status").expect(200).json()["database"]["error"],
        Value::Null
    );
    let job = client
        .post("/api/sync/jobs", &json!({"config": "everything"}))
        .expect(202);
    let at = job.header("location").unwrap();
    wait_until(LIMIT, "a job", || {
        client.get(&at).json()["state"] == "completed"
    });
    pair.judge("users", "users").equal();
}

#[test]
fn an_outage_under_load_loses_nothing_and_health_tells_the_truth() {
    let Some(private) = PrivatePair::start(Flavour::Mariadb) else {
        return;
    };
    let pair = &private.pair;
    let seconds = std::env::var("DB_TAXI_OUTAGE").ok();
    let seconds = seconds.and_then(|text| text.parse().ok()).unwrap_or(12);
    pair.source.sql(&format!(
        "USE `{}`; CREATE TABLE big (id INT PRIMARY KEY, t VARCHAR(200)); INSERT INTO big \
         SELECT seq, REPEAT('x', 100) FROM seq_1_to_30000; \
         CREATE TABLE small AS SELECT * FROM big WHERE id < 100; ALTER TABLE small ADD PRIMARY KEY (id)",
        pair.source_db()
    ));
    let taxi = DbTaxi::new(pair);
    taxi.import_tables(pair, "[big, small]", "{max_concurrency: 1}");
    let service = taxi.start(&["--headless", "--listen", "127.0.0.1:0"]);
    let client = Client::of(&service);
    wait_until(LIMIT, "the service to be ready", || {
        client.get("/health/ready").status == 200
    });
    let slow = json!({"config": "everything"});
    let job = client.post("/api/sync/jobs", &slow).expect(202);
    let at = job.header("location").unwrap();
    let throttle = json!({"throttle": {"max_rows_per_second": 4000}});
    let stop = Arc::new(AtomicBool::new(false));
    std::thread::scope(|threads| {
        // A restart for want of a control database would help nobody: it lives throughout.
        let (asker, ended) = (client.clone(), Arc::clone(&stop));
        threads.spawn(move || {
            while !ended.load(Ordering::Relaxed) {
                asker.get("/health/live").expect(200);
                std::thread::sleep(Duration::from_millis(100));
            }
        });
        client.ask("PATCH", &at, &[], Some(&throttle.to_string()));
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            wait_until(LIMIT, "the job to run", || {
                let job = client.get(&at).json();
                job["state"] != "pending"
            });
            private.local.kill();
            wait_until(LIMIT, "health to tell of the outage", || {
                reason(&client) == "database_unavailable"
            });
            let begun = std::time::Instant::now();
            while begun.elapsed() < Duration::from_secs(seconds) {
                client.get("/health/ready").expect(503);
                let status = client.get("/api/status").expect(503);
                assert_eq!(status.json()["database"]["connected"], false);
                client.post("/api/sync/jobs", &slow).expect(503);
                std::thread::sleep(Duration::from_millis(500));
            }
            private.local.restart();
            wait_until(LIMIT, "the service to be ready again", || {
                client.get("/health/ready").status == 200
            });
            wait_until(LIMIT * 2, "the job to end by itself", || {
                let job = client.get(&at).json();
                assert!(
                    job["state"] != "failed" && job["state"] != "cancelled",
                    "{job}"
                );
                job["state"] == "completed"
            });
        }));
        stop.store(true, Ordering::Relaxed);
        if let Err(why) = outcome {
            std::io::stderr()
                .write_all(service.stderr().as_bytes())
                .unwrap();
            std::panic::resume_unwind(why);
        }
    });
    pair.judge("big", "big").equal();
    pair.judge("small", "small").equal();
}
