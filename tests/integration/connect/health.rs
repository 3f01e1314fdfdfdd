//! Health of connections, looked at in the background by processes that stay.

use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;

use crate::both_flavours;
use crate::support::{DbTaxi, Pair, wait_until};

fn health(taxi: &DbTaxi, name: &str) -> Value {
    let shown = taxi.run(&["connections", "show", name, "--json"]);
    shown.expect_code(0).json()["health"].clone()
}

both_flavours! {
    async fn a_service_notes_when_a_source_goes_and_comes_back(pair: Pair) {
        let user = format!("h{}", pair.source_db());
        let account = format!("'{user}'@'127.0.0.1'");
        pair.source.sql(&format!(
            "DROP USER IF EXISTS {account}; CREATE USER {account} IDENTIFIED BY 'canary-one'; \
             GRANT SELECT ON `{}`.* TO {account};",
            pair.source_db()
        ));
        let taxi = DbTaxi::new(&pair)
            .set("sync.health_interval=300ms")
            .set("server.port=0");
        let connection = |name: &str| format!(
            "- name: {name}\n  host: 127.0.0.1\n  port: {}\n  username: {user}\n  \
             password: canary-one\n  database: {}\n  local_db_name: {}_{name}\n",
            pair.source.port, pair.source_db(), pair.target_db()
        );
        taxi.import(&format!(
            "version: 1\nconnections:\n{}{}configs:\n\
             - {{name: everything, connection: used, tables: '*'}}\n\
             - {{name: off, connection: unused, tables: '*', enabled: false}}\n",
            connection("used"), connection("unused")
        ));
        let service = taxi.start(&["--headless"]);
        let limit = Duration::from_secs(60);
        let is = |state: &'static str| {
            wait_until(limit, &format!("health {state}"), || {
                health(&taxi, "used")["state"] == state
            });
            health(&taxi, "used")
        };
        let good = is("ok");
        assert!(good["server"].as_str().unwrap().starts_with("M") && good["error"].is_null());
        assert!(good["latency_ms"].as_f64().unwrap() > 0.0);
        pair.source.sql(&format!("ALTER USER {account} IDENTIFIED BY 'canary-two'"));
        let failed = is("failed");
        let error = failed["error"].as_str().unwrap();
        assert!(error.contains("Access denied") && !error.contains("canary"), "{error}");
        let listed = taxi.run(&["connections", "list"]).expect_code(0).stdout;
        assert!(listed.contains("failed: ") && listed.contains("not tested"), "{listed}");
        assert_eq!(health(&taxi, "unused")["state"], "unknown", "nothing enabled needs it");
        pair.source.sql(&format!("ALTER USER {account} IDENTIFIED BY 'canary-one'"));
        is("ok");
        service.wait_to_say(limit, &["the source can be used again"]);
        pair.source.sql(&format!("DROP USER {account}"));
    }

    /// SIGHUP puts another `sync.health_interval` in force, also where there was none.
    async fn another_interval_takes_effect_without_a_restart(pair: Pair) {
        let taxi = DbTaxi::new(&pair).set("server.port=0");
        taxi.import(&format!(
            "version: 1\nconnections:\n\
             - {{name: used, host: 127.0.0.1, port: {}, username: root, database: {}, local_db_name: {}}}\n\
             configs:\n- {{name: everything, connection: used, tables: '*'}}\n",
            pair.source.port, pair.source_db(), pair.target_db()
        ));
        let file = taxi.home().join("config.yaml");
        let before = std::fs::read_to_string(&file).unwrap();
        let with = |interval: &str| {
            let line = format!("sync:\n  health_interval: {interval}\n");
            std::fs::write(&file, before.replacen("sync:\n", &line, 1)).unwrap();
        };
        with("0s");
        let service = taxi.start(&["--headless"]);
        let limit = Duration::from_secs(60);
        service.wait_to_say(limit, &["listening on"]);
        assert_eq!(health(&taxi, "used")["state"], "unknown", "on demand only");
        with("300ms");
        // Before the system is up a reload finds nothing to put it into.
        wait_until(limit, "the first look", || {
            service.signal(Signal::HUP);
            health(&taxi, "used")["state"] == "ok"
        });
        let errors = service.stderr();
        assert!(!errors.contains("needs a restart"), "{errors}");
    }
}
