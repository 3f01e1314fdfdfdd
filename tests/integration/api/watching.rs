//! Events as they happen, and what a stop of the service means for who listens.

use std::io::{BufRead, BufReader, Read};
use std::net::TcpStream;
use std::sync::mpsc;
use std::time::Instant;

use rustix::process::Signal;
use serde_json::{Value, json};

use super::{LIMIT, connection, service};
use crate::both_flavours;
use crate::support::schema::Schemas;
use crate::support::{Client, DbTaxi, Pair, wait_until};

/// The events of a stream as they come, each with its name; ends with the stream.
fn events(stream: TcpStream) -> mpsc::Receiver<(String, Value)> {
    let (to, from) = mpsc::channel();
    std::thread::spawn(move || {
        let mut name = String::new();
        for line in BufReader::new(stream).lines() {
            let Ok(line) = line else { return };
            if let Some(event) = line.strip_prefix("event: ") {
                name = event.to_owned();
            } else if let Some(data) = line.strip_prefix("data: ") {
                let data = serde_json::from_str(data).unwrap();
                if to.send((name.clone(), data)).is_err() {
                    return;
                }
            }
        }
    });
    from
}

/// A config whose job waits for ever, because its source is said to be busy.
fn waiting(client: &Client, pair: &Pair) -> String {
    pair.source.sql(&format!(
        "CREATE TABLE {0} (id INT PRIMARY KEY); INSERT INTO {0} VALUES (1), (2)",
        pair.source_table("t")
    ));
    let mut body = connection(pair);
    body["throttle"] = json!({"query": "SELECT 'closed'"});
    let id = client
        .post("/api/sync/connections", &body)
        .expect(201)
        .json()["id"]
        .clone();
    let config = json!({"name": "all", "connection_id": id, "tables": ["t"]});
    client.post("/api/sync/configs", &config).expect(201);
    let job = client
        .post("/api/sync/jobs", &json!({"config": "all"}))
        .expect(202)
        .json();
    let id = job["id"].as_str().unwrap().to_owned();
    wait_until(LIMIT, "the job to wait for its source", || {
        let shown = client.get(&format!("/api/sync/jobs/{id}")).json();
        shown["progress"]["throttled"].is_string()
    });
    id
}

both_flavours! {
    /// A stream begins with how far each active job is and tells what happens, in documented shapes;
    /// that of one job ends with it.
    async fn a_stream_tells_where_jobs_are_and_what_happens(pair: Pair) {
        let taxi = DbTaxi::new(&pair);
        let (_service, client) = service(&taxi);
        let job = waiting(&client, &pair);
        let all = events(client.begin("GET", "/api/sync/events", &[], None));
        let one = events(client.begin("GET", &format!("/api/sync/jobs/{job}/events"), &[], None));
        for stream in [&all, &one] {
            let (name, first) = stream.recv_timeout(LIMIT).unwrap();
            assert_eq!((name.as_str(), &first["job_id"]), ("progress", &json!(job)), "{first}");
        }
        client.ask("POST", &format!("/api/sync/jobs/{job}/stop"), &[], None).expect(202);
        let schemas = Schemas(client.get("/openapi.json").json());
        let schema = json!({"$ref": "#/components/schemas/Event"});
        let mut last = 0;
        let mut names = Vec::new();
        // Ends by itself.
        while let Ok((name, event)) = one.recv_timeout(LIMIT) {
            assert_eq!(schemas.faults(&schema, &event), Vec::<String>::new());
            assert_eq!(event["type"], json!(name));
            let seq = event["seq"].as_u64().unwrap();
            assert!(seq > last, "{event}");
            last = seq;
            names.push(name);
        }
        assert_eq!(names.last().map(String::as_str), Some("job_finished"), "{names:?}");
        let seen = std::iter::from_fn(|| all.recv_timeout(LIMIT).ok()).find(|(name, _)| name == "job_finished");
        assert_eq!(seen.unwrap().1["data"]["state"], "cancelled");
        let mut late = client.begin("GET", &format!("/api/sync/jobs/{job}/events"), &[], None);
        let mut text = String::new();
        late.read_to_string(&mut text).unwrap();
        assert!(text.starts_with("HTTP/1.1 200") && !text.contains("data:"), "{text}");
    }

    /// An instance that works on nothing itself tells what the others do, in the same shapes.
    async fn jobs_of_other_instances_are_told_too(pair: Pair) {
        let taxi = DbTaxi::new(&pair);
        let (_head, client) = service(&taxi.sibling().set("instance.roles=api").set("instance.name=head"));
        let hand = taxi.sibling().set("instance.roles=worker").set("instance.name=hand");
        let (hand, _) = service(&hand);
        let all = events(client.begin("GET", "/api/sync/events", &[], None));
        let job = waiting(&client, &pair);
        let one = events(client.begin("GET", &format!("/api/sync/jobs/{job}/events"), &[], None));
        let (name, first) = one.recv_timeout(LIMIT).unwrap();
        assert_eq!((name.as_str(), &first["job_id"]), ("progress", &json!(job)), "{first}");
        client.ask("POST", &format!("/api/sync/jobs/{job}/pause"), &[], None).expect(202);
        let paused = one.iter().find(|(name, _)| name == "job_paused").unwrap();
        assert_eq!(paused.1["data"]["state"], "paused");
        // What it waits for has come.
        let connections = client.get("/api/sync/connections").json();
        let id = connections["items"][0]["id"].as_str().unwrap();
        let mut open = connection(&pair);
        open["throttle"] = json!({});
        client.ask("PUT", &format!("/api/sync/connections/{id}"), &[], Some(&open.to_string())).expect(200);
        client.ask("POST", &format!("/api/sync/jobs/{job}/resume"), &[], None).expect(202);
        let schemas = Schemas(client.get("/openapi.json").json());
        let schema = json!({"$ref": "#/components/schemas/Event"});
        let of_one: Vec<(String, Value)> = one.iter().collect();
        let (last, ended) = of_one.last().unwrap();
        assert_eq!((last.as_str(), &ended["data"]["state"]), ("job_finished", &json!("completed")), "{ended}");
        assert_eq!(ended["data"]["instance"], "hand");
        assert_eq!(ended["data"]["tables"].as_array().unwrap().len(), 1);
        let mut last = paused.1["seq"].as_u64().unwrap();
        for (_, event) in &of_one {
            assert_eq!(schemas.faults(&schema, event), Vec::<String>::new());
            let seq = event["seq"].as_u64().unwrap();
            assert!(seq > last, "{event}");
            last = seq;
        }
        let names: Vec<&str> = of_one.iter().map(|(name, _)| name.as_str()).collect();
        for name in ["job_started", "table_finished"] {
            assert_eq!(names.iter().filter(|n| **n == name).count(), 1, "{names:?}");
        }
        let mut of_all = Vec::new();
        while of_all.last().is_none_or(|name| name != "job_finished") {
            of_all.push(all.recv_timeout(LIMIT).unwrap().0);
        }
        for name in ["job_created", "job_paused", "table_finished"] {
            assert_eq!(of_all.iter().filter(|n| *n == name).count(), 1, "{of_all:?}");
        }
        drop(hand);
    }

    /// Streams end with the service; neither one that reads nor one that reads nothing holds it up.
    async fn a_stop_ends_streams_and_waits_for_none(pair: Pair) {
        let taxi = DbTaxi::new(&pair);
        let (service, client) = service(&taxi);
        let job = waiting(&client, &pair);
        let heard = events(client.begin("GET", "/api/sync/events", &[], None));
        let _silent: Vec<TcpStream> =
            (0..20).map(|_| client.begin("GET", "/api/sync/events", &[], None)).collect();
        heard.recv_timeout(LIMIT).unwrap();
        let begun = Instant::now();
        service.signal(Signal::TERM);
        let mut names = Vec::new();
        while let Ok((name, event)) = heard.recv_timeout(LIMIT) {
            assert_eq!(event["job_id"], json!(job));
            names.push(name);
        }
        assert_eq!(names.last().map(String::as_str), Some("job_released"), "{names:?}");
        let ended = service.wait(LIMIT).expect_code(143);
        assert!(!ended.stderr.contains("cut off"), "{}", ended.stderr);
        assert!(begun.elapsed().as_secs() < 25, "{:?}", begun.elapsed());
    }
}
