//! Settings that change while the service runs, as `/api/status` tells of them.

use super::*;

both_flavours! {
    async fn what_changes_is_taken_over_and_what_is_wrong_is_told_until_it_is_mended(pair: Pair) {
        let taxi = DbTaxi::new(&pair);
        let before = std::fs::read_to_string(taxi.path("config.yaml")).unwrap();
        let service = taxi.start(&["--headless", "--listen", "127.0.0.1:0"]);
        let client = Client::of(&service);
        wait_until(LIMIT, "the service to be ready", || client.get("/health/ready").status == 200);
        let status = || client.get("/api/status").expect(200).json();
        let started = status();
        assert_eq!((&started["settings"]["error"], &started["status"]), (&Value::Null, &Value::from("ok")), "{started}");

        // Half of it is written.
        let half = before.find("retry_delay").unwrap() + "retry".len();
        taxi.write("config.yaml", &before[..half]);
        wait_until(LIMIT, "the error", || status()["settings"]["error"].is_string());
        let wrong = status();
        assert_eq!(wrong["status"], "degraded");
        assert_eq!(wrong["settings"]["loaded_at"], started["settings"]["loaded_at"], "the old ones stay");
        let checks = wrong["sync"]["checks"].as_array().unwrap();
        let check = checks.iter().find(|check| check["name"] == "settings").unwrap();
        assert!(check["ok"] == false && check["remedy"].is_string(), "{check}");
        assert_eq!(client.get("/health/ready").status, 200, "it goes on to work");

        let with = |sync: &str, more: &str| {
            let text = before.replacen("sync:\n", &format!("sync:\n  {sync}\n"), 1);
            taxi.write("config.yaml", &format!("{text}{more}"));
        };
        with("batch_size: 77", "database_is_not_a_section: 1\n");
        wait_until(LIMIT, "the other error", || {
            status()["settings"]["error"].as_str().is_some_and(|error| error.contains("no such section"))
        });
        with("batch_size: 77", "server:\n  max_body: 3MiB\n");
        wait_until(LIMIT, "the settings to be right", || status()["settings"]["error"].is_null());
        let mended = status();
        assert_eq!(mended["settings"]["restart_needed"], serde_json::json!(["server.max_body"]));
        assert_eq!(mended["status"], "ok", "{mended}");
        service.wait_to_say(LIMIT, &["sync.batch_size: 77, was 1000"]);

        // A token that the settings name is asked for from then on, and no longer when it is gone.
        let token = "security:\n  api_token: canary-token-0123456789\n";
        let text = before.replacen("security:\n", token, 1);
        taxi.write("config.yaml", &text);
        wait_until(LIMIT, "the token to be asked for", || client.get("/api/sync/stats").status == 401);
        client.with("canary-token-0123456789").get("/api/sync/stats").expect(200);
        taxi.write("config.yaml", &before);
        wait_until(LIMIT, "the token to be gone", || client.get("/api/sync/stats").status == 200);
        assert!(!service.stderr().contains("canary"));
    }
}
