//! Who changed what.

use serde_json::{Value, json};

use super::{LIMIT, connection, service};
use crate::both_flavours;
use crate::support::{Client, DbTaxi, Pair, wait_until};

fn entries(client: &Client, query: &str) -> Vec<Value> {
    let body = client
        .get(&format!("/api/sync/audit{query}"))
        .expect(200)
        .json();
    body["items"].as_array().unwrap().clone()
}

both_flavours! {
    /// Every change has one entry with who, what, before and after; what failed has none.
    async fn every_change_by_any_front_is_told_without_its_secrets(pair: Pair) {
        pair.source.sql(&format!(
            "USE `{}`; CREATE TABLE users (id INT PRIMARY KEY); INSERT INTO users VALUES (1)",
            pair.source_db()
        ));
        let taxi = DbTaxi::new(&pair);
        let (_service, client) = service(&taxi);
        let at = "/api/sync/connections";
        let mut body = connection(&pair);
        body["password"] = json!("canary-1");
        let made = client.post(at, &body).expect(201).json();
        let id = made["id"].as_str().unwrap().to_owned();
        client.post(at, &body).expect(409);
        body["password"] = json!("canary-2");
        body["max_connections"] = json!(5);
        let one = format!("{at}/{id}");
        client.ask("PUT", &one, &[], Some(&body.to_string())).expect(200);
        body["password"] = json!("");
        client.ask("PUT", &one, &[], Some(&body.to_string())).expect(200);
        let config = json!({"connection_id": id, "name": "Users", "tables": ["users"]});
        let config = client.post("/api/sync/configs", &config).expect(201).json();
        let config_id = config["id"].as_str().unwrap().to_owned();

        let job = client.post("/api/sync/jobs", &json!({"config": "Users"})).expect(202);
        let job_at = job.header("location").unwrap();
        wait_until(LIMIT, "the end of the job", || {
            client.get(&job_at).json()["state"] == "completed"
        });
        client.ask("POST", &format!("{job_at}/stop"), &[], None).expect(409);
        taxi.run(&["configs", "disable", "Users"]).expect_code(0);
        taxi.run(&["tokens", "create", "ci", "--scope", "read"]).expect_code(0);
        taxi.run(&["tokens", "revoke", "ci", "--yes"]).expect_code(0);
        wait_until(LIMIT, "the door to be open again", || client.get(at).status == 200);
        client.ask("DELETE", &format!("/api/sync/configs/{config_id}"), &[], None).expect(204);
        client.ask("DELETE", &one, &[], None).expect(204);

        let all = entries(&client, "");
        let told: Vec<(&str, &str)> = all
            .iter()
            .rev()
            .map(|entry| (entry["action"].as_str().unwrap(), entry["object"].as_str().unwrap()))
            .collect();
        assert_eq!(
            told,
            [
                ("connection.create", "Production DB"),
                ("connection.update", "Production DB"),
                ("connection.update", "Production DB"),
                ("config.create", "Users"),
                ("job.start", "Users"),
                ("config.update", "Users"),
                ("token.create", "ci"),
                ("token.revoke", "ci"),
                ("config.delete", "Users"),
                ("connection.delete", "Production DB"),
            ]
        );
        assert!(!json!(all).to_string().contains("canary"), "{all:?}");
        let of = |n: usize| &all[all.len() - 1 - n];
        assert_eq!(of(0)["before"], Value::Null);
        assert_eq!(of(0)["after"]["password"], "*** (set)");
        assert_eq!(of(0)["object_id"], id);
        assert_eq!(of(0)["actor"], "api@127.0.0.1");
        assert_eq!(of(1)["before"], json!({"max_connections": 8, "password": "***"}));
        assert_eq!(of(1)["after"], json!({"max_connections": 5, "password": "*** (set)"}));
        assert_eq!(of(2)["before"], json!({"password": "***"}));
        assert_eq!(of(2)["after"], json!({"password": null}));
        assert_eq!(of(4)["after"]["trigger"], "api");
        assert_eq!(of(5)["before"], json!({"enabled": true}));
        assert_eq!(of(5)["after"], json!({"enabled": false}));
        let person = of(5)["actor"].as_str().unwrap();
        assert!(person.contains('@') && !person.starts_with("api@"), "{person}");
        assert_eq!(of(8)["before"]["tables"][0]["source_table"], "users");

        let first = client.get("/api/sync/audit?limit=3").expect(200).json();
        let next = first["next_cursor"].as_str().unwrap();
        let second = entries(&client, &format!("?limit=500&cursor={next}"));
        assert_eq!(second.len(), all.len() - 3);
        assert_eq!(entries(&client, "?action=token").len(), 2);
        assert_eq!(entries(&client, "?action=job.start&actor=api@127.0.0.1").len(), 1);
        assert_eq!(entries(&client, &format!("?object_id={id}&object=Users")).len(), 0);
        assert_eq!(entries(&client, "?object_id=%F0%9F%92%A9").len(), 0);
        assert_eq!(entries(&client, "?since=2999-01-01T00:00:00Z").len(), 0);
        client.get("/api/sync/audit?action=nothing").expect(400);
    }

    /// An import tells each object it changes; one that fails tells nothing, since it changed nothing.
    async fn an_import_is_told_object_by_object_or_not_at_all(pair: Pair) {
        let taxi = DbTaxi::new(&pair);
        taxi.import_tables(&pair, "[a]", "{}");
        taxi.import_tables(&pair, "[a, b]", "{}");
        let bad = taxi.write("bad.yaml", "version: 1\nconfigs:\n- {name: x, connection: none, tables: [a]}\n");
        taxi.run(&["-y", "mappings", "import", &bad.to_string_lossy()]).expect_code(2);
        let (_service, client) = service(&taxi);
        let all = entries(&client, "");
        let actions: Vec<&Value> = all.iter().map(|entry| &entry["action"]).collect();
        assert_eq!(actions, ["config.update", "config.create", "connection.create"]);
        assert_eq!(all[0]["before"], json!({"tables": []}));
        let rules = all[0]["after"]["tables"].as_array().unwrap();
        assert_eq!((rules.len(), &rules[0]["source_table"]), (1, &json!("b")));
        assert_eq!(all[0]["after"].as_object().unwrap().len(), 1);
    }
}
