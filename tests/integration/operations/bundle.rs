//! `status --bundle`: what a report of a fault needs, and no password.

use std::os::unix::fs::PermissionsExt;

use super::*;

both_flavours! {
    async fn a_bundle_holds_what_is_needed_and_no_canary(pair: Pair) {
        let taxi = DbTaxi::new(&pair);
        let account = with_password(&pair, &taxi, "canary-password");
        let settings = std::fs::read_to_string(taxi.path("config.yaml")).unwrap();
        let security = "security:\n  api_token: canary-token-0123456789\n  mask_key: canary-mask-key\n";
        taxi.write("config.yaml", &settings.replacen("security:\n", security, 1));
        taxi.run(&["run", "people"]).expect_code(0);
        // A job that fails, with the value of a key in its error.
        pair.source.sql(&format!("ALTER USER {account} IDENTIFIED BY 'canary-another'"));
        taxi.run(&["run", "people"]);
        let file = taxi.path("report.json");
        let shown = file.to_string_lossy();
        taxi.run(&["status", "--bundle", &shown]);
        let text = std::fs::read_to_string(&file).unwrap();
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        assert!(!text.contains("canary"), "{}", text.split("canary").next().unwrap().chars().rev().take(300).collect::<String>().chars().rev().collect::<String>());
        let bundle: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(bundle["version"], env!("CARGO_PKG_VERSION"));
        assert!(bundle["settings"].as_array().unwrap().iter().any(|key| key["key"] == "sync.batch_size" && key["origin"] == "default"));
        let checks = bundle["status"]["sync"]["checks"].as_array().unwrap();
        assert!(checks.iter().any(|check| check["name"] == "database" && check["ok"] == true));
        assert!(bundle["migrations"].as_array().unwrap().len() > 5);
        assert_eq!(bundle["configs"][0]["name"], "people");
        assert_eq!(bundle["plans"][0]["config"], "people");
        let jobs = bundle["jobs"].as_array().unwrap();
        assert_eq!(jobs.len(), 2);
        assert_eq!(jobs[1]["job"]["tables"][0]["target_table"], "people");
        assert!(!jobs[1]["log"].as_array().unwrap().is_empty());
        let again = taxi.run(&["status", "--bundle", &shown]).expect_code(2);
        assert!(again.stderr.contains("report.json"), "{again:?}");
        pair.source.sql(&format!("DROP USER {account}"));
    }
}
