//! What is refused or warned of, and in which words.

use super::*;

#[test]
fn each_error_names_file_line_key_and_what_is_allowed() {
    for (file, expected) in [
        (
            "sync:\n  batch_size: 0\n",
            "config.yaml:2: sync.batch_size: 0 is too small; expected a whole number from 1 to 100000",
        ),
        (
            "sync:\n  batch_size: -1\n",
            "config.yaml:2: sync.batch_size: is a negative or fractional number; expected a whole number from 1 to 100000",
        ),
        (
            "sync:\n  batch_size: 1.5\n",
            "config.yaml:2: sync.batch_size: is a negative or fractional number; expected a whole number from 1 to 100000",
        ),
        (
            "sync:\n  batch_size: '500'\n",
            "config.yaml:2: sync.batch_size: is the text \"500\"; write 500 without quotes; expected a whole number from 1 to 100000",
        ),
        (
            "sync:\n  batch_size: 0500\n",
            "config.yaml:2: sync.batch_size: \"0500\" begins with a zero, which some read as octal; expected a whole number from 1 to 100000",
        ),
        (
            "sync:\n  batch_size: 1_000\n",
            "config.yaml:2: sync.batch_size: \"1_000\" is not a whole number; expected a whole number from 1 to 100000",
        ),
        (
            "sync:\n  batch_size: many\n",
            "config.yaml:2: sync.batch_size: \"many\" is not a whole number; expected a whole number from 1 to 100000",
        ),
        (
            "sync:\n  enabled: yes\n",
            "config.yaml:2: sync.enabled: \"yes\" is a text in YAML 1.2; expected true or false",
        ),
        (
            "sync:\n  enabled: 1\n",
            "config.yaml:2: sync.enabled: is a number; expected true or false",
        ),
        (
            "sync:\n  retry_delay: 30\n",
            "config.yaml:2: sync.retry_delay: \"30\" has no unit; expected a duration such as 500ms, 30s, 5m, 1h 30m, 30d or 2w, from 0s to 10m",
        ),
        (
            "sync:\n  retry_delay: 11m\n",
            "config.yaml:2: sync.retry_delay: 11m is too large; expected a duration such as 500ms, 30s, 5m, 1h 30m, 30d or 2w, from 0s to 10m",
        ),
        (
            "sync:\n  job_timeout: 1y\n",
            "config.yaml:2: sync.job_timeout: unknown unit \"y\" in \"1y\"; expected a duration such as 500ms, 30s, 5m, 1h 30m, 30d or 2w",
        ),
        (
            "sync:\n  lease_ttl: 1s\n",
            "config.yaml:2: sync.lease_ttl: 1s is too small; expected a duration such as 500ms, 30s, 5m, 1h 30m, 30d or 2w, from 5s to 5m",
        ),
        (
            "server: {max_body: 1MB}\n",
            "config.yaml:1: server.max_body: unknown unit \"MB\" in \"1MB\"; expected a size such as 64KiB or 16MiB, from 1KiB to 1GiB",
        ),
        (
            "logging: {level: loud}\n",
            "config.yaml:1: logging.level: \"loud\" is not known; expected one of error, warn, info, debug, trace",
        ),
        (
            "database:\n  host: [a]\n",
            "config.yaml:2: database.host: is a list; expected a text",
        ),
        (
            "database:\n  host: ''\n",
            "config.yaml:2: database.host: is empty; expected a text",
        ),
        (
            "database:\n  port: 0\n",
            "config.yaml:2: database.port: 0 is too small; expected a whole number from 1 to 65535",
        ),
        (
            "sync:\n  batch_sise: 1\n",
            "config.yaml:2: sync.batch_sise: there is no such key; did you mean sync.batch_size?",
        ),
        (
            "snyc:\n  batch_size: 1\n",
            "config.yaml:1: snyc: there is no such section; did you mean sync?",
        ),
        (
            "server: 5\n",
            "config.yaml:1: server: is a number; expected keys, each on a line of its own, indented",
        ),
        (
            "- a\n",
            "config.yaml:1: the file is a list; expected the sections server, database, sync, logging, dashboard, security, instance",
        ),
        (
            "sync:\n  batch_size: 1\n  enabled: true\n  batch_size: 2\n",
            "config.yaml:4: sync.batch_size: is there twice, first in line 2; remove one",
        ),
        (
            "sync: {}\nserver: {}\nsync: {}\n",
            "config.yaml:3: sync: is there twice, first in line 1; remove one",
        ),
        (
            "instance:\n  labels: gpu\n",
            "config.yaml:2: instance.labels: is a text; expected a list of texts (in the environment: by commas)",
        ),
        (
            "instance:\n  labels:\n    - a\n    - [b]\n",
            "config.yaml:4: instance.labels[1]: is a list; expected a list of texts (in the environment: by commas)",
        ),
        (
            "instance: {name: ' a'}\n",
            "config.yaml:1: instance.name: a name can't begin or end with a blank; expected 1 to 100 characters, no control characters, no blank at either end, not a UUID",
        ),
        (
            "sync:\n\tbatch_size: 1\n",
            "config.yaml:2: is not YAML: found character that cannot start any token at line 2 column 1, while scanning for the next token; indent with blanks, and put texts with special characters in quotes",
        ),
    ] {
        assert_eq!(refusal(file, &[], &[]), expected);
    }
    let error = refusal("logging:\n  modules:\n    snyc: debug\n", &[], &[]);
    assert!(
        error.starts_with("config.yaml:3: logging.modules.snyc: is not a module; "),
        "{error}"
    );
    let error = refusal("logging:\n  modules: {sync: loud}\n", &[], &[]);
    assert!(
        error.starts_with("config.yaml:2: logging.modules.sync: \"loud\" is not a level; "),
        "{error}"
    );
    let error = refusal(
        "sync:\n  throttle:\n    max_lag: 5s\n    max_threads: 3\n",
        &[],
        &[],
    );
    assert!(
        error.starts_with("config.yaml:4: sync.throttle.max_threads: unknown field"),
        "{error}"
    );
    let error = refusal("sync: {throttle: gentel}", &[], &[]);
    assert!(
        error.starts_with("config.yaml:1: sync.throttle: \"gentel\" is not known; "),
        "{error}"
    );
    let error = refusal("instance: {roles: []}", &[], &[]);
    assert!(error.contains("instance.roles: is empty"), "{error}");
}

#[test]
fn errors_of_environment_and_flags_name_the_variable_and_the_flag() {
    for (name, value, expected) in [
        (
            "DBT_SYNC_BATCH_SIZE",
            "many",
            "DBT_SYNC_BATCH_SIZE: sync.batch_size: \"many\" is not a whole number; expected a whole number from 1 to 100000",
        ),
        (
            "DBT_SYNC_BATCH_SIZE",
            "",
            "DBT_SYNC_BATCH_SIZE: sync.batch_size: \"\" is not a whole number; expected a whole number from 1 to 100000",
        ),
        (
            "DBT_SYNC_ENABLED",
            "yes",
            "DBT_SYNC_ENABLED: sync.enabled: \"yes\" is neither; expected true or false",
        ),
        (
            "DBT_SYNC_RETRY_DELAY",
            "5",
            "DBT_SYNC_RETRY_DELAY: sync.retry_delay: \"5\" has no unit; expected a duration such as 500ms, 30s, 5m, 1h 30m, 30d or 2w, from 0s to 10m",
        ),
        (
            "DBT_DATABASE_HOST",
            "",
            "DBT_DATABASE_HOST: database.host: is empty; expected a text",
        ),
    ] {
        assert_eq!(refusal("", &[(name, value)], &[]), expected);
    }
    assert!(
        refusal("", &[("DBT_LOGGING_MODULES", "sync=debug")], &[]).contains("in the file only")
    );
    for (set, expected) in [
        (
            "sync.batch_size",
            "--set sync.batch_size: there is no value; expected KEY=VALUE, such as sync.batch_size=500",
        ),
        (
            "sync.batch_sise=5",
            "--set sync.batch_sise: sync.batch_sise: there is no such key; did you mean sync.batch_size?",
        ),
        (
            "sync.batch_size=0",
            "--set sync.batch_size: sync.batch_size: 0 is too small; expected a whole number from 1 to 100000",
        ),
    ] {
        assert_eq!(refusal("", &[], &[set]), expected);
    }
}

#[test]
fn all_errors_are_told_at_once_also_those_of_covered_values() {
    let errors = refused(
        "sync:\n  batch_size: 0\n  nonsense: 1\nserver:\n  port: high\n",
        &[("DBT_SYNC_ENABLED", "perhaps")],
        &["sync.batch_size=5", "logging.level=loud"],
    );
    let starts: Vec<_> = errors
        .iter()
        .map(|e| e.split(": ").next().unwrap())
        .collect();
    assert_eq!(
        starts,
        [
            "config.yaml:2",
            "config.yaml:3",
            "config.yaml:5",
            "DBT_SYNC_ENABLED",
            "--set logging.level"
        ]
    );
}

#[test]
fn rules_over_two_keys_name_both() {
    let error = refusal("database:\n  host: db1\n  socket: /run/x\n", &[], &[]);
    assert!(
        error.starts_with("config.yaml:2: database.host: ") && error.contains("config.yaml:3"),
        "{error}"
    );
    // The example file names every key at its default; that is no conflict.
    let s = loaded(
        "database: {host: localhost, port: 3306, socket: /run/x}",
        &[],
        &[],
    )
    .settings;
    assert_eq!(s.database.socket.as_deref(), Some(Path::new("/run/x")));
    let error = refusal(
        "database: {max_idle_conns: 9}",
        &[("DBT_DATABASE_MAX_OPEN_CONNS", "8")],
        &[],
    );
    assert!(
        error.starts_with("config.yaml:1: database.max_idle_conns: 9 is more than"),
        "{error}"
    );
    let loaded = loaded("database: {max_open_conns: 3}", &[], &[]);
    assert_eq!(loaded.settings.database.max_idle_conns, 3);
    assert_eq!(
        origin(&loaded, "database.max_idle_conns"),
        "default: database.max_open_conns"
    );
}

#[test]
fn a_collector_of_traces_is_refused_where_none_are_made_or_where_it_is_no_address() {
    let error = refusal("", &[("DBT_LOGGING_OTLP_ENDPOINT", "collector")], &[]);
    let expected = if cfg!(feature = "otel") {
        "is no address; expected something like http://127.0.0.1:4318"
    } else {
        "this program was built without traces; remove it, or build with cargo build --release --features otel"
    };
    let place = "DBT_LOGGING_OTLP_ENDPOINT: logging.otlp_endpoint";
    assert_eq!(error, format!("{place}: {expected}"));
    loaded("logging: {otlp_endpoint: null}", &[], &[]);
}

#[test]
fn tls_takes_both_files_and_origins_are_named_one_by_one() {
    loaded(
        "server: {cors_origins: [], tls_cert: null}",
        &[],
        &["server.tls_key="],
    );
    for (there, missing) in [("cert", "key"), ("key", "cert")] {
        let error = refusal(&format!("server: {{tls_{there}: /x}}"), &[], &[]);
        let says =
            format!("config.yaml:1: server.tls_{there}: is set and server.tls_{missing} is not");
        assert!(error.starts_with(&says), "{error}");
    }
    let error = refusal("server: {cors_origins: ['https://a', '*']}", &[], &[]);
    assert!(error.contains("server.cors_origins[1]: * would"), "{error}");
    let error = refusal("", &[("DBT_SERVER_CORS_ORIGINS", "https://a/b")], &[]);
    assert!(error.contains("is no origin such as"), "{error}");
    let file = "server: {cors_origins: ['HTTPS://A:443', 'http://b:81']}";
    let origins = loaded(file, &[], &[]).settings.server.cors_origins;
    assert_eq!(origins, ["https://a", "http://b:81"]);
}

#[test]
fn unknown_variables_of_our_sections_are_warned_of_and_those_of_others_left_alone() {
    let loaded = loaded(
        "",
        &[
            ("DBT_SYNC_BATCH_SISE", "canary"),
            ("DBT_PROFILES_DIR", "/dbt"),
            ("DBT_SYNCHRONY", "1"),
            ("DBT_CONFIG", ""),
            ("DBT_SECRET_KEY", "x"),
        ],
        &[],
    );
    let warnings: Vec<_> = loaded.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(
        warnings,
        [
            "DBT_SYNC_BATCH_SISE: no setting has this name, so it has no effect; did you mean DBT_SYNC_BATCH_SIZE?"
        ]
    );
}

#[test]
fn a_secret_is_nowhere_in_errors_warnings_or_what_is_shown() {
    for file in [
        "database: {password: [canary]}",
        "database: {password: {canary: canary}}",
        "database: {password:canary}",
        "database:\n  password:canary\n",
        "database: canary",
        "canary",
        "database: {password: !canary x, port: 0}",
        "database:\n  password: canary\n  password: canary\n",
        "database:\n  password: *canary\n",
        "database:\n  password: @canary\n",
        "database:\n  password: \"canary\n",
        "database: {pasword: canary}",
        "security: {api_token: [canary]}",
    ] {
        let text = refused(file, &[], &[]).join("\n");
        assert!(!text.contains("canary"), "{file}: {text}");
    }
    for set in [
        "database.password:canary",
        "database.password=flag-canary",
        "database.pasword=canary",
        "database.password.x=canary",
    ] {
        let text = refused("", &[], &[set]).join("\n");
        assert!(!text.contains("canary"), "{set}: {text}");
    }
    let (_dir, options) = options(
        "database: {password: file-canary}",
        &[
            ("DBT_DATABASE_PASSWORD", "env-canary"),
            ("DBT_DATABASE_PASWORD", "warn-canary"),
        ],
        &[],
    );
    let loaded = load(&options).unwrap();
    let text = format!(
        "{:?} {:?} {:?} {:?}",
        options.sets,
        loaded,
        show(&loaded),
        loaded.warnings
    );
    assert!(!text.contains("canary"), "{text}");
}
