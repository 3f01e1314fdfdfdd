//! The page holds what it promises, whatever there is to see.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{TimeDelta, Utc};

use super::names::{ALL, Metric};
use super::seen::Pool;
use super::*;
use crate::jobs::OfConfig;
use crate::model::histogram::Histogram;
use crate::model::ids::ConnectionId;
use crate::services::ConfigGauges;

fn page(seen: Seen) -> String {
    let mut registry = Registry::with_prefix(names::PREFIX);
    registry.register_collector(Box::new(Scrape {
        collectors: Arc::new(collectors::all()),
        seen,
    }));
    let mut text = String::new();
    text::encode(&mut text, &registry).unwrap();
    text
}

fn sample<'p>(page: &'p str, series: &str) -> Option<&'p str> {
    page.lines()
        .find_map(|line| line.strip_prefix(series)?.strip_prefix(' '))
}

fn stored() -> Gauges {
    let config = |enabled, hours| ConfigGauges {
        enabled,
        as_of: Some(Utc::now() - TimeDelta::hours(hours)),
        last_success: None,
    };
    Gauges {
        configs: BTreeMap::from([
            ("nightly \"1\"\\".to_owned(), config(true, 2)),
            ("off".to_owned(), config(false, 999)),
        ]),
        connections: HashMap::from([(ConnectionId::generate(), "shop".to_owned())]),
        ..Gauges::default()
    }
}

#[test]
fn while_the_control_database_is_away_the_page_says_so_and_knows_no_stored_counts() {
    let text = page(Seen {
        stored: Some(Arc::new(stored())),
        now: Utc::now(),
        ..Seen::default()
    });
    assert_eq!(sample(&text, "dbtaxi_control_database_up"), Some("0.0"));
    assert!(!text.contains("dbtaxi_jobs{"), "{text}");
    let lag = sample(&text, r#"dbtaxi_lag_seconds{config="nightly \"1\"\\"}"#).unwrap();
    assert!((lag.parse::<f64>().unwrap() - 7200.0).abs() < 60.0, "{lag}");
    assert!(
        !text.contains("config=\"off\""),
        "a disabled config is not late"
    );
    assert!(text.ends_with("# EOF\n"));
}

#[test]
fn what_was_done_stands_under_its_config() {
    let mut config = OfConfig::default();
    config.counts.inserted = 3;
    config.moved.bytes_written = 4096;
    config.finished.insert("failed", 2);
    config.differences = [1, 0, 5];
    let mut seconds = Histogram::new(&[1.0, 60.0]);
    seconds.observe(30.0);
    config.seconds = Some(seconds);
    let mut seen = Seen {
        pools: vec![Pool {
            name: "control".to_owned(),
            idle: 1,
            in_use: 2,
        }],
        ..Seen::default()
    };
    seen.totals.configs.insert("c".to_owned(), config);
    let text = page(seen);
    for (series, value) in [
        (r#"dbtaxi_rows_total{config="c",op="inserted"}"#, "3.0"),
        (
            r#"dbtaxi_bytes_total{config="c",direction="written"}"#,
            "4096.0",
        ),
        (
            r#"dbtaxi_jobs_finished_total{config="c",state="failed"}"#,
            "2.0",
        ),
        (
            r#"dbtaxi_jobs_finished_total{config="c",state="completed"}"#,
            "0.0",
        ),
        (
            r#"dbtaxi_differences_total{config="c",kind="changed"}"#,
            "5.0",
        ),
        (
            r#"dbtaxi_job_duration_seconds_bucket{le="60.0",config="c"}"#,
            "1",
        ),
        (r#"dbtaxi_errors_total{code="deadlock"}"#, "0.0"),
        (
            r#"dbtaxi_pool_connections{pool="control",state="in_use"}"#,
            "2.0",
        ),
        ("dbtaxi_lease_lost_total", "0.0"),
        (r#"dbtaxi_events_dropped_total{kind="log"}"#, "0.0"),
    ] {
        assert_eq!(sample(&text, series), Some(value), "{series}\n{text}");
    }
}

#[test]
fn the_page_has_every_metric_of_the_system_once_and_in_the_order_of_the_list() {
    let text = page(Seen {
        database_up: true,
        stored: Some(Arc::new(stored())),
        ..Seen::default()
    });
    let types: Vec<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE dbtaxi_")?.split(' ').next())
        .collect();
    let unique: BTreeSet<&str> = types.iter().copied().collect();
    assert_eq!(unique.len(), types.len());
    let of_http = |metric: &&Metric| !metric.name.starts_with("http_");
    let all: Vec<&str> = ALL
        .iter()
        .filter(of_http)
        .map(|metric| metric.name)
        .collect();
    assert_eq!(types, all);
}
