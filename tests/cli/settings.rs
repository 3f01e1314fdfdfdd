//! `config`, and what wrong settings do.

use crate::home::Home;

#[test]
fn the_template_is_a_valid_settings_file() {
    let home = Home::new();
    let template = home.expect(0, &["config", "template"]).stdout;
    home.write("config.yaml", &template);
    let ended = home.expect(0, &["config", "check"]);
    assert!(ended.stdout.contains("config.yaml"), "{ended:?}");
    assert_eq!(ended.stderr, "");
}

#[test]
fn show_tells_where_each_value_came_from() {
    let home = Home::new();
    let file = home.write("mine.yaml", "sync:\n  batch_size: 7\n");
    let mut command = home.command(&[
        "config",
        "show",
        "--json",
        "--config",
        file.to_str().unwrap(),
        "--set",
        "sync.max_concurrency=3",
        "--log-level",
        "debug",
    ]);
    let output = command
        .env("DBT_SYNC_RETRY_ATTEMPTS", "9")
        .output()
        .unwrap();
    let body: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(body["next_cursor"], serde_json::Value::Null);
    let of = |key: &str| {
        let item = body["items"].as_array().unwrap().iter();
        let item = item.clone().find(|item| item["key"] == key).unwrap();
        (
            item["value"].as_str().unwrap().to_owned(),
            item["origin"].as_str().unwrap().to_owned(),
        )
    };
    let (value, origin) = of("sync.batch_size");
    assert_eq!(value, "7");
    assert!(origin.ends_with("mine.yaml:2"), "{origin}");
    let (value, origin) = of("sync.max_concurrency");
    assert_eq!((value.as_str(), origin.contains("--set")), ("3", true));
    let (value, origin) = of("sync.retry_attempts");
    assert_eq!(
        (value.as_str(), origin.as_str()),
        ("9", "DBT_SYNC_RETRY_ATTEMPTS")
    );
    let (value, origin) = of("logging.level");
    assert_eq!((value.as_str(), origin.as_str()), ("debug", "--log-level"));
    let (value, origin) = of("server.port");
    assert_eq!((value.as_str(), origin.as_str()), ("8080", "default"));
}

#[test]
fn a_secret_is_masked_and_a_reference_is_not() {
    let home = Home::new();
    home.write("config.yaml", "database:\n  password: canary-7f3a\n");
    for args in [&["config", "show"][..], &["config", "show", "--json"]] {
        let ended = home.expect(0, args);
        assert!(!ended.stdout.contains("canary"), "{ended:?}");
    }
    home.write("config.yaml", "database:\n  password: ${env:DB_PASSWORD}\n");
    let ended = home.expect(0, &["config", "show"]);
    assert!(ended.stdout.contains("${env:DB_PASSWORD}"), "{ended:?}");
}

#[test]
fn wrong_settings_exit_with_2_and_name_file_line_and_key() {
    let home = Home::new();
    home.write("config.yaml", "sync:\n  retry_delay: 30\n  batch_sise: 5\n");
    for args in [
        &["config", "check"][..],
        &["status"],
        &["run", "a"],
        &["--headless"],
    ] {
        let ended = home.expect(2, args);
        assert!(ended.stderr.contains("config.yaml:2"), "{ended:?}");
        assert!(ended.stderr.contains("sync.retry_delay"), "{ended:?}");
        assert!(ended.stderr.contains("config.yaml:3"), "{ended:?}");
        assert!(ended.stderr.contains("batch_sise"), "{ended:?}");
        assert_eq!(ended.stdout, "");
    }
    let ended = home.expect(2, &["config", "check", "--json"]);
    let body: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(body["error"]["code"], "validation_failed");
    assert_eq!(body["error"]["details"][0]["path"], "sync.retry_delay");
    assert_eq!(body["error"]["details"][0]["line"], 2);
}

#[test]
fn a_named_file_must_be_there() {
    let ended = Home::new().expect(2, &["--config", "missing.yaml", "status"]);
    assert!(ended.stderr.contains("missing.yaml"), "{ended:?}");
}

#[test]
fn paths_work_while_the_settings_are_wrong() {
    let home = Home::new();
    home.write("config.yaml", "nonsense: [\n");
    let ended = home.expect(0, &["config", "paths"]);
    assert!(ended.stdout.contains("config.yaml"), "{ended:?}");
    assert!(ended.stdout.contains("secret.key"), "{ended:?}");
}

#[test]
fn commands_about_settings_write_nothing() {
    let home = Home::new();
    for args in ["show", "check", "template", "paths"] {
        home.expect(0, &["config", args]);
    }
    let left: Vec<_> = std::fs::read_dir(home.path()).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn wrong_keys_of_actions_are_told_with_file_line_and_key() {
    let home = Home::new();
    let text = "dashboard:\n  theme: dark\n  keys:\n    explode: x\n    wrap: [W, hyper-x]\n    \
                stop_job: q\n";
    home.write("config.yaml", text);
    for args in [&["config", "check"][..], &["config", "keys"]] {
        let ended = home.expect(2, args);
        for told in [
            "config.yaml:4: dashboard.keys.explode: there is no such action",
            "config.yaml:5: dashboard.keys.wrap: ",
            "hyper-x",
            "config.yaml:6: dashboard.keys.stop_job: q means quit in the same place already",
        ] {
            assert!(ended.stderr.contains(told), "{told}: {ended:?}");
        }
        assert_eq!(ended.stdout, "");
    }
    let ended = home.expect(2, &["config", "check", "--json"]);
    let body: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(body["error"]["details"][1]["path"], "dashboard.keys.wrap");
    assert_eq!(body["error"]["details"][1]["line"], 5);
    home.write("config.yaml", "dashboard:\n  keys:\n    wrap: [W]\n");
    home.expect(0, &["config", "check"]);
}
