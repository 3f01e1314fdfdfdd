//! Who takes which job, who answers what, and who is there.

use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;

use crate::both_flavours;
use crate::support::{Client, DbTaxi, Pair, Running, wait_until};

const LIMIT: Duration = Duration::from_secs(90);

fn install(pair: &Pair, labels: &str) -> DbTaxi {
    pair.source.sql(&format!(
        "CREATE TABLE {0} (id INT PRIMARY KEY); INSERT INTO {0} VALUES (1), (2);",
        pair.source_table("a")
    ));
    let taxi = DbTaxi::new(pair);
    taxi.import(&format!(
        "version: 1\nconnections:\n- name: source\n  host: 127.0.0.1\n  port: {}\n  username: root\n  \
         database: {}\n  local_db_name: {}\nconfigs:\n- name: everything\n  connection: source\n  \
         tables: [a]\n  labels: {labels}\n",
        pair.source.port,
        pair.source_db(),
        pair.target_db()
    ));
    taxi
}

/// A service, and the port that it got.
fn service(taxi: &DbTaxi, sets: &[&str]) -> (Running, Client) {
    let mut args = vec!["--headless", "--listen", "127.0.0.1:0"];
    for set in sets {
        args.extend(["--set", set]);
    }
    let running = taxi.start(&args);
    running.wait_to_say(LIMIT, &["job engine started"]);
    let client = Client::of(&running);
    (running, client)
}

fn instances(taxi: &DbTaxi) -> Vec<Value> {
    let listed = taxi.run(&["--json", "instances"]).expect_code(0).json();
    listed["items"].as_array().unwrap().clone()
}

fn named<'a>(all: &'a [Value], name: &str) -> &'a Value {
    let found = all.iter().find(|one| one["name"] == name);
    found.unwrap_or_else(|| panic!("no {name} in {all:?}"))
}

both_flavours! {
    async fn a_config_runs_only_where_all_of_its_labels_are(pair: Pair) {
        let taxi = install(&pair, "[eu, big disk]");
        let refused = taxi.run(&["run", "everything"]).expect_code(4);
        assert!(refused.stderr.contains("eu, big disk"), "{}", refused.stderr);
        let (_plain, _) = service(&taxi, &["instance.name=plain", "instance.labels=eu"]);
        let queued = taxi.run(&["jobs", "start", "everything"]).expect_code(0);
        assert!(queued.stderr.contains("carries all of the labels eu, big disk"), "{}", queued.stderr);
        let shown = taxi.run(&["jobs", "show", "last:everything"]).expect_code(0);
        assert!(shown.stderr.contains("it waits: no live instance"), "{}", shown.stderr);
        let status = taxi.run(&["--json", "status"]).expect_code(1).json();
        let check = status["sync"]["checks"].as_array().unwrap().iter().find(|c| c["name"] == "labels").unwrap();
        assert_eq!(check["ok"], false, "{check}");
        assert!(check["message"].as_str().unwrap().contains("everything: no live instance"), "{check}");

        let other = taxi.sibling();
        let (_fits, _) = service(&other, &["instance.name=fits", "instance.labels=big disk,eu,ssd"]);
        wait_until(LIMIT, "the job to be done", || {
            let job = taxi.run(&["--json", "jobs", "show", "last:everything"]).json();
            job["state"] == "completed" && job["instance"] == "fits"
        });
        pair.judge("a", "a").equal();
        taxi.run(&["run", "everything", "--set", "instance.labels=eu,big disk"]).expect_code(0);
    }

    async fn without_the_role_api_only_probes_and_metrics_are_answered(pair: Pair) {
        let taxi = install(&pair, "[]");
        let (worker, client) = service(&taxi, &["instance.roles=worker", "instance.name=hand"]);
        wait_until(LIMIT, "it to be ready", || client.get("/health/ready").status == 200);
        client.get("/health/live").expect(200);
        let metrics = client.get("/metrics").expect(200);
        assert!(metrics.body.contains("dbtaxi_build_info"), "{}", metrics.body);
        for path in ["/api/status", "/api/sync/jobs", "/openapi.json"] {
            client.get(path).expect(404);
        }
        let (api, asked) = service(&taxi.sibling(), &["instance.roles=api", "instance.name=head"]);
        let all = asked.get("/api/sync/instances").expect(200).json();
        let all = all["items"].as_array().unwrap();
        assert_eq!(named(all, "hand")["roles"], serde_json::json!(["worker"]));
        // What the one queues, the other does.
        taxi.run(&["jobs", "start", "everything"]).expect_code(0);
        wait_until(LIMIT, "the job to be done", || {
            taxi.run(&["--json", "jobs", "show", "last:everything"]).json()["instance"] == "hand"
        });
        for one in [worker, api] {
            one.signal(Signal::TERM);
            one.wait(LIMIT).expect_code(143);
        }
    }

    async fn instances_are_listed_with_their_state_and_a_name_of_their_own(pair: Pair) {
        let taxi = install(&pair, "[]");
        let sets = ["instance.name=twin", "instance.labels=eu"];
        let (first, client) = service(&taxi, &sets);
        let (second, _) = service(&taxi.sibling(), &sets);
        let (third, _) = service(&taxi.sibling(), &sets);
        let all = instances(&taxi);
        for name in ["twin", "twin-2", "twin-3"] {
            let one = named(&all, name);
            assert_eq!((&one["state"], &one["labels"][0]), (&"alive".into(), &"eu".into()));
            assert!(one["address"].as_str().unwrap().starts_with("127.0.0.1:"), "{one}");
        }
        let over_rest = client.get("/api/sync/instances").expect(200).json();
        let keys = |one: &Value| one.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        assert_eq!(keys(&over_rest["items"][0]), keys(&all[0]));
        second.signal(Signal::TERM);
        second.wait(LIMIT).expect_code(143);
        third.freeze();
        wait_until(LIMIT, "the frozen one to be lost", || {
            named(&instances(&taxi), "twin-3")["state"] == "lost"
        });
        assert_eq!(named(&instances(&taxi), "twin-2")["state"], "stopped");

        // Its name goes to another; when it wakes up it takes a new one.
        let (_fourth, _) = service(&taxi.sibling(), &["instance.name=twin-3"]);
        third.thaw();
        wait_until(LIMIT, "it to be entered again", || {
            instances(&taxi).iter().any(|one| one["name"] == "twin-3-2" || one["name"] == "twin-2" && one["state"] == "alive")
        });
        let text = taxi.run(&["instances"]).expect_code(0).stdout;
        assert!(text.lines().next().unwrap().starts_with("NAME"), "{text}");
        assert!(text.contains("twin-2"), "{text}");
        drop(first);
    }
}
