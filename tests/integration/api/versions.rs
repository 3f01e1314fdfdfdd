//! Changes that two make at once, starts that are asked for twice, lists that change while they are
//! read.

use std::collections::BTreeSet;
use std::thread;

use serde_json::{Value, json};

use super::{LIMIT, connection, service};
use crate::both_flavours;
use crate::support::http::Reply;
use crate::support::{Client, DbTaxi, Pair, wait_until};

/// A connection and a config of one table.
fn made(client: &Client, pair: &Pair, tables: &Value) -> (String, String) {
    let at = client
        .post("/api/sync/connections", &connection(pair))
        .expect(201)
        .header("location")
        .unwrap();
    let id = at.rsplit('/').next().unwrap();
    let config = json!({"name": "all", "connection_id": id, "tables": tables});
    let config = client
        .post("/api/sync/configs", &config)
        .expect(201)
        .header("location")
        .unwrap();
    (at, config)
}

fn changed(client: &Client, method: &str, at: &str, tag: &str, body: Option<&Value>) -> Reply {
    let tag = format!("If-Match: {tag}");
    client.ask(method, at, &[&tag], body.map(Value::to_string).as_deref())
}

/// Ten writers that have read the same version: the status of each.
fn race(
    client: &Client,
    method: &str,
    at: &str,
    body: impl Fn(usize) -> Option<Value>,
) -> Vec<u16> {
    let tag = client.get(at).expect(200).header("etag").unwrap();
    thread::scope(|scope| {
        let writers: Vec<_> = (0..10)
            .map(|n| {
                let (body, tag) = (body(n), tag.as_str());
                scope.spawn(move || changed(client, method, at, tag, body.as_ref()).status)
            })
            .collect();
        writers
            .into_iter()
            .map(|writer| writer.join().unwrap())
            .collect()
    })
}

fn count(statuses: &[u16], status: u16) -> usize {
    statuses.iter().filter(|s| **s == status).count()
}

both_flavours! {
    /// Of ten who change what they have read at the same time one succeeds, and what it wrote stays.
    async fn no_update_is_lost(pair: Pair) {
        pair.source.sql(&format!("CREATE TABLE {} (id INT PRIMARY KEY)", pair.source_table("t")));
        let taxi = DbTaxi::new(&pair).set("sync.max_concurrency=1");
        let (_service, client) = service(&taxi);
        let (connection, config) = made(&client, &pair, &json!(["t"]));
        for (at, field) in [(&connection, "max_connections"), (&config, "exclude")] {
            for _ in 0..3 {
                let shown = client.get(at).expect(200).json();
                let value = |n: usize| if field == "exclude" { json!([format!("x{n}")]) } else { json!(n + 2) };
                let statuses = race(&client, "PUT", at, |n| {
                    let mut body = shown.clone();
                    body[field] = value(n);
                    Some(body)
                });
                assert_eq!((count(&statuses, 200), count(&statuses, 412)), (1, 9), "{at} {statuses:?}");
                let winner = statuses.iter().position(|status| *status == 200).unwrap();
                assert_eq!(client.get(at).json()[field], value(winner), "{at}");
            }
        }
        // One that waits: its place is changed by one only.
        let lock = pair.source.sql(&format!(
            "INSERT INTO {} VALUES (1), (2)", pair.source_table("t")));
        drop(lock);
        let limits = json!({"throttle": {"query": "SELECT 'wait'"}});
        let mut held = client.get(&connection).json();
        held["throttle"] = limits["throttle"].clone();
        client.ask("PUT", &connection, &[], Some(&held.to_string())).expect(200);
        let name = config.rsplit('/').next().unwrap();
        let job = client.post("/api/sync/jobs", &json!({"config_id": name})).expect(202).header("location").unwrap();
        let statuses = race(&client, "PATCH", &job, |n| Some(json!({"max_concurrency": n + 1})));
        assert_eq!((count(&statuses, 200), count(&statuses, 412)), (1, 9), "{statuses:?}");
        let stale = changed(&client, "PATCH", &job, "\"1\"", Some(&json!({"max_concurrency": 1}))).expect(412);
        assert_eq!(stale.code(), "precondition_failed");
        // What is wrong by itself is told first.
        changed(&client, "PATCH", &job, "\"1\"", Some(&json!({}))).expect(422);
        client.ask("POST", &format!("{job}/stop"), &[], None).expect(202);
        wait_until(LIMIT, "the end of the job", || client.get(&job).json()["state"] == "cancelled");

        // Who removes says what was seen, too; of several one removes it.
        assert_eq!(changed(&client, "DELETE", &config, "\"1\"", None).expect(412).code(), "precondition_failed");
        let statuses = race(&client, "DELETE", &config, |_| None);
        assert_eq!(count(&statuses, 204), 1, "{statuses:?}");
        assert_eq!(count(&statuses, 404) + count(&statuses, 412), 9, "{statuses:?}");
        let tags = format!("\"77\", {}", client.get(&connection).header("etag").unwrap());
        assert_eq!(changed(&client, "DELETE", &connection, "W/\"1\"", None).status, 412);
        assert_eq!(changed(&client, "DELETE", &connection, &tags, None).status, 204);
    }

    /// The same key is the same job, however often and by how many at once it is asked for.
    async fn a_key_starts_one_job(pair: Pair) {
        pair.source.sql(&format!("CREATE TABLE {} (id INT PRIMARY KEY)", pair.source_table("t")));
        let taxi = DbTaxi::new(&pair);
        let (_service, client) = service(&taxi);
        let (_, config) = made(&client, &pair, &json!(["t"]));
        let config = config.rsplit('/').next().unwrap();
        let start = |key: &str, body: &Value| {
            let key = format!("Idempotency-Key: {key}");
            client.ask("POST", "/api/sync/jobs", &[&key], Some(&body.to_string()))
        };
        let body = json!({"config_id": config});
        let replies: Vec<Reply> = thread::scope(|scope| {
            let callers: Vec<_> = (0..10).map(|_| scope.spawn(|| start("night 1", &body))).collect();
            callers.into_iter().map(|caller| caller.join().unwrap()).collect()
        });
        let ids: BTreeSet<String> = replies
            .into_iter()
            .map(|reply| reply.expect(202).json()["id"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(ids.len(), 1, "{ids:?}");
        let first = ids.first().unwrap().clone();
        let at = format!("/api/sync/jobs/{first}");
        wait_until(LIMIT, "the end of the job", || client.get(&at).json()["state"] == "completed");
        // Also when it has ended, and however the same is written.
        let again = client.ask("POST", "/api/sync/jobs", &["idempotency-key: night 1"],
            Some(&format!("{{ \"config_id\" : \"{config}\", \"full\": false, \"tables\": null }}"))).expect(202);
        assert_eq!(again.json()["id"], json!(first));
        assert_eq!(again.header("location").unwrap(), at);
        let other = start("night 1", &json!({"config_id": config, "full": true})).expect(422);
        assert_eq!(other.json()["error"]["details"][0]["path"], "Idempotency-Key");
        for wrong in ["", "\u{e9}", &"x".repeat(256)] {
            let told = start(wrong, &body).expect(422);
            assert_eq!(told.json()["error"]["details"][0]["path"], "Idempotency-Key", "{wrong}");
        }
        // A start that is refused uses no key up.
        start("night 2", &json!({"config": "nothing"})).expect(404);
        let second = start("night 2", &body).expect(202).json();
        assert_ne!(second["id"], json!(first));
        let at = second["id"].as_str().unwrap();
        wait_until(LIMIT, "the second job", || client.get(&format!("/api/sync/jobs/{at}")).json()["state"] == "completed");
        assert_eq!(client.get("/api/sync/jobs").json()["items"].as_array().unwrap().len(), 2);

        // After a day a key is as good as new, and those of others that old are swept.
        let keys = format!("{}.idempotency_keys", pair.control_db());
        pair.local.sql(&format!("UPDATE {keys} SET created_at = created_at - INTERVAL 25 HOUR"));
        let third = start("night 1", &body).expect(202).json();
        assert!(third["id"] != json!(first) && third["id"] != second["id"]);
        assert_eq!(pair.local.count(&format!("SELECT COUNT(*) FROM {keys}")), 1);
    }

    /// Pages follow each other although things come and go between them.
    async fn pages_hold_while_the_list_changes(pair: Pair) {
        pair.source.sql(&format!("CREATE TABLE {} (id INT PRIMARY KEY)", pair.source_table("t")));
        let taxi = DbTaxi::new(&pair);
        let (_service, client) = service(&taxi);
        let (at, config) = made(&client, &pair, &json!(["t"]));
        for name in ["b", "d", "f"] {
            let mut body = connection(&pair);
            body["name"] = json!(name);
            client.post("/api/sync/connections", &body).expect(201);
        }
        let page = |path: &str, cursor: &Value| {
            let cursor = cursor.as_str().map(|c| format!("&cursor={c}")).unwrap_or_default();
            client.get(&format!("{path}?limit=2{cursor}")).expect(200).json()
        };
        let names = |page: &Value| -> Vec<String> {
            page["items"].as_array().unwrap().iter().map(|c| c["name"].as_str().unwrap().to_owned()).collect()
        };
        let first = page("/api/sync/connections", &Value::Null);
        assert_eq!(names(&first), ["Production DB", "b"]);
        // Before the cursor, after it, and the one at it goes.
        for name in ["a", "e"] {
            let mut body = connection(&pair);
            body["name"] = json!(name);
            client.post("/api/sync/connections", &body).expect(201);
        }
        let b = client.get("/api/sync/connections?name=b").json()["items"][0]["id"].as_str().unwrap().to_owned();
        client.ask("DELETE", &format!("/api/sync/connections/{b}"), &[], None).expect(204);
        let second = page("/api/sync/connections", &first["next_cursor"]);
        assert_eq!(names(&second), ["d", "e"]);
        let third = page("/api/sync/connections", &second["next_cursor"]);
        assert_eq!((names(&third), &third["next_cursor"]), (vec!["f".to_owned()], &Value::Null));

        let config = config.rsplit('/').next().unwrap();
        let run = || {
            let job = client.post("/api/sync/jobs", &json!({"config_id": config})).expect(202).json();
            let id = job["id"].as_str().unwrap().to_owned();
            let at = format!("/api/sync/jobs/{id}");
            wait_until(LIMIT, "the end of the job", || client.get(&at).json()["state"] == "completed");
            id
        };
        let mut made: Vec<String> = (0..3).map(|_| run()).collect();
        made.reverse();
        let ids = |page: &Value| -> Vec<String> {
            page["items"].as_array().unwrap().iter().map(|j| j["id"].as_str().unwrap().to_owned()).collect()
        };
        let first = page("/api/sync/jobs", &Value::Null);
        assert_eq!(ids(&first), made[..2]);
        let newest = run();
        pair.local.sql(&format!("DELETE FROM {}.sync_jobs WHERE id = '{}'", pair.control_db(), made[1]));
        let second = page("/api/sync/jobs", &first["next_cursor"]);
        assert_eq!((ids(&second), &second["next_cursor"]), (made[2..].to_vec(), &Value::Null));
        for (filter, count) in [
            ("state=completed".to_owned(), 3), ("state=failed".to_owned(), 0), ("kind=verify".to_owned(), 0),
            (format!("config_id={config}"), 3), (format!("connection_id={}", at.rsplit('/').next().unwrap()), 3),
            ("since=2020-01-01T00:00:00Z".to_owned(), 3), ("since=2999-01-01T00:00:00%2B02:00".to_owned(), 0),
            (format!("config_id={newest}"), 0),
        ] {
            let found = client.get(&format!("/api/sync/jobs?{filter}")).expect(200).json();
            assert_eq!(ids(&found).len(), count, "{filter}");
        }
    }
}
