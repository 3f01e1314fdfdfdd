//! What the service is measured by, and what it says of its health.

use rustix::process::Signal;
use serde_json::{Value, json};

use super::{LIMIT, service};
use crate::both_flavours;
use crate::support::openmetrics::Metrics;
use crate::support::{Client, DbTaxi, Pair, PrivateServer, wait_until};

const CONFIG: (&str, &str) = ("config", "everything");

fn scrape(client: &Client) -> Metrics {
    let reply = client.get("/metrics").expect(200);
    let kind = reply.header("content-type").unwrap();
    assert!(
        kind.starts_with("application/openmetrics-text; version=1.0.0"),
        "{kind}"
    );
    Metrics::parse(&reply.body)
}

/// A page that knows what is stored.
fn settled(client: &Client) -> Metrics {
    let mut now = Metrics::default();
    wait_until(LIMIT, "the control database to be read", || {
        now = scrape(client);
        now.get("dbtaxi_control_database_up", &[]) == Some(1.0)
    });
    now
}

/// Runs a job of the config to its end.
fn run(client: &Client, more: &Value) -> Value {
    let mut body = more.clone();
    body["config"] = json!("everything");
    let at = client
        .post("/api/sync/jobs", &body)
        .expect(202)
        .header("location")
        .unwrap();
    wait_until(LIMIT, "the end of the job", || {
        let state = client.get(&at).json()["state"].clone();
        state != "pending" && state != "running"
    });
    client.get(&at).expect(200).json()
}

fn rows(metrics: &Metrics, op: &str) -> u64 {
    let value = metrics.get("dbtaxi_rows_total", &[CONFIG, ("op", op)]);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a count"
    )]
    let value = value.unwrap_or_else(|| panic!("no rows {op}")) as u64;
    value
}

fn count(job: &Value, what: &str) -> u64 {
    job["counts"][what].as_u64().unwrap()
}

both_flavours! {
    /// Two runs, a comparison and a failure later every counter is the sum of what the jobs say.
    async fn counters_are_the_sum_of_what_the_jobs_say(pair: Pair) {
        pair.source.sql(&format!(
            "USE `{}`; CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(40)); \
             INSERT INTO t SELECT seq.n, REPEAT('x', 20) FROM (WITH RECURSIVE s (n) AS \
             (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < 900) SELECT n FROM s) seq;",
            pair.source_db()
        ));
        let taxi = DbTaxi::new(&pair);
        taxi.import_tables(&pair, "[{source_table: t, full_strategy: in_place}]", "{}");
        let (service, client) = service(&taxi);
        let before = settled(&client);
        assert_eq!(before.get("dbtaxi_control_database_up", &[]), Some(1.0));
        let of = |state| [CONFIG, ("state", state)];
        assert_eq!(before.get("dbtaxi_jobs_finished_total", &of("completed")), Some(0.0));
        assert_eq!(before.get("dbtaxi_lag_seconds", &[CONFIG]), None, "never synced");

        let first = run(&client, &json!({}));
        assert_eq!(first["state"], "completed", "{first}");
        pair.source.sql(&format!(
            "USE `{}`; UPDATE t SET v = 'new' WHERE id <= 30; DELETE FROM t WHERE id > 880; \
             INSERT INTO t VALUES (5000, 'more');",
            pair.source_db()
        ));
        let second = run(&client, &json!({}));
        assert_eq!(second["state"], "completed", "{second}");
        assert_eq!((count(&second, "updated"), count(&second, "deleted")), (30, 20), "{second}");
        pair.local.sql(&format!("DELETE FROM {} WHERE id = 1", pair.target_table("t")));
        let compared = run(&client, &json!({"kind": "verify"}));
        pair.source.sql(&format!("DROP TABLE {}", pair.source_table("t")));
        let failed = run(&client, &json!({}));
        assert_eq!(failed["state"], "failed", "{failed}");

        let now = scrape(&client);
        let jobs = [&first, &second, &compared, &failed];
        for op in ["inserted", "updated", "deleted", "kept"] {
            let all: u64 = jobs.iter().map(|job| count(job, op)).sum();
            assert_eq!(rows(&now, op), all, "{op}");
        }
        assert!(rows(&now, "read") >= 900 + 881 + 881, "{}", rows(&now, "read"));
        let bytes = |direction| now.get("dbtaxi_bytes_total", &[CONFIG, ("direction", direction)]);
        let (read, written) = (bytes("read").unwrap(), bytes("written").unwrap());
        assert!(read > 900.0 * 20.0 && written > 900.0 * 20.0, "{read} {written}");
        assert_eq!(now.get("dbtaxi_jobs_finished_total", &of("completed")), Some(3.0));
        assert_eq!(now.get("dbtaxi_jobs_finished_total", &of("failed")), Some(1.0));
        assert_eq!(now.get("dbtaxi_job_duration_seconds_count", &[CONFIG]), Some(4.0));
        assert_eq!(now.get("dbtaxi_errors_total", &[("code", "source_missing")]), Some(1.0));
        let missing = [CONFIG, ("kind", "missing")];
        assert_eq!(now.get("dbtaxi_differences_total", &missing), Some(1.0));
        assert!(now.values("dbtaxi_chunk_seconds_count", "phase").contains("copy"));
        assert!(now.get("dbtaxi_pool_connections", &[("pool", "source"), ("state", "in_use")]).is_some());
        assert_eq!(now.get("dbtaxi_lease_lost_total", &[]), Some(0.0));
        assert_eq!(now.values("dbtaxi_build_info", "version").len(), 1);
        // What is stored is read again after a few seconds.
        wait_until(LIMIT, "stored jobs, and the age of the copy", || {
            let now = scrape(&client);
            now.get("dbtaxi_jobs", &[("state", "failed")]) == Some(1.0)
                && now.get("dbtaxi_lag_seconds", &[CONFIG]).is_some_and(|lag| lag < 300.0)
                && now.get("dbtaxi_last_success_timestamp_seconds", &[CONFIG]).is_some()
                && now.get("dbtaxi_instances", &[("state", "alive")]) == Some(1.0)
        });

        // What nobody has a route for makes no series of its own.
        client.get("/nothing/at/all").expect(404);
        client.get("/api/sync/jobs/0198aaaa-0000-7000-8000-000000000000").expect(404);
        let now = scrape(&client);
        let routes = now.values("dbtaxi_http_requests_total", "route");
        assert!(routes.contains("none") && routes.contains("/api/sync/jobs/{id}"), "{routes:?}");
        assert!(routes.iter().all(|route| !route.contains("nothing") && !route.contains("0198")), "{routes:?}");

        let found = client.get("/api/discovery/prometheus").expect(200).json();
        assert_eq!(found, json!([{"targets": [format!("127.0.0.1:{}", client.port)], "labels": {}}]));

        // Counters are of the process.
        service.signal(Signal::TERM);
        service.wait(LIMIT);
        let (service, client) = super::service(&taxi);
        let fresh = settled(&client);
        assert_eq!((rows(&fresh, "inserted"), rows(&fresh, "read")), (0, 0));
        assert_eq!(fresh.get("dbtaxi_jobs_finished_total", &of("failed")), Some(0.0));

        // A config that is gone has no series any more.
        let configs = client.get("/api/sync/configs").json();
        let id = configs["items"][0]["id"].as_str().unwrap();
        client.ask("DELETE", &format!("/api/sync/configs/{id}"), &[], None).expect(204);
        wait_until(LIMIT, "the series to go", || {
            !scrape(&client).values("dbtaxi_rows_total", "config").contains("everything")
        });

        // With the first token nobody reads them without one; whether it lives, everybody may ask.
        let args = ["tokens", "create", "scraper", "--scope", "read", "--json"];
        let made = taxi.run(&args).expect_code(0).json();
        let scraper = client.with(made["token"].as_str().unwrap());
        wait_until(LIMIT, "the token to be known", || client.get("/metrics").status == 401);
        client.get("/api/discovery/prometheus").expect(401);
        client.get("/health/ready").expect(200);
        scrape(&scraper);
        scraper.get("/api/discovery/prometheus").expect(200);
        drop(service);
    }

    /// The service begins before its control database, loses it, and has it back; all the while each
    /// answer is true.
    async fn health_tells_the_truth_while_the_control_database_is_away(pair: Pair) {
        let Some(local) = PrivateServer::start(pair.flavour, &[]) else {
            return;
        };
        let own = Pair::on(pair.source.clone(), local.server.clone());
        own.source.sql(&format!("CREATE TABLE {} (id INT PRIMARY KEY)", own.source_table("t")));
        let taxi = DbTaxi::new(&own).set("database.connect_timeout=2s");
        taxi.import_tables(&own, "[t]", "{}");
        let (service, client) = service(&taxi);
        run(&client, &json!({}));
        wait_until(LIMIT, "the age of the copy", || {
            scrape(&client).get("dbtaxi_lag_seconds", &[CONFIG]).is_some()
        });
        let status = client.get("/api/status").expect(200).json();
        assert!(status["database"]["pool"]["max_open"].as_u64() >= Some(1), "{status}");
        let checks: Vec<&str> = status["sync"]["checks"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|check| check["name"].as_str())
            .collect();
        for name in ["sync_enabled", "database", "migrations", "tables", "engine", "leases", "key_file", "disk"] {
            assert!(checks.contains(&name), "{checks:?}");
        }

        local.stop();
        wait_until(LIMIT, "the loss to be told", || {
            client.get("/health/ready").status == 503
        });
        let ready = client.get("/health/ready").expect(503).json();
        assert_eq!(ready, json!({"status": "not_ready", "reason": "database_unavailable"}));
        assert_eq!(client.get("/health/live").expect(200).json(), json!({"status": "degraded"}));
        assert_eq!(client.get("/health").expect(200).json(), json!({"status": "degraded"}));
        let now = scrape(&client);
        assert_eq!(now.get("dbtaxi_control_database_up", &[]), Some(0.0));
        assert!(now.get("dbtaxi_lag_seconds", &[CONFIG]).is_some(), "copies grow older all the same");
        assert!(now.values("dbtaxi_jobs", "state").is_empty());
        let status = client.get("/api/status").expect(503).json();
        assert_eq!(status["status"], "degraded");
        assert_eq!(status["database"]["connected"], false);
        assert!(status["database"]["error"].is_string() && status["database"]["retry_at"].is_string(), "{status}");
        let sync = client.get("/api/sync/status").expect(503).json();
        assert_eq!(sync["status"], "degraded");
        let refused = client.get("/api/discovery/prometheus").expect(503);
        assert_eq!(refused.code(), "database_unavailable");

        local.restart();
        wait_until(LIMIT, "the control database to be back", || {
            client.get("/health/ready").status == 200
        });
        assert_eq!(client.get("/health").expect(200).json(), json!({"status": "ok"}));
        wait_until(LIMIT, "the metrics to say so", || {
            scrape(&client).get("dbtaxi_control_database_up", &[]) == Some(1.0)
        });
        client.get("/api/status").expect(200);
        drop(service);
    }
}
