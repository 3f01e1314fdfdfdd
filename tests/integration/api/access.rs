//! Who may call, and what for.

use serde_json::json;

use super::{connection, service};
use crate::both_flavours;
use crate::support::{DbTaxi, Pair};

both_flavours! {
    /// With the first token nobody gets in without one; each scope ends where it should.
    async fn tokens_open_what_their_scope_names(pair: Pair) {
        let taxi = DbTaxi::new(&pair);
        let make = |name: &str, more: &[&str]| {
            let mut args = vec!["tokens", "create", name, "--json", "--scope", name];
            args.extend(more);
            let made = taxi.run(&args).expect_code(0).json();
            made["token"].as_str().unwrap().to_owned()
        };
        let (read, operate, admin) = (make("read", &[]), make("operate", &[]), make("admin", &[]));
        let listed = taxi.run(&["tokens", "list"]).expect_code(0).stdout;
        assert!(listed.contains("operate") && !listed.contains(&read), "{listed}");
        let (service, client) = service(&taxi);
        let at = "/api/sync/connections";
        let none = client.get(at).expect(401);
        assert_eq!(none.code(), "unauthorized");
        assert_eq!(client.get("/health").expect(200).json()["status"], "ok");
        client.with(&read).get(at).expect(200);
        let body = connection(&pair);
        let denied = client.with(&read).post(at, &body).expect(403);
        assert_eq!(denied.code(), "forbidden");
        client.with(&operate).post(at, &body).expect(403);
        client.with(&admin).post(at, &body).expect(201);
        client.with(&read).post("/api/sync/jobs", &json!({"config": "x"})).expect(403);
        client.with(&operate).post("/api/sync/jobs", &json!({"config": "x"})).expect(404);
        let mut unsaved = body.clone();
        unsaved["password"] = json!("${file:/etc/passwd}");
        client.with(&operate).post(&format!("{at}/test"), &unsaved).expect(403);

        taxi.run(&["tokens", "revoke", "read", "--yes"]).expect_code(0);
        crate::support::wait_until(crate::api::LIMIT, "the token to be refused", || {
            client.with(&read).get(at).status == 401
        });
        let elsewhere = client.ask("GET", at, &["Host: evil.example.com"], None).expect(403);
        assert!(elsewhere.body.contains("evil.example.com"), "{elsewhere:?}");
        let mut last = 0;
        for _ in 0..12 {
            last = client.with("dbt_wrong").get(at).status;
        }
        assert_eq!(last, 429);
        client.with(&admin).get(at).expect(200);
        let said = service.stderr();
        for secret in [&read, &operate, &admin] {
            assert!(!said.contains(secret.as_str()), "{said}");
        }
    }
}
