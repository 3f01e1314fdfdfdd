//! The REST API of the service, over a real socket.

use std::time::Duration;

use serde_json::{Value, json};

use crate::both_flavours;
use crate::support::{Client, DbTaxi, Pair, Running, wait_until};

mod access;
mod audit;
mod crowds;
mod document;
mod hostile;
mod metrics;
mod order;
mod outages;
mod pages;
mod seeds;
mod versions;
mod watching;

const LIMIT: Duration = Duration::from_secs(120);

/// A service that is up, and a client of it.
fn service(taxi: &DbTaxi) -> (Running, Client) {
    let service = taxi.start(&["--headless", "--listen", "127.0.0.1:0"]);
    let client = Client::of(&service);
    wait_until(LIMIT, "the service to be ready", || {
        client.get("/health/ready").status == 200
    });
    (service, client)
}

fn connection(pair: &Pair) -> Value {
    json!({
        "name": "Production DB",
        "host": "127.0.0.1",
        "port": pair.source.port,
        "username": "root",
        "database": pair.source_db(),
        "local_db_name": pair.target_db(),
        "ssl": false
    })
}

both_flavours! {
    /// What the documentation's curl lines do, in their order.
    async fn a_connection_a_config_and_a_job_are_made_watched_and_removed(pair: Pair) {
        pair.source.sql(&format!(
            "USE `{}`; CREATE TABLE users (id INT PRIMARY KEY, updated_at TIMESTAMP DEFAULT \
             CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP, KEY (updated_at)); \
             INSERT INTO users (id) VALUES (1), (2), (3); \
             CREATE TABLE orders (id INT PRIMARY KEY, t VARCHAR(9)); \
             INSERT INTO orders VALUES (1, 'a'), (2, NULL);",
            pair.source_db()
        ));
        let taxi = DbTaxi::new(&pair);
        let (_service, client) = service(&taxi);

        let made = client.post("/api/sync/connections", &connection(&pair)).expect(201);
        let at = made.header("location").unwrap();
        let id = made.json()["id"].as_str().unwrap().to_owned();
        assert_eq!(at, format!("/api/sync/connections/{id}"));
        assert_eq!(made.header("etag").as_deref(), Some("\"1\""));
        let again = client.post("/api/sync/connections", &connection(&pair)).expect(409);
        assert_eq!(again.code(), "name_taken");
        let report = client.ask("POST", &format!("{at}/test"), &[], None).expect(200).json();
        assert_eq!(report["ok"], true, "{report}");
        let tables = client.get(&format!("{at}/tables?limit=1")).expect(200).json();
        assert_eq!(tables["items"][0]["name"], "orders");
        let next = tables["next_cursor"].as_str().unwrap();
        let tables = client.get(&format!("{at}/tables?limit=1&cursor={next}")).expect(200).json();
        assert_eq!((&tables["items"][0]["name"], &tables["next_cursor"]), (&json!("users"), &Value::Null));

        let config = json!({
            "connection_id": id,
            "name": "User Data Sync",
            "sync_mode": "incremental",
            "enabled": true,
            "tables": [
                {"source_table": "users", "target_table": "users", "sync_mode": "incremental", "enabled": true},
                {"source_table": "orders", "target_table": "orders", "sync_mode": "full", "enabled": true}
            ],
            "options": {"batch_size": 1000, "max_concurrency": 3, "enable_compression": true, "conflict_resolution": "overwrite"}
        });
        let made = client.post("/api/sync/configs", &config).expect(201).json();
        let config_id = made["id"].as_str().unwrap().to_owned();
        let listed = client.get(&format!("/api/sync/configs?connection_id={id}")).expect(200).json();
        assert_eq!(listed["items"].as_array().unwrap().len(), 1);
        let plan = client.post(&format!("/api/sync/configs/{config_id}/plan"), &json!({"tables": ["orders"]}));
        assert_eq!(plan.expect(200).json()["tables"][0]["target_table"], "orders");

        let job = client.post("/api/sync/jobs", &json!({"config_id": config_id})).expect(202);
        let job_at = job.header("location").unwrap();
        let made = job.json();
        assert_eq!((&made["trigger"], &made["kind"]), (&json!("api"), &json!("sync")));
        assert_eq!(made["requested_by"], "api@127.0.0.1");
        wait_until(LIMIT, "the end of the job", || {
            client.get(&job_at).json()["state"] == "completed"
        });
        pair.judge("users", "users").equal();
        pair.judge("orders", "orders").equal();
        let job = client.get(&job_at).expect(200).json();
        assert_eq!(job["tables"].as_array().unwrap().len(), 2);
        let logs = client.get(&format!("{job_at}/logs?limit=2")).expect(200).json();
        let ids: Vec<u64> = logs["items"].as_array().unwrap().iter().map(|l| l["id"].as_u64().unwrap()).collect();
        assert!(ids.len() == 2 && ids[0] > ids[1], "newest first: {ids:?}");
        let older = client.get(&format!("{job_at}/logs?limit=2&cursor={}", logs["next_cursor"].as_str().unwrap()));
        assert!(older.expect(200).json()["items"][0]["id"].as_u64().unwrap() < ids[1]);
        let plain = client.ask("GET", &format!("{job_at}/logs"), &["Accept: text/plain"], None).expect(200);
        assert!(plain.body.contains("completed"), "{plain:?}");
        assert_eq!(client.get(&format!("{job_at}/differences")).expect(200).json()["items"], json!([]));
        let late = client.ask("POST", &format!("{job_at}/stop"), &[], None).expect(409);
        assert_eq!(late.code(), "invalid_state");

        let stats = client.get("/api/sync/stats").expect(200).json();
        assert_eq!((&stats["total_connections"], &stats["completed_jobs"]), (&json!(1), &json!(1)));
        assert_eq!(client.get("/api/sync/status").expect(200).json()["stats"]["total_jobs"], 1);
        assert_eq!(client.get("/api/status").expect(200).json()["database"]["connected"], true);
        assert_eq!(client.get("/api/sync/instances").expect(200).json()["items"][0]["state"], "alive");

        // What GET gave can be PUT, once: the second time it is another version.
        let shown = client.get(&at).expect(200);
        let tag = format!("If-Match: {}", shown.header("etag").unwrap());
        let mut body = shown.json();
        body["username"] = json!("other");
        client.ask("PUT", &at, &[&tag], Some(&body.to_string())).expect(200);
        let stale = client.ask("PUT", &at, &[&tag], Some(&body.to_string())).expect(412);
        assert_eq!(stale.code(), "precondition_failed");
        let used = client.ask("DELETE", &at, &[], None).expect(409);
        assert!(used.code() == "in_use" && used.body.contains("User Data Sync"), "{used:?}");
        client.ask("DELETE", &format!("/api/sync/configs/{config_id}"), &[], None).expect(204);
        client.ask("DELETE", &at, &[], None).expect(204);
        client.get(&at).expect(404);
        pair.judge("orders", "orders").equal();
    }

    /// Input that is wrong is told with its place, and changes nothing.
    async fn wrong_input_is_told_with_its_place(pair: Pair) {
        let taxi = DbTaxi::new(&pair);
        let (_service, client) = service(&taxi);
        let at = "/api/sync/connections";
        let mut wrong = connection(&pair);
        wrong["port"] = json!(0);
        wrong["prot"] = json!(1);
        let told = client.post(at, &wrong).expect(422).json();
        let details = told["error"]["details"].as_array().unwrap();
        let paths: Vec<&str> = details.iter().map(|d| d["path"].as_str().unwrap()).collect();
        assert!(paths.contains(&"port") && paths.contains(&"prot"), "{told}");
        for (headers, body, status, code) in [
            (&[][..], "{", 400, "bad_request"),
            (&[][..], "[]", 422, "validation_failed"),
            (&["Content-Type: text/plain"][..], "{}", 415, "unsupported_media_type"),
            (&["Content-Type: application/yaml"][..], "a: 1", 415, "unsupported_media_type"),
        ] {
            let reply = client.ask("POST", at, headers, Some(body)).expect(status);
            assert_eq!(reply.code(), code, "{body}");
        }
        let large = "x".repeat(2 << 20);
        let reply = client.ask("POST", at, &[], Some(&large));
        assert!(reply.status == 413 || reply.status == 0, "{}", reply.status);
        for (path, status, code) in [
            ("/api/sync/connections?limit=0", 400, "bad_request"),
            ("/api/sync/connections?limti=1", 400, "bad_request"),
            ("/api/sync/jobs?state=runing", 400, "bad_request"),
            ("/api/sync/jobs/last:x", 404, "not_found"),
            ("/api/sync/jobs/00000000-0000-0000-0000-000000000000", 404, "not_found"),
            ("/api/sync/nothing", 404, "not_found"),
        ] {
            assert_eq!(client.get(path).expect(status).code(), code, "{path}");
        }
        let method = client.ask("PATCH", "/api/sync/connections", &[], Some("{}")).expect(405);
        assert_eq!(method.code(), "method_not_allowed");
        let both = client.post("/api/sync/jobs", &json!({"config_id": "x", "full": 1})).expect(422);
        assert!(both.body.contains("config_id") && both.body.contains("full"), "{both:?}");
        assert_eq!(client.get(at).expect(200).json()["items"], json!([]));
    }
}
