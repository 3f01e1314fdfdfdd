//! A night at the shop: connections, configs, jobs and log lines that never change.

use chrono::{DateTime, Duration, Utc};
use db_taxi::dashboard::app::msg::Loaded;
use db_taxi::dashboard::app::overview::Overview;
use db_taxi::dashboard::app::state::{Clock, Setup};
use db_taxi::dashboard::app::{Load, Msg, State, update};
use db_taxi::model::audit::AuditEntry;
use db_taxi::model::config::{Config, ConfigSpec, LastJob};
use db_taxi::model::connection::{Connection, ConnectionSpec, Health, HealthState};
use db_taxi::model::cron::{Cron, Zone};
use db_taxi::model::error::{ErrorCode, ErrorInfo, ShownValue};
use db_taxi::model::freshness::{ConfigFreshness, Freshness};
use db_taxi::model::ids::{ConfigId, ConnectionId, JobId, TableRunId};
use db_taxi::model::job::{Job, JobKind, JobLimits, JobState, Kept, Trigger};
use db_taxi::model::log::{Difference, DifferenceKind, DifferingColumn, Level, LogEntry};
use db_taxi::model::night::{BadNight, FailedJob};
use db_taxi::model::plan::{Plan, PlannedDeletes, Risk, Severity, TablePlan};
use db_taxi::model::preview::{PreviewColumn, RulePreview};
use db_taxi::model::progress::{Counts, Progress};
use db_taxi::model::report::{
    BinlogReport, ColumnInfo, Flavour, KeyInfo, MissingPrivilege, PrivilegeReport, SourceTable,
    TableInfo, TestReport, TlsReport,
};
use db_taxi::model::rule::{SyncMode, TableRule};
use db_taxi::model::schedule::Timetable;
use db_taxi::model::status::{DatabaseStatus, PoolStatus, Stats};
use db_taxi::model::table_run::{
    AsOf, Phase, TableRun, TableState, Timing, Verified, VerifiedScope,
};
use db_taxi::model::throttle::ThrottleSpec;

pub fn now() -> DateTime<Utc> {
    "2026-11-21T02:14:07Z".parse().unwrap()
}

fn ago(seconds: i64) -> DateTime<Utc> {
    now() - Duration::seconds(seconds)
}

fn uuid(n: u32) -> String {
    format!("0198f3a2-0000-7000-8000-{n:012}")
}

pub fn connection_id(n: u32) -> ConnectionId {
    uuid(n).parse().unwrap()
}

pub fn config_id(n: u32) -> ConfigId {
    uuid(100 + n).parse().unwrap()
}

pub fn job_id(n: u32) -> JobId {
    uuid(200 + n).parse().unwrap()
}

pub fn overview() -> Overview {
    Overview {
        version: "0.1.0".to_owned(),
        instance: "db1".to_owned(),
        database: DatabaseStatus {
            connected: true,
            server: Some("10.11.19-MariaDB".to_owned()),
            error: None,
            retry_at: None,
            pool: PoolStatus::default(),
        },
        stats: Some(Stats {
            total_connections: 3,
            connected_connections: 1,
            total_configs: 3,
            enabled_configs: 2,
            total_jobs: 15,
            pending_jobs: 1,
            running_jobs: 1,
            completed_jobs: 12,
            completed_with_errors_jobs: 1,
            instances: 1,
            ..Stats::default()
        }),
        takers: Some(Vec::new()),
        instances: Vec::new(),
        checks: Vec::new(),
    }
}

pub fn overview_down() -> Overview {
    Overview {
        database: DatabaseStatus {
            connected: false,
            error: Some("127.0.0.1:3306: Connection refused (os error 111)".to_owned()),
            retry_at: Some(now() + Duration::seconds(4)),
            ..DatabaseStatus::default()
        },
        stats: None,
        ..overview()
    }
}

pub fn connections() -> Vec<Connection> {
    let one = |n: u32, spec: ConnectionSpec, health: Health| Connection {
        id: connection_id(n),
        spec,
        has_password: true,
        version: 1,
        health,
        created_at: ago(90_000),
        updated_at: ago(90_000),
    };
    let mut production = ConnectionSpec::new("production", "sync_user", "production");
    production.host = "prod-db.example.com".to_owned();
    production.local_db_name = Some("prod_sync".to_owned());
    let mut crm = ConnectionSpec::new("crm", "sync_user", "crm");
    crm.host = "10.0.4.7".to_owned();
    let mut wide = ConnectionSpec::new("顧客データベース", "sync", "顧客");
    wide.socket = Some("/run/mysqld/mysqld.sock".to_owned());
    vec![
        one(
            1,
            crm,
            Health {
                state: HealthState::Failed,
                checked_at: Some(ago(60)),
                latency_ms: None,
                server: None,
                error: Some("10.0.4.7:3306: connection timed out after 10s".to_owned()),
            },
        ),
        one(
            2,
            production,
            Health {
                state: HealthState::Ok,
                checked_at: Some(ago(240)),
                latency_ms: Some(3.1),
                server: Some("MySQL 9.7.4".to_owned()),
                error: None,
            },
        ),
        one(3, wide, Health::default()),
    ]
}

pub fn configs() -> Vec<Config> {
    let one = |n: u32, spec: ConfigSpec, connection: u32, last: Option<LastJob>| Config {
        id: config_id(n),
        connection_id: connection_id(connection),
        spec,
        version: 1,
        last_job: last,
        next_runs: Vec::new(),
        zone: None,
        created_at: ago(90_000),
        updated_at: ago(90_000),
    };
    let mut off = ConfigSpec::new("archive", "production", vec![TableRule::of_pattern("*")]);
    off.enabled = false;
    off.exclude = vec!["tmp_*".to_owned()];
    let mut orders = TableRule::of_table("orders");
    orders.where_clause = Some("created_at > '2024-01-01'".to_owned());
    let mut nightly = ConfigSpec::new(
        "shop-nightly",
        "production",
        vec![TableRule::of_table("customers"), orders],
    );
    nightly.schedule = Some(Cron::parse("0 3 * * *").unwrap().into());
    let mut crm = ConfigSpec::new("crm-full", "crm", vec![TableRule::of_pattern("*")]);
    crm.sync_mode = SyncMode::Incremental;
    let mut configs = vec![
        one(1, off, 2, None),
        one(
            2,
            crm,
            1,
            Some(LastJob {
                id: job_id(2),
                state: JobState::CompletedWithErrors,
                finished_at: Some(ago(2400)),
            }),
        ),
        one(
            3,
            nightly,
            2,
            Some(LastJob {
                id: job_id(4),
                state: JobState::Running,
                finished_at: None,
            }),
        ),
    ];
    for config in &mut configs {
        if let Some(schedule) = &config.spec.schedule {
            config.next_runs = Timetable::new(schedule, Zone::UTC, config.id).upcoming(now(), 5);
            config.zone = Some(Zone::UTC);
        }
    }
    configs
}

fn table(n: u32, name: &str, state: TableState, phase: Phase) -> TableRun {
    let mut run = TableRun::new(name, name);
    run.id = uuid(300 + n).parse::<TableRunId>().unwrap();
    run.state = state;
    run.phase = phase;
    run.full_strategy = Some("swap".to_owned());
    run.writer = Some("load_data".to_owned());
    run
}

fn moving(mut run: TableRun, done: u64, total: u64, rate: f64, limit: &str) -> TableRun {
    run.progress = Progress {
        percent: done as f64 / total as f64 * 100.0,
        rows_done: done,
        rows_total: total,
        rows_per_second: rate,
        bytes_per_second: rate * 191.0,
        bottleneck: Some(limit.to_owned()),
        workers: 2,
        ..Progress::default()
    };
    run
}

/// The tables of the running job.
pub fn tables() -> Vec<TableRun> {
    let mut customers = table(1, "customers", TableState::Completed, Phase::Done);
    customers.progress.rows_done = 50_000;
    customers.progress.percent = 100.0;
    customers.verified = Verified {
        scope: VerifiedScope::Table,
        as_of: AsOf {
            time: Some(ago(146)),
            ..AsOf::default()
        },
        rows: 50_000,
        ..Verified::default()
    };
    let running = TableState::Running;
    let mut items = moving(
        table(3, "order_items", running, Phase::Copy),
        930_112,
        3_000_000,
        29_904.0,
        "target",
    );
    items.counts.retries = 1;
    let mut notes = table(4, "notes", TableState::Failed, Phase::Plan);
    notes.error = Some(
        ErrorInfo::new(
            ErrorCode::AccessDenied,
            "the account sync_user may not read it (1142)",
        )
        .hint("GRANT SELECT ON production.notes TO 'sync_user'@'10.0.%';"),
    );
    let mut payments = table(6, "payments", TableState::Pending, Phase::Plan);
    payments.progress.rows_total = 600_000;
    vec![
        customers,
        moving(
            table(2, "orders", running, Phase::Copy),
            681_204,
            1_000_000,
            61_300.0,
            "target",
        ),
        items,
        notes,
        moving(
            table(5, "invoices", running, Phase::Verify),
            176_000,
            200_000,
            402_118.0,
            "source",
        ),
        payments,
    ]
}

fn job(n: u32, config: &str, state: JobState, started: i64, took: Option<i64>) -> Job {
    Job {
        id: job_id(n),
        kind: JobKind::Sync,
        config_id: config_id(n),
        config: config.to_owned(),
        connection_id: connection_id(2),
        connection: "production".to_owned(),
        state,
        trigger: Trigger::Dashboard,
        requested_by: "dba@db1".to_owned(),
        instance: Some("db1".to_owned()),
        retry_of: None,
        priority: 0,
        full: false,
        fresh: false,
        created_at: ago(started + 1),
        started_at: Some(ago(started)),
        finished_at: took.map(|took| ago(started - took)),
        error: None,
        progress: Progress::default(),
        counts: Counts::default(),
        tables_total: 2,
        tables_completed: 2,
        tables_failed: 0,
        tables: Vec::new(),
        kept: Kept::default(),
    }
}

/// The job that runs, with its tables.
pub fn running_job() -> Job {
    let mut job = job(4, "shop-nightly", JobState::Running, 147, None);
    job.progress = Progress {
        percent: 52.4,
        rows_done: 1_837_316,
        rows_total: 4_850_000,
        rows_per_second: 91_204.0,
        bytes_per_second: 17_440_000.0,
        eta_seconds: Some(72.0),
        workers: 4,
        checkpoint_age_seconds: Some(0.8),
        bottleneck: Some("target".to_owned()),
        ..Progress::default()
    };
    (job.tables_total, job.tables_completed, job.tables_failed) = (6, 1, 1);
    job.tables = tables();
    job
}

pub fn jobs() -> Vec<Job> {
    let mut queued = job(5, "users-15min", JobState::Pending, 0, None);
    (queued.started_at, queued.instance) = (None, None);
    (queued.tables_total, queued.tables_completed) = (0, 0);
    let mut done = job(3, "users-15min", JobState::Completed, 847, Some(12));
    done.progress.rows_done = 50_000;
    done.kept.as_of = Some(ago(840));
    let mut errors = job(
        2,
        "crm-full",
        JobState::CompletedWithErrors,
        2647,
        Some(240),
    );
    (
        errors.tables_total,
        errors.tables_completed,
        errors.tables_failed,
    ) = (7, 6, 1);
    errors.kept.as_of = Some(ago(2_645));
    let mut failed = job(1, "archive", JobState::Failed, 90_000, Some(10));
    failed.error = Some(ErrorInfo::new(
        ErrorCode::Unreachable,
        "10.0.4.7:3306 does not answer",
    ));
    failed.tables_completed = 0;
    let mut running = running_job();
    running.tables.clear();
    vec![queued, running, done, errors, failed]
}

pub fn limits() -> JobLimits {
    JobLimits {
        max_concurrency: Some(4),
        throttle: Some(ThrottleSpec::Standard),
    }
}

/// `shop-nightly` is late, `users-15min` is not.
pub fn freshness() -> Vec<ConfigFreshness> {
    let one = |n: u32, seconds: Option<i64>, verdict| ConfigFreshness {
        config_id: config_id(n),
        at: seconds.map(ago),
        oldest: seconds.map(|_| "orders".to_owned()),
        tables: 2,
        differing: 0,
        verdict,
    };
    vec![
        one(1, Some(90_000), Freshness::Unpromised),
        one(2, Some(2_645), Freshness::Fresh),
        one(3, Some(100_000), Freshness::Late),
    ]
}

/// A comparison of `users-15min` that found differences.
pub fn verify_job() -> Job {
    let mut job = job(3, "users-15min", JobState::Completed, 847, Some(12));
    job.kind = JobKind::Verify;
    let mut users = table(7, "users", TableState::Completed, Phase::Done);
    users.verified = Verified {
        scope: VerifiedScope::Table,
        as_of: AsOf {
            time: Some(ago(840)),
            ..AsOf::default()
        },
        rows: 50_000,
        differences: 12,
        ..Verified::default()
    };
    (users.started_at, users.finished_at) = (Some(ago(847)), Some(ago(836)));
    let mut items = users.clone();
    items.id = uuid(308).parse().unwrap();
    (items.source_table, items.target_table) = ("logins".to_owned(), "logins".to_owned());
    items.verified.differences = 0;
    job.tables = vec![users, items];
    job
}

/// The job that ended with one table failed, with its tables.
pub fn ended_job() -> Job {
    let mut job = jobs().remove(3);
    let timing = Timing {
        source: 41.0,
        target: 160.5,
        client: 12.0,
        lock: 0.2,
        ddl: 30.0,
        ..Timing::default()
    };
    let mut done = table(11, "customers", TableState::Completed, Phase::Done);
    done.verified = Verified {
        scope: VerifiedScope::Table,
        as_of: AsOf {
            time: Some(ago(2_645)),
            ..AsOf::default()
        },
        rows: 1_204_417,
        ..Verified::default()
    };
    done.progress.rows_done = 1_204_417;
    done.counts.inserted = 1_204_417;
    done.timing = timing;
    (done.started_at, done.finished_at) = (Some(ago(2_640)), Some(ago(2_480)));
    let mut some = done.clone();
    some.id = uuid(312).parse().unwrap();
    (some.source_table, some.target_table) = ("visits".to_owned(), "visits".to_owned());
    some.full_strategy = Some("in_place".to_owned());
    some.counts = Counts {
        inserted: 120,
        updated: 3,
        deleted: 7,
        kept: 2,
        retries: 1,
        warnings: 1,
        ..Counts::default()
    };
    let mut notes = table(13, "notes", TableState::Failed, Phase::Plan);
    notes.error = tables()[3].error.clone();
    (notes.started_at, notes.finished_at) = (Some(ago(2_640)), Some(ago(2_639)));
    job.counts = done.counts;
    job.counts.add(&some.counts);
    job.tables = vec![done, some, notes];
    job
}

/// Changes of two people's, newest first.
pub fn audit() -> Vec<AuditEntry> {
    let entry =
        |id: u64, seconds, actor: &str, action: &str, object: &str, before, after| AuditEntry {
            id,
            time: ago(seconds),
            actor: actor.to_owned(),
            action: action.to_owned(),
            object: object.to_owned(),
            object_id: "0198a6f0-0000-7000-8000-000000000001".to_owned(),
            before,
            after,
        };
    vec![
        entry(
            4,
            60,
            "token:ci",
            "job.start",
            "shop-nightly",
            None,
            Some(
                serde_json::json!({"kind": "sync", "trigger": "api", "tables": [], "full": false, "priority": 5}),
            ),
        ),
        entry(
            3,
            600,
            "anna@db1",
            "config.update",
            "shop-nightly",
            Some(serde_json::json!({"enabled": true, "tables": [{"match": "log_*"}]})),
            Some(
                serde_json::json!({"enabled": false, "tables": [{"source_table": "orders", "where": "created_at > '2024-01-01' AND note IS NOT NULL"}]}),
            ),
        ),
        entry(
            2,
            86_400,
            "anna@db1",
            "connection.update",
            "production",
            Some(serde_json::json!({"port": 3306, "password": "***"})),
            Some(serde_json::json!({"port": 3307, "password": "*** (set)"})),
        ),
        entry(
            1,
            90_000,
            "token:ci",
            "token.revoke",
            "old-build",
            Some(serde_json::json!({"scope": "admin", "expires_at": null})),
            None,
        ),
    ]
}

/// What `crm-full` and two others came to in the night.
pub fn night() -> BadNight {
    let mut crm = ended_job();
    (crm.tables_total, crm.tables_completed, crm.tables_failed) = (3, 2, 1);
    BadNight {
        since: "2026-11-20T18:02:00Z".parse().unwrap(),
        visited: true,
        jobs: vec![FailedJob {
            job: crm,
            standing: vec![("notes".to_owned(), ago(90_000))],
            again: false,
        }],
    }
}

/// A night in which more went wrong.
pub fn long_night() -> BadNight {
    let mut night = night();
    let mut shop = running_job();
    (shop.id, shop.state, shop.finished_at) =
        (job_id(9), JobState::CompletedWithErrors, Some(ago(9)));
    for (n, run) in shop.tables.iter_mut().enumerate() {
        if n % 2 == 1 {
            run.state = TableState::Failed;
            run.phase = Phase::Copy;
            run.error = Some(
                ErrorInfo::new(ErrorCode::DiskFull, "the local server has no room (1114)")
                    .hint("free some space on the local server"),
            );
        } else {
            run.state = TableState::Completed;
        }
    }
    (shop.tables_completed, shop.tables_failed) = (3, 3);
    let mut archive = jobs().remove(4);
    archive.id = job_id(1);
    for (job, again) in [(shop, false), (archive, true)] {
        night.jobs.push(FailedJob {
            job,
            standing: Vec::new(),
            again,
        });
    }
    night
}

/// Rows that differ, one of each kind.
pub fn differences() -> Vec<(u64, Difference)> {
    let text = |text: &str| Some(ShownValue::Text(text.to_owned()));
    let one = |kind, id: &str, columns: Vec<DifferingColumn>| Difference {
        table: "users".to_owned(),
        kind,
        key: [("id".to_owned(), text(id))].into(),
        columns,
        stable: true,
        first_seen_at: ago(840),
    };
    let column =
        |name: &str, source: Option<ShownValue>, target: Option<ShownValue>| DifferingColumn {
            name: name.to_owned(),
            source,
            target,
        };
    let changed = vec![
        column("email", text("a@example.com"), text("b@example.com")),
        column("note", None, text("first \u{1b}[31mred")),
        column(
            "photo",
            Some(ShownValue::Hex {
                hex: "00ff10".to_owned(),
            }),
            None,
        ),
    ];
    vec![
        (11, one(DifferenceKind::Missing, "7", Vec::new())),
        (12, one(DifferenceKind::Extra, "12", Vec::new())),
        (15, one(DifferenceKind::Changed, "4711", changed)),
    ]
}

pub fn log(n: u64, level: Level, table: &str, message: &str) -> LogEntry {
    LogEntry {
        id: n,
        time: ago(120) + Duration::milliseconds(n as i64 * 137),
        level,
        job_id: Some(job_id(4)),
        table: (!table.is_empty()).then(|| table.to_owned()),
        instance: "db1".to_owned(),
        message: message.to_owned(),
        fields: serde_json::Map::new(),
    }
}

pub fn log_lines(count: u64) -> Vec<LogEntry> {
    (0..count)
        .map(|n| match n % 7 {
            3 => log(
                n,
                Level::Warn,
                "order_items",
                "deadlock with another session; batch rolled back, again in 1.1 s (1 of 3)",
            ),
            5 => log(n, Level::Debug, "orders", "snapshot is 12 s old"),
            6 => log(
                n,
                Level::Error,
                "notes",
                "the account may not read it (1142)",
            ),
            _ => log(
                n,
                Level::Info,
                "orders",
                &format!("range {n} of 260 committed, 38,912 rows, 214 ms"),
            ),
        })
        .collect()
}

pub fn test_report() -> TestReport {
    TestReport {
        ok: true,
        error: None,
        latency_ms: Some(3.1),
        address: Some("10.0.4.7:3306".to_owned()),
        flavour: Some(Flavour::Mysql),
        version: Some("9.7.4".to_owned()),
        tls: TlsReport {
            used: true,
            version: Some("TLSv1.3".to_owned()),
            verified: true,
        },
        privileges: PrivilegeReport {
            missing: vec![MissingPrivilege {
                privilege: "PROCESS".to_owned(),
                needed_for: "an exact watermark bound".to_owned(),
                grant: "GRANT PROCESS ON *.* TO 'sync_user'@'10.0.%';".to_owned(),
            }],
        },
        binlog: BinlogReport {
            enabled: Some(true),
            format: Some("ROW".to_owned()),
            row_image: Some("FULL".to_owned()),
        },
        local_infile: Some(true),
        clock_skew_ms: Some(4.0),
        max_allowed_packet_bytes: Some(67_108_864),
        warnings: Vec::new(),
    }
}

pub fn plan() -> Plan {
    Plan {
        config: "shop-nightly".to_owned(),
        connection: "production".to_owned(),
        warnings: vec!["tables of two engines: one snapshot for InnoDB only".to_owned()],
        tables: vec![TablePlan {
            source_table: "orders".to_owned(),
            target_table: "orders".to_owned(),
            sync_mode: db_taxi::model::rule::SyncMode::Full,
            strategy: None,
            reason: "the target does not exist yet".to_owned(),
            full_strategy: Some("swap".to_owned()),
            writer: Some("load_data".to_owned()),
            key: vec!["id".to_owned()],
            chunks: 26,
            rows_estimate: 1_000_000,
            bytes_estimate: 412_000_000,
            eta_seconds: Some(70.0),
            ddl: vec![
                "CREATE TABLE `orders` (\n  `id` bigint NOT NULL,\n  PRIMARY KEY (`id`)\n)"
                    .to_owned(),
            ],
            deletes: PlannedDeletes {
                rows: Some(0),
                exact: true,
            },
            risks: vec![
                Risk::new("float_key", Severity::Stop, "the key is a FLOAT").remedy("set key"),
                Risk::new("no_index", Severity::Info, "where has no index"),
            ],
        }],
    }
}

/// A state of this size that knows nothing.
pub fn empty(width: u16, height: u16) -> State {
    let mut state = State::new(Setup::default());
    tick(&mut state, 1);
    update(&mut state, Msg::Resized { width, height });
    state
}

/// Sets the clock `seconds` after the start.
pub fn tick(state: &mut State, seconds: u64) {
    state.clock = Clock {
        wall: now(),
        steady: std::time::Duration::from_secs(seconds),
    };
}

/// A state that has read that nothing is set up.
pub fn installed(width: u16, height: u16) -> State {
    let mut state = empty(width, height);
    let mut none = overview();
    none.stats = Some(Stats::default());
    load(&mut state, Load::Overview, Loaded::Overview(Box::new(none)));
    load(&mut state, Load::Connections, Loaded::Connections(vec![]));
    load(&mut state, Load::Configs, Loaded::Configs(vec![]));
    load(&mut state, Load::Jobs, Loaded::Jobs(vec![]));
    state
}

/// A state that has read everything.
pub fn full(width: u16, height: u16) -> State {
    let mut state = empty(width, height);
    load(
        &mut state,
        Load::Overview,
        Loaded::Overview(Box::new(overview())),
    );
    load(
        &mut state,
        Load::Connections,
        Loaded::Connections(connections()),
    );
    load(&mut state, Load::Configs, Loaded::Configs(configs()));
    load(&mut state, Load::Jobs, Loaded::Jobs(jobs()));
    load(&mut state, Load::Freshness, Loaded::Freshness(freshness()));
    update(&mut state, Msg::Logged(log_lines(200)));
    state
}

pub fn load(state: &mut State, load: Load, loaded: Loaded) {
    update(state, Msg::Loaded(load, Ok(loaded)));
}

/// Presses keys, written as in the settings.
pub fn press(state: &mut State, keys: &str) -> Vec<db_taxi::dashboard::app::Effect> {
    keys.split_whitespace()
        .flat_map(|key| update(state, Msg::Key(key.parse().unwrap())))
        .collect()
}

/// The tables of the shop.
pub fn source_tables() -> Vec<SourceTable> {
    [
        ("customers", 50_000, 9_000_000, "id"),
        ("order_audit", 88_100_000, 21_000_000_000, ""),
        ("order_items", 3_000_000, 790_000_000, "order_id, line"),
        ("orders", 1_000_000, 412_000_000, "id"),
        ("payments", 600_000, 88_000_000, "id"),
        ("tmp_import", 12, 16_384, "id"),
        ("注文履歴", 4_200, 1_100_000, "id"),
    ]
    .into_iter()
    .map(|(name, rows_estimate, data_bytes, key)| SourceTable {
        name: name.to_owned(),
        engine: Some(
            if name == "tmp_import" {
                "MyISAM"
            } else {
                "InnoDB"
            }
            .to_owned(),
        ),
        rows_estimate,
        data_bytes,
        primary_key: key
            .split(", ")
            .filter(|k| !k.is_empty())
            .map(str::to_owned)
            .collect(),
        comment: String::new(),
    })
    .collect()
}

pub fn table_info() -> TableInfo {
    let column = |name: &str, column_type: &str, nullable: bool, extra: &str| ColumnInfo {
        name: name.to_owned(),
        column_type: column_type.to_owned(),
        nullable,
        extra: extra.to_owned(),
    };
    let key = |name: &str, unique: bool, parts: &[&str]| KeyInfo {
        name: name.to_owned(),
        unique,
        parts: parts.iter().map(|part| (*part).to_owned()).collect(),
    };
    TableInfo {
        name: "orders".to_owned(),
        engine: "InnoDB".to_owned(),
        columns: vec![
            column("id", "bigint unsigned", false, "auto_increment"),
            column("customer_id", "bigint unsigned", false, ""),
            column("state", "enum('new','paid','sent')", false, ""),
            column("note", "varchar(200)", true, ""),
            column("updated_at", "timestamp(3)", false, "on update"),
        ],
        keys: vec![
            key("PRIMARY", true, &["id"]),
            key("by_customer", false, &["customer_id", "updated_at"]),
            key("by_note", false, &["note(20)"]),
        ],
        foreign_keys: vec!["customer_id → customers (id), on delete restrict".to_owned()],
        triggers: vec!["orders_audit".to_owned()],
        create_sql: "CREATE TABLE `orders` (\n  `id` bigint unsigned NOT NULL AUTO_INCREMENT,\n  PRIMARY KEY (`id`)\n)".to_owned(),
    }
}

/// Types a text, letter by letter.
pub fn typed(state: &mut State, text: &str) {
    for c in text.chars() {
        update(state, Msg::Key(db_taxi::dashboard::app::Key::char(c)));
    }
}

/// A rule tried out.
pub fn preview() -> RulePreview {
    let column = |name: &str, kind: &str, is_key, is_masked| PreviewColumn {
        source: name.to_owned(),
        target: name.to_owned(),
        column_type: kind.to_owned(),
        is_key,
        is_masked,
    };
    let row = |id: &str, email: &str, note: Option<&str>| {
        vec![
            Some(id.to_owned()),
            Some(email.to_owned()),
            note.map(str::to_owned),
        ]
    };
    RulePreview {
        source_table: "orders".to_owned(),
        target_table: "orders".to_owned(),
        tables: 1,
        source_columns: vec!["id".to_owned(), "email".to_owned(), "note".to_owned()],
        columns: vec![
            column("id", "bigint", true, false),
            column("email", "varchar(80)", false, true),
            column("note", "text", false, false),
        ],
        sql: "SELECT `id`,\n  LEFT(SHA2(`email`, 256), 16) AS `email`,\n  `note`\nFROM `production`.`orders`\nWHERE created_at > '2024-01-01'".to_owned(),
        rows: vec![
            row("1", "5f2a9c0e11d4b7aa", Some("first \u{1b}[31mred")),
            row("2", "99abf0e2c3d4a5b6", None),
            row("3", "0011223344556677", Some("日本語のメモ")),
        ],
        note: None,
        plan: plan().tables.remove(0),
    }
}
