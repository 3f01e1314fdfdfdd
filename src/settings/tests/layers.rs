//! What the layers give together.

use super::*;

#[test]
fn without_any_layer_the_defaults_of_the_documentation_hold() {
    let s = loaded("", &[("HOME", "/home/x"), ("LANG", "C.UTF-8")], &[]).settings;
    let seconds = Duration::from_secs;
    assert_eq!((s.server.host.as_str(), s.server.port), ("127.0.0.1", 8080));
    assert_eq!(s.server.max_body, 1 << 20);
    assert_eq!(s.server.read_timeout, seconds(30));
    assert_eq!(s.database.host, "localhost");
    assert_eq!(
        (s.database.port, s.database.username.as_str()),
        (3306, "root")
    );
    assert_eq!((s.database.socket, s.database.password), (None, None));
    assert_eq!(s.database.ssl.mode, SslMode::Disabled);
    assert_eq!(s.database.database, "db_taxi");
    assert_eq!(
        (s.database.max_open_conns, s.database.max_idle_conns),
        (25, 5)
    );
    assert!(s.sync.enabled);
    assert_eq!((s.sync.max_concurrency, s.sync.batch_size), (5, 1000));
    assert_eq!(
        (s.sync.retry_attempts, s.sync.retry_delay),
        (3, seconds(30))
    );
    assert_eq!(s.sync.job_timeout, seconds(3600));
    assert_eq!(s.sync.cleanup_age, seconds(30 * 86_400));
    assert_eq!(s.sync.lease_ttl, seconds(15));
    assert_eq!((s.logging.level, s.logging.format), (Level::Info, None));
    assert_eq!(
        s.logging.directory.as_deref(),
        Some(Path::new("/home/x/.local/state/db-taxi/logs"))
    );
    assert_eq!(s.logging.keep_files, 14);
    assert_eq!(
        (s.dashboard.frame_rate(), s.dashboard.log_lines),
        (10, 10_000)
    );
    assert!(!s.dashboard.ascii);
    assert_eq!(s.dashboard.on_disconnect, OnDisconnect::Release);
    assert_eq!(
        s.security.key_file,
        Path::new("/home/x/.config/db-taxi/secret.key")
    );
    assert!(!s.instance.name.is_empty());
    assert_eq!(s.instance.roles, ["worker", "api"]);
    assert!(s.instance.labels.is_empty());
}

#[test]
fn a_stronger_layer_covers_a_weaker_one_key_by_key() {
    let file = "sync:\n  batch_size: 10\n  max_concurrency: 11\n  retry_attempts: 12\n";
    let loaded = loaded(
        file,
        &[
            ("DBT_SYNC_BATCH_SIZE", "20"),
            ("DBT_SYNC_MAX_CONCURRENCY", "21"),
        ],
        &["sync.batch_size=30"],
    );
    let sync = &loaded.settings.sync;
    assert_eq!((sync.batch_size, sync.max_concurrency), (30, 21));
    assert_eq!(
        (sync.retry_attempts, sync.lease_ttl),
        (12, Duration::from_secs(15))
    );
    assert_eq!(origin(&loaded, "sync.batch_size"), "--set sync.batch_size");
    assert_eq!(
        origin(&loaded, "sync.max_concurrency"),
        "DBT_SYNC_MAX_CONCURRENCY"
    );
    assert!(origin(&loaded, "sync.retry_attempts").ends_with("config.yaml:4"));
    assert_eq!(origin(&loaded, "sync.lease_ttl"), "default");
}

#[test]
fn of_two_flags_for_a_key_the_last_wins() {
    let (_dir, mut options) = options("", &[], &["logging.level=warn"]);
    options
        .sets
        .push(FlagValue::named("--log-level", "logging.level", "debug"));
    let loaded = load(&options).unwrap();
    assert_eq!(loaded.settings.logging.level, Level::Debug);
    assert_eq!(origin(&loaded, "logging.level"), "--log-level");
}

#[test]
fn text_keys_take_whatever_was_typed() {
    for text in [
        "12345", "1e5", "true", "null", "p@ss: x", "007", "0123", "*a", "no", "~", " a ", "a#b",
        "${env:", "[1]", "{a: b}", "'q'",
    ] {
        let s = loaded("", &[("DBT_DATABASE_USERNAME", text)], &[]).settings;
        assert_eq!(s.database.username, text);
        let s = loaded("", &[], &[&format!("database.username={text}")]).settings;
        assert_eq!(s.database.username, text);
        let s = loaded("", &[("DBT_DATABASE_PASSWORD", text)], &[]).settings;
        assert_eq!(
            s.database.password,
            Some(crate::model::secret::Secret::parse(text))
        );
    }
    for (text, taken) in [
        ("12345", "12345"),
        ("0123", "0123"),
        ("1e5", "1e5"),
        ("no", "no"),
        ("1.10", "1.10"),
    ] {
        let s = loaded(&format!("database: {{username: {text}}}"), &[], &[]).settings;
        assert_eq!(s.database.username, taken);
    }
}

#[test]
fn nothing_in_the_file_is_the_default_and_empty_turns_an_optional_key_off() {
    let s = loaded("sync:\nlogging:\n  level:\n  format: ~\n", &[], &[]).settings;
    assert_eq!((s.logging.level, s.logging.format), (Level::Info, None));
    let loaded = loaded(
        "database: {socket: /run/x, password: abc}",
        &[("DBT_DATABASE_SOCKET", ""), ("DBT_DATABASE_PASSWORD", "")],
        &[],
    );
    assert_eq!(loaded.settings.database.socket, None);
    assert_eq!(loaded.settings.database.password, None);
    assert_eq!(origin(&loaded, "database.socket"), "DBT_DATABASE_SOCKET");
}

#[test]
fn lists_and_words_are_read_from_every_layer() {
    let s = loaded("instance: {labels: [1, yes, a b]}", &[], &[]).settings;
    assert_eq!(s.instance.labels, ["1", "yes", "a b"]);
    let s = loaded("", &[("DBT_INSTANCE_LABELS", "a, b,,c ")], &[]).settings;
    assert_eq!(s.instance.labels, ["a", "b", "c"]);
    let s = loaded("", &[("DBT_INSTANCE_LABELS", "")], &["instance.roles=api"]).settings;
    assert_eq!((s.instance.labels.len(), s.instance.roles.len()), (0, 1));
    let s = loaded(
        "",
        &[("DBT_LOGGING_FORMAT", "json")],
        &["logging.directory=none"],
    )
    .settings;
    assert_eq!(
        (s.logging.format, s.logging.directory),
        (Some(LogFormat::Json), None)
    );
}

#[test]
fn transport_security_is_read_in_each_of_its_forms() {
    for (text, mode) in [
        ("true", SslMode::Required),
        ("false", SslMode::Disabled),
        ("verify_ca", SslMode::VerifyCa),
        ("{mode: verify_identity}", SslMode::VerifyIdentity),
    ] {
        let s = loaded(&format!("database: {{ssl: {text}}}"), &[], &[]).settings;
        assert_eq!(s.database.ssl.mode, mode, "{text}");
    }
    let s = loaded("", &[("DBT_DATABASE_SSL", "verify_ca")], &[]).settings;
    assert_eq!(s.database.ssl.mode, SslMode::VerifyCa);
    let file =
        "database:\n  ssl:\n    mode: verify_ca\n    ca: /ca.pem\n    cert: /c\n    key: /k\n";
    let ssl = loaded(file, &[], &[]).settings.database.ssl;
    assert_eq!(
        (ssl.ca.as_deref(), ssl.key.as_deref()),
        (Some("/ca.pem"), Some("/k"))
    );
    let error = refusal("database:\n  ssl:\n    mode: maybe\n", &[], &[]);
    assert!(
        error.starts_with("config.yaml:3: database.ssl.mode: \"maybe\""),
        "{error}"
    );
    let error = refusal("database:\n  ssl: {mode: required, cert: /c}\n", &[], &[]);
    assert!(
        error.starts_with("config.yaml:2: database.ssl: ") && error.contains("together"),
        "{error}"
    );
    let error = refusal("database: {ssl: {ca: /ca.pem}}", &[], &[]);
    assert!(error.contains("has no mode"), "{error}");
}

#[test]
fn a_terminal_that_can_only_do_ascii_gets_ascii() {
    for (env, ascii) in [
        (&[("TERM", "linux"), ("LANG", "C.UTF-8")][..], true),
        (&[("TERM", "xterm"), ("LANG", "de_DE.utf8")], false),
        (&[("LANG", "C.UTF-8"), ("LC_ALL", "C")], true),
        (
            &[("LANG", "C"), ("LC_ALL", ""), ("LC_CTYPE", "C.UTF-8")],
            false,
        ),
        (&[], false),
    ] {
        assert_eq!(
            loaded("", env, &[]).settings.dashboard.ascii,
            ascii,
            "{env:?}"
        );
    }
}

/// Keys of every section with values that differ by layer.
const PROBES: &[(&str, [&str; 3])] = &[
    ("server.port", ["1001", "1002", "1003"]),
    ("database.host", ["h1", "h2", "h3"]),
    ("sync.batch_size", ["1", "2", "3"]),
    ("sync.enabled", ["false", "true", "false"]),
    ("logging.level", ["warn", "debug", "trace"]),
    ("dashboard.theme", ["t1", "t2", "t3"]),
    ("instance.name", ["i1", "i2", "i3"]),
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_strongest_layer_that_sets_a_key_decides_it(
        present in proptest::collection::vec(proptest::array::uniform3(any::<bool>()), PROBES.len())
    ) {
        let mut file = String::new();
        let mut env = Vec::new();
        let mut sets = Vec::new();
        for section in super::keys::SECTIONS {
            file += &format!("{section}:\n");
            for ((name, values), set) in PROBES.iter().zip(&present) {
                let Some(short) = name.strip_prefix(&format!("{section}.")) else { continue };
                if set[0] { file += &format!("  {short}: {}\n", values[0]); }
                if set[1] { env.push((Key::find(name).unwrap().env_name(), values[1])); }
                if set[2] { sets.push(format!("{name}={}", values[2])); }
            }
        }
        let env: Vec<_> = env.iter().map(|(name, value)| (name.as_str(), *value)).collect();
        let sets: Vec<_> = sets.iter().map(String::as_str).collect();
        let merged = show(&loaded(&file, &env, &sets));
        let plain = show(&loaded("", &[], &[]));
        for ((shown, default), key) in merged.iter().zip(&plain).zip(KEYS) {
            let Some(i) = PROBES.iter().position(|(name, _)| *name == key.name) else {
                prop_assert_eq!(shown, default);
                continue;
            };
            let (name, values) = PROBES[i];
            let strongest = present[i].iter().rposition(|set| *set);
            let origin = shown.origin.to_string();
            match strongest {
                None => prop_assert_eq!(shown, default),
                Some(layer) => {
                    prop_assert_eq!(&shown.value, values[layer]);
                    match layer {
                        0 => prop_assert!(origin.contains("config.yaml:"), "{}", origin),
                        1 => prop_assert_eq!(origin, key.env_name()),
                        _ => prop_assert_eq!(origin, format!("--set {name}")),
                    }
                }
            }
        }
    }
}
