//! The order in which the service starts and stops, as its log tells it.

use rustix::process::Signal;
use serde_json::json;

use super::{LIMIT, service};
use crate::both_flavours;
use crate::support::{Client, DbTaxi, Flavour, Pair, PrivatePair, run, wait_until};

/// Fails unless the log says these words in this order.
#[track_caller]
fn in_order(said: &str, words: &[&str]) {
    let mut rest = said;
    for word in words {
        let Some(at) = rest.find(word) else {
            panic!("no {word:?} at its place in:\n{said}");
        };
        rest = &rest[at + word.len()..];
    }
}

const STOP: &[&str] = &[
    "stopping: SIGTERM",
    "no more connections are taken",
    "job engine stopped",
    "connections to sources closed",
    "sync system stopped",
    "control database closed",
    "the HTTP server has stopped: every request was answered",
];

both_flavours! {
    /// Settings, port, control database, its tables, engine, sync system, routes, listening; and back:
    /// no more connections, engine, sources, sync system, control database, requests.
    async fn start_and_stop_take_their_steps_in_order(pair: Pair) {
        let taxi = DbTaxi::new(&pair).set("logging.format=text");
        let (service, client) = service(&taxi);
        in_order(
            &service.stderr(),
            &[
                "settings and log are in order",
                "HTTP server prepared: the port 127.0.0.1:",
                "control database open on ",
                "tables of the control database are up to date",
                "job engine started as instance ",
                "sync system started",
                "routes registered",
                "listening on http://127.0.0.1:",
                "started after ",
            ],
        );
        client.get("/api/status").expect(200);
        service.signal(Signal::TERM);
        let ended = service.wait(LIMIT).expect_code(143);
        in_order(&ended.stderr, STOP);
    }
}

/// The port is taken before anything is begun, so one in use costs nothing but a message.
#[test]
fn a_port_in_use_is_told_before_any_work_begins() {
    run(Flavour::Mariadb, port_in_use);
}

async fn port_in_use(pair: Pair) {
    let taxi = DbTaxi::new(&pair);
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let ended = taxi
        .run(&["--headless", "--listen", &address])
        .expect_code(2);
    assert!(ended.stderr.contains(&address), "{ended:?}");
    assert!(!ended.stderr.contains("job engine"), "{ended:?}");
}

/// With `sync.enabled: false` the service serves, says so, and stops in the same order.
#[test]
fn a_service_without_an_engine_says_so() {
    run(Flavour::Mariadb, no_engine);
}

async fn no_engine(pair: Pair) {
    let taxi = DbTaxi::new(&pair).set("sync.enabled=false");
    let (service, client) = service(&taxi);
    assert!(
        service
            .stderr()
            .contains("no job engine: sync.enabled is false")
    );
    for path in [
        "/api/sync/status",
        "/api/sync/jobs",
        "/api/sync/connections",
    ] {
        assert_eq!(
            client.get(path).expect(503).code(),
            "sync_disabled",
            "{path}"
        );
    }
    assert_eq!(
        client.get("/api/status").expect(200).json()["sync"]["status"],
        "disabled"
    );
    assert_eq!(
        client.get("/health").expect(200).json(),
        json!({"status": "ok"})
    );
    service.signal(Signal::TERM);
    let ended = service.wait(LIMIT).expect_code(143);
    let steps: Vec<&str> = STOP
        .iter()
        .copied()
        .filter(|step| !step.contains("engine") && !step.contains("sources"))
        .collect();
    in_order(&ended.stderr, &steps);
}

/// A step that fails is told, and those behind it are taken all the same.
#[test]
fn a_control_database_that_stands_still_does_not_keep_the_service_from_stopping() {
    let Some(private) = PrivatePair::start(Flavour::Mariadb) else {
        return;
    };
    let taxi = DbTaxi::new(&private.pair)
        .set("server.shutdown_timeout=1s")
        .set("logging.format=text");
    let service = taxi.start(&["--headless", "--listen", "127.0.0.1:0"]);
    let client = Client::of(&service);
    wait_until(LIMIT, "the service to be ready", || {
        client.get("/health/ready").status == 200
    });
    private.local.freeze();
    service.signal(Signal::TERM);
    let ended = service.wait(LIMIT).expect_code(143);
    private.local.thaw();
    in_order(
        &ended.stderr,
        &[
            "stopping: SIGTERM",
            "no more connections",
            "sync system stopped",
            "control database",
            "the HTTP server has stopped",
        ],
    );
}
