//! Who may call, and what for.

use serde_json::json;

use super::{LIMIT, connection, service};
use crate::both_flavours;
use crate::support::{Client, DbTaxi, Pair, wait_until};

fn token(taxi: &DbTaxi, name: &str, scope: &str, more: &[&str]) -> String {
    let mut args = vec!["tokens", "create", name, "--json", "--scope", scope];
    args.extend(more);
    let made = taxi.run(&args).expect_code(0).json();
    made["token"].as_str().unwrap().to_owned()
}

both_flavours! {
    /// With the first token nobody gets in without one; each scope ends where it should.
    async fn tokens_open_what_their_scope_names(pair: Pair) {
        let taxi = DbTaxi::new(&pair);
        let (service, client) = service(&taxi);
        let at = "/api/sync/connections";
        client.get(at).expect(200);
        let [read, operate, admin] =
            ["read", "operate", "admin"].map(|scope| token(&taxi, scope, scope, &[]));
        let listed = taxi.run(&["tokens", "list"]).expect_code(0).stdout;
        assert!(listed.contains("operate") && !listed.contains(&read), "{listed}");
        wait_until(LIMIT, "the door to be closed by the first token", || {
            client.get(at).status == 401
        });
        for path in ["/api/status", "/api/sync/nothing", "/nothing"] {
            assert_eq!(client.get(path).expect(401).code(), "unauthorized", "{path}");
        }
        assert_eq!(client.get("/health").expect(200).json()["status"], "ok");
        client.with(&read).get(at).expect(200);
        client.with(&read).get("/api/sync/nothing").expect(404);
        let body = connection(&pair);
        let denied = client.with(&read).post(at, &body).expect(403);
        assert_eq!(denied.code(), "forbidden");
        client.with(&operate).post(at, &body).expect(403);
        client.with(&admin).post(at, &body).expect(201);
        client.with(&read).post("/api/sync/jobs", &json!({"config": "x"})).expect(403);
        client.with(&operate).post("/api/sync/jobs", &json!({"config": "x"})).expect(404);
        let job = "/api/sync/jobs/0198f3a2-0000-7000-8000-000000000001";
        let change = |limits: &str| {
            let body = format!("{{\"throttle\": {limits}}}");
            client.with(&operate).ask("PATCH", job, &[], Some(&body))
        };
        change("{\"query\": \"SELECT 1\"}").expect(403);
        change("{\"replicas\": [\"db2:3306\"], \"max_lag\": \"1s\"}").expect(403);
        change("\"gentle\"").expect(404);
        let mut unsaved = body.clone();
        unsaved["password"] = json!("${file:/etc/passwd}");
        client.with(&operate).post(&format!("{at}/test"), &unsaved).expect(403);

        let used = taxi.run(&["tokens", "list", "--json"]).expect_code(0).json();
        let items = used["items"].as_array().unwrap();
        assert!(items.iter().all(|token| !token["last_used_at"].is_null()), "{used}");
        taxi.run(&["tokens", "revoke", "read", "--yes"]).expect_code(0);
        wait_until(LIMIT, "the token to be refused", || {
            client.with(&read).get(at).status == 401
        });
        let short = token(&taxi, "short", "read", &["--expires", "2s"]);
        wait_until(LIMIT, "the token to expire", || {
            client.with(&short).get(at).status == 401
        });
        let reserved = ["tokens", "create", "settings", "--scope", "admin"];
        taxi.run(&reserved).expect_code(2);
        let said = service.stderr();
        for secret in [&read, &operate, &admin, &short] {
            assert!(!said.contains(secret.as_str()), "{said}");
        }
        assert!(said.contains("token:admin"), "{said}");
    }
}

/// Guesses are slowed down, and nobody else pays for them.
#[test]
fn whoever_guesses_waits_and_others_do_not() {
    crate::support::run(crate::support::Flavour::Mariadb, guesses);
}

async fn guesses(pair: Pair) {
    let taxi = DbTaxi::new(&pair).set("security.api_token=${env:OWN_TOKEN}");
    let own = "a-token-that-a-person-chose";
    let mut command = taxi.command(&["--headless", "--listen", "0.0.0.0:0"]);
    command.env("OWN_TOKEN", own);
    let service = crate::support::Running::start(command);
    let client = Client::of(&service);
    wait_until(LIMIT, "the service to be ready", || {
        client.get("/health/ready").status == 200
    });
    let made = token(&taxi, "made", "read", &[]);
    let at = "/api/status";
    client.with(own).get(at).expect(200);
    let guesser = client.with("dbt_wrong");
    for _ in 0..10 {
        guesser.get(at).expect(401);
    }
    let told = guesser.get(at).expect(429);
    assert_eq!(told.code(), "rate_limited");
    let wait: u64 = told.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    // What the program made can't be guessed, so it holds; what a person chose is not tried out.
    client.with(&made).get(at).expect(200);
    client.with(own).get(at).expect(429);
    client.get("/health").expect(200);
    let elsewhere = client.from([127, 0, 0, 2]);
    elsewhere.with(own).get(at).expect(200);
    let said = service.stderr();
    let times = said
        .matches("without a valid token within a minute")
        .count();
    assert_eq!(times, 1, "{said}");
    assert!(!said.contains(own) && !said.contains("dbt_"), "{said}");
}

/// Where others reach it, a service without a token is closed, and says how to make one.
#[test]
fn without_a_token_nothing_is_open_but_on_loopback() {
    crate::support::run(crate::support::Flavour::Mariadb, closed);
}

async fn closed(pair: Pair) {
    let taxi = DbTaxi::new(&pair);
    let service = taxi.start(&["--headless", "--listen", "0.0.0.0:0"]);
    let client = Client::of(&service);
    service.wait_to_say(LIMIT, &["db-taxi tokens create NAME --scope admin"]);
    for path in ["/health", "/health/live", "/health/ready"] {
        client.get(path).expect(200);
    }
    for path in [
        "/api/status",
        "/api/sync/connections",
        "/metrics",
        "/openapi.json",
        "/",
    ] {
        client.get(path).expect(401);
    }
    client
        .post("/api/sync/connections", &connection(&pair))
        .expect(401);
    let first = token(&taxi, "first", "admin", &[]);
    wait_until(LIMIT, "the new token to be known", || {
        client.with(&first).get("/api/status").status == 200
    });
}
