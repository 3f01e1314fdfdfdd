//! The first description of this program gives curl lines and a list of endpoints. They work as
//! they stand there: only the address, the ids and the server's host and port are put in.

use std::process::Command;

use serde_json::{Value, json};

use super::{LIMIT, service};
use crate::both_flavours;
use crate::connect::certificates::Certificates;
use crate::support::{Client, DbTaxi, Judge, Pair, wait_until};

const COMMANDS: &str = include_str!("seed_commands.txt");

/// The commands in their order.
fn commands() -> Vec<String> {
    COMMANDS
        .split("```bash\n")
        .skip(1)
        .map(|block| block.split("```").next().unwrap().trim().to_owned())
        .collect()
}

/// What curl prints for a command, as a shell runs it.
fn run(command: &str, changes: &[(&str, &str)]) -> Value {
    let mut command = command.to_owned();
    for (from, to) in changes {
        command = command.replace(from, to);
    }
    let command = command.replacen("curl ", "curl --silent --show-error --fail-with-body ", 1);
    let done = Command::new("sh").args(["-c", &command]).output().unwrap();
    let said = String::from_utf8(done.stdout).unwrap();
    let complaint = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{command}\n{said}\n{complaint}");
    serde_json::from_str(&said).unwrap()
}

fn has_curl() -> bool {
    let found = Command::new("curl").arg("--version").output();
    found.is_ok_and(|done| done.status.success())
}

both_flavours! {
    /// From nothing to a copy that equals its source, by the lines of the description.
    async fn the_lines_of_the_first_description_work_as_they_stand(pair: Pair) {
        if !has_curl() {
            return crate::support::servers::skipped("there is no curl");
        }
        let certificates = Certificates::new();
        let Some(server) = certificates.server(pair.flavour) else { return };
        let pair = Pair::on(server.server.clone(), server.server.clone());
        pair.source.sql(
            "CREATE DATABASE production; USE production; \
             CREATE TABLE users (id INT PRIMARY KEY, updated_at TIMESTAMP NOT NULL DEFAULT \
             CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP, KEY (updated_at)); \
             INSERT INTO users (id) VALUES (1), (2), (3); \
             CREATE TABLE orders (id INT PRIMARY KEY, note VARCHAR(9)); \
             INSERT INTO orders VALUES (1, 'a'), (2, NULL); \
             CREATE USER 'sync_user'@'%' IDENTIFIED BY 'secure_password'; \
             GRANT SELECT ON production.* TO 'sync_user'@'%'",
        );
        let taxi = DbTaxi::new(&pair);
        let (_service, client) = service(&taxi);
        let at = format!("localhost:{}", client.port);
        let port = format!("\"port\": {}", pair.source.port);
        let lines = commands();
        let [create, configure, start, monitor] = lines.as_slice() else {
            panic!("{} commands", lines.len());
        };
        let here = ("localhost:8080", at.as_str());

        let made = run(create, &[here, ("prod-db.example.com", "127.0.0.1"), ("\"port\": 3306", &port)]);
        let connection = made["id"].as_str().unwrap();
        assert_eq!((&made["has_password"], &made["password"]), (&json!(true), &Value::Null));
        let made = run(configure, &[here, ("connection-uuid", connection)]);
        let config = made["id"].as_str().unwrap();
        let made = run(start, &[here, ("sync-config-uuid", config)]);
        let job = made["id"].as_str().unwrap();
        let mut shown = Value::Null;
        wait_until(LIMIT, "the end of the job", || {
            shown = run(monitor, &[here, ("job-uuid", job)]);
            !matches!(shown["state"].as_str(), Some("pending" | "running"))
        });
        assert_eq!(shown["state"], "completed", "{shown}");
        for table in ["users", "orders"] {
            Judge::new((&pair.source, "production", table), (&pair.local, "prod_sync", table)).equal();
        }
        endpoints(&client, connection, config, job);
        pair.local.sql("DROP DATABASE prod_sync");
    }
}

/// Every endpoint that the description lists, with the names it gives them.
fn endpoints(client: &Client, connection: &str, config: &str, job: &str) {
    let at = "/api/sync/connections";
    assert_eq!(
        client.get(at).expect(200).json()["items"][0]["id"],
        json!(connection)
    );
    let one = format!("{at}/{connection}");
    let shown = client.get(&one).expect(200).json();
    client
        .ask("PUT", &one, &[], Some(&shown.to_string()))
        .expect(200);
    let tested = client
        .ask("POST", &format!("{one}/test"), &[], None)
        .expect(200)
        .json();
    assert_eq!(
        (&tested["ok"], &tested["tls"]["used"]),
        (&json!(true), &json!(true)),
        "{tested}"
    );

    let at = "/api/sync/configs";
    let listed = client
        .get(&format!("{at}?connection_id={connection}"))
        .expect(200)
        .json();
    assert_eq!(listed["items"][0]["id"], json!(config));
    let shown = client.get(&format!("{at}/{config}")).expect(200).json();
    client
        .ask(
            "PUT",
            &format!("{at}/{config}"),
            &[],
            Some(&shown.to_string()),
        )
        .expect(200);

    let at = "/api/sync/jobs";
    assert_eq!(
        client.get(at).expect(200).json()["items"][0]["id"],
        json!(job)
    );
    let lines = client.get(&format!("{at}/{job}/logs")).expect(200).json();
    assert!(!lines["items"].as_array().unwrap().is_empty());
    let late = client
        .ask("POST", &format!("{at}/{job}/stop"), &[], None)
        .expect(409);
    assert_eq!(late.code(), "invalid_state");

    let status = client.get("/api/sync/status").expect(200).json();
    let tables = status["checks"]
        .as_array()
        .unwrap()
        .iter()
        .find(|check| check["name"] == "tables");
    assert_eq!(tables.unwrap()["ok"], true, "{status}");
    let stats = client.get("/api/sync/stats").expect(200).json();
    for (name, count) in [
        ("total_connections", 1),
        ("connected_connections", 1),
        ("total_jobs", 1),
        ("running_jobs", 0),
        ("completed_jobs", 1),
        ("failed_jobs", 0),
    ] {
        assert_eq!(stats[name], json!(count), "{name}: {stats}");
    }
    let status = client.get("/api/status").expect(200).json();
    assert_eq!(status["database"]["connected"], true);
    assert!(
        status["database"]["pool"]["max_open"].as_u64().unwrap() > 0,
        "{status}"
    );
    assert_eq!(client.get("/health").expect(200).json()["status"], "ok");

    client
        .ask("DELETE", &format!("/api/sync/configs/{config}"), &[], None)
        .expect(204);
    client.ask("DELETE", &one, &[], None).expect(204);
    client.get(&one).expect(404);
}
