//! The table of keys against the fields, what is shown, the template and the paths.

use super::*;

#[test]
fn every_key_reaches_its_field() {
    let plain = loaded("", &[], &[]).settings;
    for key in KEYS {
        let value = match (key.kind, key.name) {
            (Kind::Levels | Kind::Keys | Kind::Notifications, _) => continue,
            // A program without traces refuses every value of it.
            (_, "logging.otlp_endpoint") if !cfg!(feature = "otel") => continue,
            (_, "logging.otlp_endpoint") => "http://127.0.0.1:4318".to_owned(),
            (Kind::Word(words), _) => words
                .iter()
                .rfind(|word| !matches!(key.default, Preset::Text(text) if text == **word))
                .unwrap()
                .to_string(),
            (Kind::Words(words), _) => words[0].to_owned(),
            (Kind::Flag, "sync.enabled") => "false".to_owned(),
            (Kind::Flag | Kind::Ssl, _) => "true".to_owned(),
            (Kind::Number { .. }, "database.max_idle_conns") => "7".to_owned(),
            (Kind::Number { max, .. }, _) => max.to_string(),
            (Kind::Duration { .. }, _) => "7s".to_owned(),
            (Kind::Size { .. }, _) => "7KiB".to_owned(),
            (Kind::Zone, _) => "Europe/Berlin".to_owned(),
            (Kind::Throttle, _) => "gentle".to_owned(),
            // A secret itself is refused as an argument.
            (Kind::Secret, _) => "${env:OTHER}".to_owned(),
            (Kind::Origins, _) => "https://other".to_owned(),
            _ => "other".to_owned(),
        };
        let set = format!("{}={value}", key.name);
        // TLS takes both files or none.
        let other = match key.name {
            "server.tls_cert" => &["server.tls_key=x"][..],
            "server.tls_key" => &["server.tls_cert=x"],
            _ => &[],
        };
        let changed = loaded("", &[], &[&[set.as_str()], other].concat());
        assert_ne!(changed.settings, plain, "{set}");
        assert_eq!(origin(&changed, key.name), format!("--set {}", key.name));
    }
    let changed = loaded("logging: {modules: {sync: debug}}", &[], &[]);
    assert_eq!(changed.settings.logging.modules["sync"], Level::Debug);
    let file = "dashboard:\n  keys:\n    quit: [q, ctrl-q, 5]\n    refresh: 7\n    wrap: []\n";
    let keys = loaded(file, &[], &[]).settings.dashboard.keys;
    assert_eq!(keys["quit"], ["q", "ctrl-q", "5"]);
    assert_eq!((keys["refresh"].len(), keys["wrap"].len()), (1, 0));
    let error = refusal("dashboard:\n  keys:\n    quit: [[x]]\n", &[], &[]);
    assert!(
        error.starts_with("config.yaml:3: dashboard.keys.quit[0]: is a list"),
        "{error}"
    );
    let file = "sync:\n  throttle: {max_lag: 5s, replicas: ['db2:3306'], max_mib_per_second: 3}\n";
    let throttle = loaded(file, &[], &[]).settings.sync.throttle;
    assert_eq!(
        throttle.shown(),
        "{max_lag: 5s, replicas: [db2:3306], max_mib_per_second: 3}"
    );
}

#[test]
fn what_is_shown_has_every_key_its_value_and_its_origin() {
    let loaded = loaded(
        "database:\n  password: ${env:PW}\n  ssl: {mode: verify_ca, ca: /ca}\nlogging: {modules: {sync: debug}}\n",
        &[
            ("DBT_SYNC_CLEANUP_AGE", "2w"),
            ("STATE_DIRECTORY", "/var/lib/x"),
        ],
        &["server.max_body=64KiB"],
    );
    let shown = show(&loaded);
    assert_eq!(shown.len(), KEYS.len());
    let find = |key: &str| {
        let shown = shown.iter().find(|shown| shown.key == key).unwrap();
        (shown.value.as_str(), shown.origin.to_string())
    };
    assert_eq!(find("database.password").0, "${env:PW}");
    assert_eq!(find("database.ssl").0, "{mode: verify_ca, ca: /ca}");
    assert_eq!(find("logging.modules").0, "{sync: debug}");
    assert_eq!(
        find("sync.cleanup_age"),
        ("14d", "DBT_SYNC_CLEANUP_AGE".into())
    );
    assert_eq!(
        find("server.max_body"),
        ("64KiB", "--set server.max_body".into())
    );
    assert_eq!(find("database.socket"), ("none", "default".into()));
    assert_eq!(
        find("security.key_file"),
        ("/var/lib/x/secret.key", "default: $STATE_DIRECTORY".into())
    );
    let json = serde_json::to_value(&shown).unwrap();
    assert_eq!(json[0]["key"], "server.host");
    assert_eq!(json[0]["origin"], "default");
}

#[test]
fn the_template_has_every_key_at_its_default_and_no_other() {
    let text = template();
    let env = &[("HOME", "/home/x")];
    let from_template = loaded(&text, env, &[]);
    assert_eq!(from_template.settings, loaded("", env, &[]).settings);
    let yaml: serde_yaml::Value = serde_yaml::from_str(&text).unwrap();
    let mut listed = Vec::new();
    for (section, keys) in yaml.as_mapping().unwrap() {
        let section = section.as_str().unwrap();
        let Some(keys) = keys.as_mapping() else {
            assert!(keys.as_sequence().is_some_and(Vec::is_empty), "{section}");
            listed.push(section.to_owned());
            continue;
        };
        for (key, value) in keys {
            let name = format!("{section}.{}", key.as_str().unwrap());
            let known = Key::find(&name).unwrap_or_else(|| panic!("{name}"));
            let has_value = matches!(known.default, Preset::Text(_))
                || matches!(known.kind, Kind::Levels | Kind::Keys);
            assert_eq!(!value.is_null(), has_value, "{name}");
            listed.push(name);
        }
    }
    let known: Vec<_> = KEYS.iter().map(|key| key.name.to_owned()).collect();
    assert_eq!(listed, known);
}

#[test]
fn every_default_of_the_table_is_valid() {
    for key in KEYS {
        if let Preset::Text(text) = key.default {
            assert!(
                value::Value::from_text(key.kind, text).is_ok(),
                "{}",
                key.name
            );
        }
        assert!(!key.doc.is_empty(), "{}", key.name);
    }
}

#[test]
fn paths_are_shown_with_and_without_valid_settings() {
    let (dir, options) = options(
        "",
        &[("HOME", "/home/x"), ("DBT_CONFIG", "other.yaml")],
        &[],
    );
    std::fs::write(dir.path().join("other.yaml"), "security: {key_file: /k}").unwrap();
    let before = paths(&options, None);
    let notes: Vec<_> = before
        .iter()
        .map(|entry| (entry.what, entry.note.as_str()))
        .collect();
    assert_eq!(
        notes,
        [
            ("settings file", "DBT_CONFIG; in use"),
            ("settings file", "current folder; not used"),
            ("settings file", "$XDG_CONFIG_HOME; not there"),
            ("config folder", "$XDG_CONFIG_HOME"),
            ("key file", "default"),
            ("log files", "default"),
            ("state folder", "$XDG_STATE_HOME"),
        ]
    );
    let loaded = load(&options).unwrap();
    let after = paths(&options, Some(&loaded));
    let key = after.iter().find(|entry| entry.what == "key file").unwrap();
    assert_eq!(key.path, PathBuf::from("/k"));
    assert!(key.note.ends_with("other.yaml:1"), "{}", key.note);
}
