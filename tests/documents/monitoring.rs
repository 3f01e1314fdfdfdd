//! The reference of the metrics is made from the program, and whatever names a metric names one that
//! there is, with labels that it has.

use std::collections::BTreeSet;

use db_taxi::system::metrics::{ALL, Kind, Metric};

use super::read;

const PAGE: &str = "docs/monitoring.md";
const BEGIN: &str = "<!-- metrics: made by a test -->\n";
const END: &str = "<!-- end of metrics -->\n";

fn table() -> String {
    let mut out = String::from("| name | type | labels | says |\n| --- | --- | --- | --- |\n");
    for metric in ALL {
        let kind = match metric.kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
            Kind::Info => "info",
        };
        let labels: Vec<String> = metric.labels.iter().map(|l| format!("`{l}`")).collect();
        let line = format!(
            "| `{}` | {kind} | {} | {} |\n",
            metric.full_name(),
            labels.join(" "),
            metric.help
        );
        out.push_str(&line);
    }
    out
}

#[test]
fn the_reference_of_the_metrics_is_that_of_the_program() {
    let page = read(PAGE);
    let (before, rest) = page.split_once(BEGIN).unwrap();
    let (_, after) = rest.split_once(END).unwrap();
    let fresh = format!("{before}{BEGIN}{}{END}{after}", table());
    if std::env::var_os("DB_TAXI_WRITE_REFERENCE").is_some() {
        std::fs::write(
            super::Path::new(env!("CARGO_MANIFEST_DIR")).join(PAGE),
            &fresh,
        )
        .unwrap();
        return;
    }
    assert!(
        page == fresh,
        "DB_TAXI_WRITE_REFERENCE=1 writes {PAGE} again"
    );
}

/// The metric that a query names, by the series that it makes.
fn metric_of(series: &str) -> Option<&'static Metric> {
    ALL.iter().find(|metric| {
        let name = metric.full_name();
        let endings: &[&str] = match metric.kind {
            Kind::Histogram => &["_bucket", "_count", "_sum"],
            _ => &[""],
        };
        endings
            .iter()
            .any(|ending| format!("{name}{ending}") == series)
    })
}

/// Names of series in a query, each with the labels that stand in its braces.
fn series_of(query: &str) -> Vec<(String, BTreeSet<String>)> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut found = Vec::new();
    let mut rest = query;
    while let Some(at) = rest.find("dbtaxi_") {
        let name: String = rest[at..].chars().take_while(|c| is_word(*c)).collect();
        rest = &rest[at + name.len()..];
        let mut labels = BTreeSet::new();
        if let Some(inner) = rest.strip_prefix('{') {
            let inner = inner.split('}').next().unwrap_or_default();
            for matcher in inner.split(',') {
                labels.insert(matcher.chars().take_while(|c| is_word(*c)).collect());
            }
        }
        found.push((name, labels));
    }
    found
}

fn check(place: &str, query: &str) -> usize {
    let all = series_of(query);
    for (name, labels) in &all {
        let metric = metric_of(name).unwrap_or_else(|| no_such(place, name));
        for label in labels.iter().filter(|label| !label.is_empty()) {
            let there = metric.labels.contains(&label.as_str())
                || ["instance", "job", "le"].contains(&label.as_str());
            assert!(there, "{place}: {name} has no label {label}");
        }
    }
    all.len()
}

#[expect(clippy::panic, reason = "a test says what went wrong by failing")]
fn no_such(place: &str, name: &str) -> ! {
    panic!("{place}: there is no metric {name}")
}

#[test]
fn the_dashboard_and_the_alerts_name_metrics_that_there_are() {
    let dashboard: serde_json::Value =
        serde_json::from_str(&read("packaging/grafana/db-taxi.json")).unwrap();
    let mut used = 0;
    for panel in dashboard["panels"].as_array().unwrap() {
        let title = panel["title"].as_str().unwrap();
        for target in panel["targets"].as_array().into_iter().flatten() {
            let here = check(title, target["expr"].as_str().unwrap());
            assert!(here > 0, "{title} asks for nothing of ours");
            used += here;
        }
    }
    assert!(used > 30, "{used}");
    for variable in dashboard["templating"]["list"].as_array().unwrap() {
        if let Some(query) = variable["definition"].as_str() {
            assert_eq!(check("variables", query), 1);
        }
    }

    let alerts: serde_yaml::Value =
        serde_yaml::from_str(&read("packaging/prometheus/alerts.yml")).unwrap();
    let rules = alerts["groups"][0]["rules"].as_sequence().unwrap();
    let mut names = BTreeSet::new();
    let mut expressions = String::new();
    for rule in rules {
        let name = rule["alert"].as_str().unwrap();
        assert!(names.insert(name.to_owned()), "{name} stands twice");
        let expression = rule["expr"].as_str().unwrap();
        check(name, expression);
        expressions.push_str(expression);
        for (part, key) in [
            ("labels", "severity"),
            ("annotations", "summary"),
            ("annotations", "description"),
        ] {
            assert!(rule[part][key].is_string(), "{name} has no {key}");
        }
        let page = read(PAGE);
        assert!(
            page.contains(&format!("`{name}`")),
            "{PAGE} does not tell of {name}"
        );
    }
    // Each way a night can go wrong has its alert.
    for metric in [
        "jobs_finished_total",
        "last_success",
        "lag_seconds",
        "follow_lag_bytes",
        "differences",
        "watermark_missed",
        "lease_lost",
        "instances",
        "control_database_up",
        "throttled",
        "pool_connections",
        "events_dropped",
        "http_requests",
        "build_info",
        "retries",
    ] {
        assert!(expressions.contains(metric), "no alert looks at {metric}");
    }
}
