//! Claims about the mapping document as a whole.

mod schedule;

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::Utc;
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::model::config::{Checksum, Consistency, Options, ShadowIn, WriterChoice};
use crate::model::config::{Config, ConfigSpec};
use crate::model::connection::{Connection, ConnectionSpec};
use crate::model::connection::{Ssl, SslMode};
use crate::model::finding::Finding;
use crate::model::mask::Mask;
use crate::model::rule::TableRule;
use crate::model::rule::{
    ColumnSelect, ConflictResolution, FullStrategy, Orphans, Quarantine, TableOverrides,
    TableSelect, TargetTriggers, Verify,
};
use crate::model::secret::Secret;

const EXAMPLE: &str = r#"version: 1
connections:
  - name: production
    host: prod-db.example.com
    username: sync_user
    password: ${env:PROD_PASSWORD}
    database: production
    local_db_name: prod_sync
    ssl: true
configs:
  - name: user-data
    connection: production
    tables:
      - users
      - {source_table: orders, sync_mode: full, where: "created_at > '2024-01-01'", exclude_columns: [note]}
      - {match: "log_*"}
    options: {batch_size: 1000, max_concurrency: 3, enable_compression: true, conflict_resolution: overwrite}
"#;

fn parse(text: &str) -> Result<Document, Vec<Finding>> {
    parse_document(text, Format::Yaml, &BTreeMap::new())
}

/// The findings as `line path: message`.
fn findings(text: &str) -> Vec<String> {
    parse(text)
        .err()
        .unwrap_or_default()
        .into_iter()
        .map(|f| format!("{} {}: {}", f.line.unwrap_or(0), f.path, f.message))
        .collect()
}

#[test]
fn what_protects_the_source_reads_back() {
    let text = "version: 1\nconnections:\n- name: a\n  username: u\n  database: d\n  throttle:\n    max_lag: 5s\n    replicas:\n    - db2:3306\n    max_rows_per_second: 500\nconfigs:\n- name: a\n  connection: a\n  tables: '*'\n  options:\n    consistency: chunk\n    snapshot_lock: ftwrl\n    max_snapshot_age: 2h\n";
    let document = parse(text).unwrap();
    assert_eq!(
        print_document(&document, Format::Yaml, Passwords::All),
        text
    );
    let options = &document.configs[0].options;
    assert_eq!(options.consistency, Consistency::Chunk);
    assert_eq!(options.max_snapshot_age, Duration::from_secs(7200));
}

#[test]
fn the_example_is_read() {
    let document = parse(EXAMPLE).unwrap();
    let connection = &document.connections[0];
    assert_eq!(connection.ssl.mode, SslMode::Required);
    assert_eq!(connection.target_database(), "prod_sync");
    assert_eq!(
        connection.password,
        Some(Secret::Env("PROD_PASSWORD".into()))
    );
    let config = &document.configs[0];
    assert_eq!(config.tables[0], TableRule::of_table("users"));
    assert_eq!(
        config.tables[1].columns,
        ColumnSelect::Except(vec!["note".into()])
    );
    assert_eq!(config.tables[2], TableRule::of_pattern("log_*"));
    assert_eq!(config.options.table.batch_size, Some(1000));
    assert_eq!(config.options.max_concurrency, 3);
}

#[test]
fn every_finding_is_told_with_its_path_and_line() {
    let text = "\
version: 2
connections:
  - name: a
    host: _mysql._tcp.example.com:3306
    port: 70000
    user: root
    database: shop
    ssl: {mode: verify_ca, cert: /c.pem}
  - name: a
    socket: /s
    host: h
    username: 12
    database: shop
configs:
  - name: c
    connection: nowhere
    tables: [a, {source_table: a}, {source_table: b, target_table: a}, 'log_*', {match: 'x\\'}]
    schedule: '0 0 2 * * *'
    options:
      max_concurrency: 65
      job_timeout: 30
      colour: red
      full_strategy: swop
      writer: bulk
";
    let shown = findings(text);
    for expected in [
        "1 version: the only version",
        "4 connections[0].host: _mysql._tcp.example.com:3306: an SRV name has no port",
        "5 connections[0].port: port must be a whole number from 1 to 65535",
        "6 connections[0].user: unknown field",
        "3 connections[0].username: username is required",
        "8 connections[0].ssl.key: cert needs key beside it",
        "11 connections[1].host: host and socket exclude",
        "12 connections[1].username: must be text, not a number",
        "16 configs[0].connection: there is no connection named nowhere",
        "17 configs[0].tables[1].source_table: tables[0] takes a already",
        "17 configs[0].tables[2].target_table: tables[0] writes the target table a already",
        "17 configs[0].tables[3]: a text is the exact name of a table",
        "17 configs[0].tables[4].match: the pattern ends in a lone",
        "18 configs[0].schedule: six fields are not taken",
        "20 configs[0].options.max_concurrency: max_concurrency must be a whole number from 1 to 64",
        "21 configs[0].options.job_timeout: job_timeout is a duration",
        "22 configs[0].options.colour: unknown field",
        "23 configs[0].options.full_strategy: full_strategy has an unknown value",
        "24 configs[0].options.writer: writer: bulk is not available in this version",
    ] {
        assert!(
            shown.iter().any(|line| line.starts_with(expected)),
            "{expected}\nis not in\n{}",
            shown.join("\n")
        );
    }
    assert_eq!(shown.len(), 19, "{}", shown.join("\n"));
}

#[test]
fn remedies_name_the_field_that_was_meant() {
    let all = parse("version: 1\nconnections: [{name: a, user: u, username: u, database: d}]\n")
        .unwrap_err();
    assert_eq!(all[0].remedy.as_deref(), Some("did you mean username?"));
    let all = parse_config(&json!({"name": "c", "connection": "a", "table": ["t"]})).unwrap_err();
    assert!(
        all.iter()
            .any(|f| f.remedy.as_deref() == Some("did you mean tables?")),
        "{all:?}"
    );
}

#[test]
fn names_and_targets_are_unique_in_a_document() {
    let connection = "{name: a, username: u, database: d}";
    let text = format!(
        "version: 1\nconnections:\n  - {connection}\n  - {connection}\nconfigs:\n  \
         - {{name: x, connection: a, tables: [t]}}\n  \
         - {{name: y, connection: a, tables: [s, t]}}\n  \
         - {{name: z, connection: a, tables: '*'}}\n"
    );
    let shown = findings(&text);
    assert!(shown[0].starts_with("4 connections[1].name: connections[0] is named a already"));
    assert!(shown[1].starts_with("7 configs[1].tables[1]: target_taken: the config x writes d.t"));
    assert!(
        shown[2].starts_with("8 configs[2].tables: target_taken")
            || shown[2].contains("configs[2].tables[0]: target_taken: the config x writes d.t"),
        "{shown:?}"
    );
    assert_eq!(shown.len(), 3);
}

#[test]
fn a_pattern_meets_an_exact_name_only_where_it_reaches_it() {
    let head = "version: 1\nconnections:\n  - {name: a, username: u, database: d}\n  \
                - {name: b, username: u, database: d2, local_db_name: d}\nconfigs:\n  \
                - {name: x, connection: a, tables: [t]}\n";
    for (config, meets) in [
        ("{name: y, connection: a, tables: '*'}", true),
        ("{name: y, connection: a, tables: '*', exclude: [t]}", false),
        ("{name: y, connection: a, tables: [{match: 'u*'}]}", false),
        ("{name: y, connection: b, tables: '*'}", false),
        ("{name: y, connection: b, tables: [t]}", true),
        (
            "{name: y, connection: b, tables: [{source_table: t, target_table: t2}]}",
            false,
        ),
        (
            "{name: y, connection: b, tables: [{source_table: q, target_table: t}]}",
            true,
        ),
        (
            "{name: y, connection: a, tables: [{source_table: t, target_table: t2, enabled: false}, {match: '*'}]}",
            false,
        ),
        (
            "{name: y, connection: b, tables: [{source_table: t, enabled: false}]}",
            true,
        ),
    ] {
        let text = format!("{head}  - {config}\n");
        assert_eq!(!findings(&text).is_empty(), meets, "{config}");
    }
}

#[test]
fn what_a_later_version_knows_is_refused_unless_it_is_the_default() {
    let rule = |field: &str, value: serde_json::Value| {
        parse_config(&json!({"name": "c", "connection": "a",
            "tables": [{"source_table": "t", field: value}]}))
    };
    let option = |field: &str, value: serde_json::Value| {
        parse_config(&json!({"name": "c", "connection": "a", "tables": "*",
            "options": {field: value}}))
    };
    for (field, default, other) in [
        ("strategy", json!("auto"), json!("binlog")),
        ("schema_changes", json!("widen"), json!("apply")),
        ("recheck", json!("never"), json!("@daily")),
    ] {
        assert!(rule(field, default).is_ok(), "{field}");
        let message = rule(field, other).unwrap_err()[0].to_string();
        assert!(
            message.contains(field) && message.contains("not available in this version"),
            "{message}"
        );
    }
    for (field, default, other) in [
        ("compare", json!("server"), json!("stream")),
        ("writer", json!("load_data"), json!("bulk")),
    ] {
        assert!(option(field, default).is_ok(), "{field}");
        let message = option(field, other).unwrap_err()[0].to_string();
        assert!(
            message.contains(field) && message.contains("not available in this version"),
            "{message}"
        );
    }
}

#[test]
fn masks_are_read_with_their_defaults_and_refused_where_they_can_not_be() {
    let rule = |mask: serde_json::Value| {
        parse_config(&json!({"name": "c", "connection": "a",
            "tables": [{"source_table": "t", "key": ["id"], "exclude_columns": ["out"], "mask": mask}]}))
        .map(|spec| spec.tables[0].mask["a"].clone())
    };
    for (written, read) in [
        (json!({"method": "nullify"}), Mask::Nullify),
        (
            json!({"method": "constant", "value": 7}),
            Mask::Constant("7".into()),
        ),
        (
            json!({"method": "constant", "value": ""}),
            Mask::Constant(String::new()),
        ),
        (json!({"method": "hash"}), Mask::Hash { length: 32 }),
        (
            json!({"method": "partial", "keep_last": 4, "fill": "#"}),
            Mask::Partial {
                keep_first: 0,
                keep_last: 4,
                fill: '#',
            },
        ),
        (
            json!({"method": "expression", "sql": "CONCAT(id, '@now.example')"}),
            Mask::Expression("CONCAT(id, '@now.example')".into()),
        ),
    ] {
        assert_eq!(rule(json!({"a": written})).unwrap(), read);
    }
    for (column, mask, told) in [
        (
            "a",
            json!({"method": "shuffle"}),
            "method has an unknown value",
        ),
        ("a", json!({}), "method is required"),
        ("a", json!({"method": "hash", "length": 8}), "from 16 to 64"),
        ("a", json!({"method": "hash", "fill": "x"}), "unknown field"),
        ("a", json!({"method": "constant"}), "value is required"),
        (
            "a",
            json!({"method": "partial", "fill": "ab"}),
            "one character",
        ),
        ("a", json!({"method": "partial", "fill": " "}), "no blank"),
        (
            "a",
            json!({"method": "expression", "sql": "a) FROM t; --"}),
            "parenthesis",
        ),
        (
            "a",
            json!({"method": "expression", "sql": "@db_taxi_mask_inner"}),
            "variables",
        ),
        (
            "a",
            json!({"method": "expression", "sql": "uuid()"}),
            "another value each time",
        ),
        ("ID", json!({"method": "nullify"}), "only be masked by hash"),
        ("out", json!({"method": "nullify"}), "left out"),
    ] {
        let found = rule(json!({column: mask})).unwrap_err();
        assert!(found[0].message.contains(told), "{found:?}");
        assert!(
            found[0]
                .path
                .starts_with(&format!("tables[0].mask.{column}")),
            "{found:?}"
        );
    }
}

#[test]
fn incremental_rules_read_back_in_their_shortest_form() {
    let text = "version: 1
connections:
- {name: a, host: h, username: u, database: d}
configs:
- name: c
  connection: a
  sync_mode: incremental
  tables:
  - source_table: t
    strategy: watermark
    watermark_column: w
    lag_window: 10m
    detect_deletes: every_run
  - source_table: n
    sync_mode: full
    lag_window: 5
    detect_deletes: 0 3 * * *
";
    let document = parse_document(text, Format::Yaml, &BTreeMap::new()).unwrap();
    let printed = print_document(&document, Format::Yaml, Passwords::References);
    for line in text.lines().skip(4) {
        assert!(printed.contains(line.trim()), "{line}\n{printed}");
    }
    let again = parse_document(&printed, Format::Yaml, &BTreeMap::new()).unwrap();
    assert_eq!(again, document);
    for (field, wrong, says) in [
        ("lag_window", json!(true), "duration"),
        ("lag_window", json!("5"), "lag_window"),
        ("detect_deletes", json!("sometimes"), "detect_deletes"),
        ("strategy", json!("binlog"), "not available in this version"),
        ("watermark_column", json!(""), "empty"),
    ] {
        let config = json!({"name": "c", "connection": "a", "sync_mode": "incremental",
            "tables": [{"source_table": "t", field: wrong}]});
        let said = parse_config(&config).unwrap_err()[0].to_string();
        assert!(said.contains(says), "{said}");
    }
    let left_out = json!({"name": "c", "connection": "a", "tables":
        [{"source_table": "t", "watermark_column": "w", "exclude_columns": ["W"]}]});
    let said = parse_config(&left_out).unwrap_err()[0].to_string();
    assert!(said.contains("watermark column w is left out"), "{said}");
}

#[test]
fn policies_of_a_rule_are_read_and_what_is_not_one_is_refused() {
    let rule = |more: &str| {
        let text = format!(
            r#"{{"name": "c", "connection": "a", "tables": [{{"source_table": "t", {more}}}]}}"#
        );
        parse_config(&serde_json::from_str(&text).unwrap())
    };
    let read =
        rule(r#""conflict_resolution": "newer", "watermark_column": "at", "quarantine": "7d""#);
    let read = read.unwrap().tables.remove(0);
    assert_eq!(read.watermark_column.as_deref(), Some("at"));
    assert_eq!(
        read.options.conflict_resolution,
        Some(ConflictResolution::Newer)
    );
    let week = Duration::from_secs(7 * 86_400);
    assert_eq!(read.options.quarantine, Some(Quarantine::Keep(week)));
    let read = rule(r#""quarantine": "none""#).unwrap().tables.remove(0);
    assert_eq!(read.options.quarantine, Some(Quarantine::None));
    for (more, words) in [
        (
            r#""conflict_resolution": "merge""#,
            "overwrite, skip, error, newer",
        ),
        (r#""quarantine": "0s""#, "would keep nothing"),
        (r#""quarantine": 7"#, "needs a unit"),
        (
            r#""watermark_column": "at", "exclude_columns": ["AT"]"#,
            "watermark column at is left out",
        ),
    ] {
        let found = rule(more).unwrap_err()[0].to_string();
        assert!(found.contains(words), "{found}");
    }
}

#[test]
fn null_and_absent_mean_the_default() {
    let bare = json!({"name": "c", "connection": "a", "tables": "*"});
    let spec = parse_config(&bare).unwrap();
    let full = spec_to_json(&spec);
    assert_eq!(parse_config(&full).unwrap(), spec);
    let nulls: serde_json::Map<_, _> = full
        .as_object()
        .unwrap()
        .iter()
        .map(|(key, value)| {
            let keep = bare.get(key).is_some();
            (
                key.clone(),
                if keep {
                    value.clone()
                } else {
                    serde_json::Value::Null
                },
            )
        })
        .collect();
    assert_eq!(parse_config(&nulls.into()).unwrap(), spec);
}

#[test]
fn what_is_shown_can_be_put_back() {
    let mut spec = ConnectionSpec::new("a", "u", "d");
    spec.password = Some(Secret::Env("X".into()));
    let connection = Connection {
        id: crate::model::ids::ConnectionId::generate(),
        spec: spec.clone(),
        has_password: true,
        version: 1,
        health: Default::default(),
        created_at: Utc::now(),
        updated_at: Utc::now(),
    };
    let shown = connection_to_json(&connection);
    assert_eq!(shown["password"], "${env:X}");
    assert_eq!(shown["health"]["state"], "unknown");
    assert_eq!(shown["health"]["checked_at"], serde_json::Value::Null);
    assert_eq!(parse_connection(&shown).unwrap(), spec);

    let config = Config {
        id: crate::model::ids::ConfigId::generate(),
        connection_id: connection.id,
        spec: ConfigSpec::new("c", "a", vec![TableRule::of_table("t")]),
        version: 1,
        last_job: None,
        next_runs: Vec::new(),
        zone: None,
        created_at: Utc::now(),
        updated_at: Utc::now(),
    };
    let shown = config_to_json(&config);
    assert_eq!(parse_config(&shown).unwrap(), config.spec);
}

#[test]
fn passwords_are_shown_only_where_asked_for() {
    let mut spec = ConnectionSpec::new("a", "u", "d");
    spec.password = Some(Secret::parse("canary"));
    let document = Document {
        connections: vec![spec.clone()],
        configs: Vec::new(),
    };
    for format in [Format::Yaml, Format::Json] {
        assert!(!print_document(&document, format, Passwords::References).contains("canary"));
        assert!(print_document(&document, format, Passwords::All).contains("password"));
    }
    assert!(!spec_to_json(&spec).to_string().contains("canary"));
    // A password in the wrong place or of the wrong type is not repeated either.
    for text in [
        "version: 1\nconnections: [{name: a, username: u, database: d, password: 4711}]",
        "version: 1\nconnections: [{name: a, username: u, database: d, password: '${canary}'}]",
        "version: 1\nconnections: [{name: a, username: u, database: d, port: canary}]",
        "version: 1\nconnections: [{name: a, username: u, database: d, ssl: canary}]",
    ] {
        let shown = findings(text).join("\n");
        assert!(!shown.is_empty() && !shown.contains("4711") && !shown.contains("canary"));
    }
}

#[test]
fn an_object_alone_is_edited_as_text() {
    let spec = parse(EXAMPLE).unwrap().configs.remove(0);
    let text = print_object(&spec, Format::Yaml);
    assert!(
        text.starts_with("name: user-data\nconnection: production\ntables:\n- users\n"),
        "{text}"
    );
    assert_eq!(parse_object::<ConfigSpec>(&text, Format::Yaml), Ok(spec));
    let wrong = text
        .replace("connection:", "conection:")
        .replace("- users", "- users\n- users");
    let found = parse_object::<ConfigSpec>(&wrong, Format::Yaml).unwrap_err();
    let lines: Vec<_> = found.iter().map(|f| (f.line, f.path.as_str())).collect();
    assert_eq!(
        lines,
        [
            (Some(1), "connection"),
            (Some(2), "conection"),
            (Some(5), "tables[1].source_table")
        ]
    );
}

#[test]
fn conditions_must_be_closed() {
    let with = |text: &str| {
        parse_config(&json!({"name": "c", "connection": "a",
            "tables": [{"source_table": "t", "where": text}]}))
    };
    assert!(with("a > 1 and (b = ';')").is_ok());
    let all = with("1) or (1").unwrap_err();
    assert_eq!(all[0].path, "tables[0].where");
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z][a-z0-9_]{0,12}",
        "[A-Za-z0-9:#&*!|>%@`'\"{},\\[\\]?-][ -~]{0,10}[!-~]",
        "[äöü€😀a]{1,6}",
        Just("true".to_owned()),
        Just("null".to_owned()),
        Just("~".to_owned()),
        Just("123".to_owned()),
        Just("1e3".to_owned()),
        Just("0x1f".to_owned()),
        Just("2024-01-01".to_owned()),
        Just("*".to_owned()),
    ]
    .prop_filter("a name", |name| {
        crate::model::names::check_name(name).is_ok() && !name.starts_with("_dbtaxi_")
    })
}

fn free_text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[ -~]{1,20}",
        "[a-z\n\t :#'\"-]{1,20}",
        "\\PC{1,10}",
        Just("a: b\n  c\n".to_owned()),
        Just(" leading\ntrailing \n\n".to_owned()),
        Just("\u{feff}x\u{85}y\u{2028}z".to_owned()),
    ]
    .prop_filter("something", |text| !text.trim().is_empty())
}

fn connection() -> impl Strategy<Value = ConnectionSpec> {
    (
        name(),
        free_text(),
        name(),
        proptest::option::of(name()),
        proptest::option::of(free_text()),
        prop_oneof![
            Just(Ssl::default()),
            Just(Ssl {
                mode: SslMode::Required,
                ..Ssl::default()
            }),
            free_text().prop_map(|ca| Ssl {
                mode: SslMode::VerifyIdentity,
                ca: Some(ca),
                ..Ssl::default()
            }),
        ],
        0_u64..100_000,
        2_u32..10,
        proptest::option::of(Just("/run/s".to_owned())),
    )
        .prop_map(|(n, user, db, local, password, ssl, ms, most, socket)| {
            let mut spec = ConnectionSpec::new(&n, &user, &db);
            spec.local_db_name = local;
            spec.password = password
                .filter(|p| !(p.starts_with("${") && p.ends_with('}')))
                .map(|p| Secret::parse(&p));
            spec.ssl = ssl;
            spec.connect_timeout = Duration::from_millis(ms);
            spec.max_connections = most;
            spec.socket = socket;
            spec
        })
}

fn mask() -> impl Strategy<Value = Mask> {
    prop_oneof![
        Just(Mask::Nullify),
        free_text().prop_map(Mask::Constant),
        (16_u32..=64).prop_map(|length| Mask::Hash { length }),
        (
            0_u32..9,
            0_u32..9,
            prop_oneof![Just('*'), Just('x'), Just('•')]
        )
            .prop_map(|(keep_first, keep_last, fill)| Mask::Partial {
                keep_first,
                keep_last,
                fill
            }),
        prop_oneof![Just("CONCAT('x', id, '@example.com')"), Just("id % 7")]
            .prop_map(|sql| Mask::Expression(sql.to_owned())),
    ]
}

fn rule() -> impl Strategy<Value = TableRule> {
    let columns = prop_oneof![
        Just(ColumnSelect::All),
        proptest::collection::btree_set(name(), 1..3)
            .prop_map(|set| ColumnSelect::Only(set.into_iter().collect())),
        proptest::collection::btree_set(name(), 1..3)
            .prop_map(|set| ColumnSelect::Except(set.into_iter().collect())),
    ];
    let overrides = (
        proptest::option::of(1_u32..1000),
        proptest::option::of(Just(FullStrategy::Swap)),
        proptest::option::of((0_u64..100_000).prop_map(Duration::from_millis)),
        proptest::option::of(Just(Orphans::Fail)),
        proptest::option::of(any::<bool>()),
        proptest::option::of(Just(TargetTriggers::Refuse)),
        proptest::option::of(Just(Verify::None)),
        proptest::option::of(0_u64..1000),
        proptest::option::of(0_u32..100),
        proptest::option::of(Just(ConflictResolution::Newer)),
        proptest::option::of(prop_oneof![
            Just(Quarantine::None),
            (1_u64..100_000).prop_map(|s| Quarantine::Keep(Duration::from_secs(s)))
        ]),
    )
        .prop_map(|(a, b, c, d, e, f, g, h, i, j, k)| TableOverrides {
            batch_size: a,
            conflict_resolution: j,
            quarantine: k,
            full_strategy: b,
            swap_timeout: c,
            orphans: d,
            allow_cascade: e,
            target_triggers: f,
            verify: g,
            max_delete_rows: h,
            max_delete_percent: i,
            allow_empty_source: e,
        });
    (
        prop_oneof![
            name().prop_map(TableSelect::Source),
            name()
                .prop_filter("a pattern", |p| crate::model::pattern::check(p).is_ok())
                .prop_map(TableSelect::Match)
        ],
        proptest::option::of(name()),
        proptest::option::of(any::<bool>()),
        proptest::option::of(
            free_text().prop_filter("closed", |t| condition::check_condition(t).is_ok()),
        ),
        columns,
        prop_oneof![Just(TableOverrides::default()), overrides],
        proptest::collection::btree_map(name(), mask(), 0..3),
    )
        .prop_map(
            |(select, target, enabled, condition, columns, options, mask)| {
                let target_table = match &select {
                    TableSelect::Source(_) => target,
                    TableSelect::Match(_) => None,
                };
                TableRule {
                    select,
                    target_table,
                    enabled,
                    where_clause: condition,
                    columns,
                    options,
                    mask,
                    ..TableRule::default()
                }
            },
        )
}

fn config() -> impl Strategy<Value = ConfigSpec> {
    (
        name(),
        proptest::collection::vec(rule(), 1..4),
        any::<bool>(),
        proptest::option::of(1_u64..1_000_000),
        1_u32..64,
        any::<bool>(),
        proptest::option::of(schedule::any_schedule()),
    )
        .prop_map(|(n, tables, enabled, timeout, workers, strong, schedule)| {
            let mut spec = ConfigSpec::new(&n, "", tables);
            spec.enabled = enabled;
            spec.schedule = schedule;
            spec.options = Options {
                max_concurrency: workers,
                consistency: Consistency::Table,
                shadow_in: if strong {
                    ShadowIn::Target
                } else {
                    ShadowIn::Auto
                },
                checksum: if strong {
                    Checksum::Strong
                } else {
                    Checksum::Fast
                },
                writer: WriterChoice::Insert,
                job_timeout: timeout.map(Duration::from_millis),
                ..Options::default()
            };
            spec
        })
}

/// One connection and one config, whose tables don't collide.
fn document() -> impl Strategy<Value = Document> {
    (connection(), config()).prop_map(|(connection, mut config)| {
        config.connection.clone_from(&connection.name);
        let mut kept: Vec<TableRule> = Vec::new();
        for rule in config.tables {
            let mut trial = ConfigSpec::new("c", "a", kept.clone());
            trial.tables.push(rule.clone());
            if parse_config(&spec_to_json(&trial)).is_ok() {
                kept.push(rule);
            }
        }
        if kept.is_empty() {
            kept.push(TableRule::of_pattern("*"));
        }
        config.tables = kept;
        Document {
            connections: vec![connection],
            configs: vec![config],
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn export_import_export_is_byte_identical(document in document()) {
        for format in [Format::Yaml, Format::Json] {
            let text = print_document(&document, format, Passwords::All);
            let back = parse_document(&text, format, &BTreeMap::new());
            prop_assert!(back.is_ok(), "{text}\n{:?}", back.err());
            let again = print_document(&back.unwrap(), format, Passwords::All);
            prop_assert_eq!(text, again);
        }
    }

    #[test]
    fn the_stored_form_reads_back_the_same(document in document()) {
        for spec in &document.configs {
            let json = spec_to_json(spec);
            let back: ConfigSpec = spec_from_json(&json).unwrap();
            prop_assert_eq!(json, spec_to_json(&back));
            for rule in &spec.tables {
                let json = spec_to_json(rule);
                let back: TableRule = spec_from_json(&json).unwrap();
                prop_assert_eq!(json, spec_to_json(&back));
            }
        }
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in "\\PC{0,60}") {
        for format in [Format::Yaml, Format::Json] {
            let _either_way = parse_document(&text, format, &BTreeMap::new());
        }
    }
}
