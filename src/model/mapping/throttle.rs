//! Limits on a server: a word, or an object of single limits. The same for a connection, for the
//! setting of the local server, and for a running job.

use serde_json::{Map, Value};

use super::reader::{Found, Object, suggestion};
use super::writer::{Fields, Form};
use crate::model::duration::format_duration;
use crate::model::finding::Finding;
use crate::model::throttle::{Limits, ThrottleSpec};

const MOST: u64 = u32::MAX as u64;

/// Reads limits as they stand by themselves.
///
/// # Errors
/// Everything that is wrong with them; paths begin at `path`.
pub fn parse_throttle(value: &Value, path: &str) -> Result<ThrottleSpec, Vec<Finding>> {
    let found = Found::default();
    let spec = read(value, path, &found);
    found.result(spec)
}

/// Limits in their shortest form: a word where there is one.
#[must_use]
pub fn throttle_to_json(spec: &ThrottleSpec) -> Value {
    print(spec, Form::Short)
}

/// Reads the limits at `path`.
pub(super) fn read(value: &Value, path: &str, found: &Found) -> Option<ThrottleSpec> {
    if let Value::String(word) = value {
        let spec = ThrottleSpec::parse(word);
        if spec.is_none() {
            let near = suggestion(word, ThrottleSpec::WORDS.iter().copied())
                .map(|near| format!("did you mean {near}? "))
                .unwrap_or_default();
            let allowed = ThrottleSpec::WORDS.join(", ");
            found.add(
                Finding::new(path, "throttle has an unknown value")
                    .remedy(format!("{near}allowed: {allowed}, or an object of limits")),
            );
        }
        return spec;
    }
    let object = Object::open(value, path, "throttle (none, standard, gentle)", found)?;
    let limits = Limits {
        max_threads_running: object.number_u32("max_threads_running", 1..=u32::MAX),
        max_lag: object.duration("max_lag"),
        replicas: object.texts("replicas").unwrap_or_default(),
        query: object.filled("query"),
        max_rows_per_second: object.number("max_rows_per_second", 1..=MOST),
        max_mib_per_second: object.number("max_mib_per_second", 1..=MOST),
    };
    if limits.max_lag.is_some_and(|lag| lag.is_zero()) {
        object.problem(
            "max_lag",
            "max_lag is at least 1s",
            "leave it out for no limit",
        );
    }
    if !limits.replicas.is_empty() && limits.max_lag.is_none() {
        object.problem(
            "replicas",
            "replicas needs max_lag beside it",
            "say how far behind they may be: max_lag: 10s",
        );
    }
    for (index, replica) in limits.replicas.iter().enumerate() {
        if !is_address(replica) {
            found.add(
                Finding::new(
                    format!("{}[{index}]", object.path_of("replicas")),
                    "is no host:port",
                )
                .remedy("write db2:3306, 10.0.0.2:3306 or [::1]:3306"),
            );
        }
    }
    object.finish();
    // One spec for one meaning: an object without limits is none.
    Some(if limits == Limits::default() {
        ThrottleSpec::None
    } else {
        ThrottleSpec::Own(limits)
    })
}

/// `host:port` or `[address]:port`.
fn is_address(text: &str) -> bool {
    let Some((host, port)) = text.rsplit_once(':') else {
        return false;
    };
    let bare = match host.strip_prefix('[') {
        Some(inner) => inner.strip_suffix(']').unwrap_or(""),
        None if host.contains(':') => "",
        None => host,
    };
    let plain = !bare.is_empty() && !bare.contains([' ', ',', '/', '@']);
    plain && port.parse::<u16>().is_ok_and(|port| port > 0)
}

pub(super) fn print(spec: &ThrottleSpec, form: Form) -> Value {
    let limits = match spec.word() {
        Some(word) => return word.into(),
        None => spec.limits(),
    };
    let mut out = Fields::new(form);
    out.maybe("max_threads_running", limits.max_threads_running);
    out.maybe("max_lag", limits.max_lag.map(format_duration));
    out.put(
        "replicas",
        limits.replicas.clone(),
        limits.replicas.is_empty(),
    );
    out.maybe("query", limits.query);
    out.maybe("max_rows_per_second", limits.max_rows_per_second);
    out.maybe("max_mib_per_second", limits.max_mib_per_second);
    let map: Map<String, Value> = out.into_map();
    map.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::time::Duration;

    #[test]
    fn words_and_objects_read_back() {
        for value in [
            json!("none"),
            json!("standard"),
            json!("gentle"),
            json!({"max_threads_running": 8, "max_lag": "1m 30s", "replicas": ["db2:3306", "[::1]:3307"],
                   "query": "SELECT 0", "max_rows_per_second": 1000, "max_mib_per_second": 5}),
        ] {
            let spec = parse_throttle(&value, "throttle").unwrap();
            assert_eq!(throttle_to_json(&spec), value);
        }
        assert_eq!(parse_throttle(&json!({}), "").unwrap(), ThrottleSpec::None);
        let ThrottleSpec::Own(limits) = parse_throttle(&json!({"max_lag": "2s"}), "").unwrap()
        else {
            panic!("not an object of limits");
        };
        assert_eq!(limits.max_lag, Some(Duration::from_secs(2)));
    }

    #[test]
    fn every_fault_is_named_with_its_path() {
        let paths = |value: Value| -> Vec<String> {
            let findings = parse_throttle(&value, "throttle").unwrap_err();
            findings.into_iter().map(|f| f.path).collect()
        };
        assert_eq!(paths(json!("gentel")), ["throttle"]);
        assert_eq!(paths(json!(5)), ["throttle"]);
        assert_eq!(
            paths(
                json!({"max_threads_running": 0, "max_lag": "0s", "max_mib_per_second": 1.5, "query": " ", "most": 1})
            ),
            [
                "throttle.max_threads_running",
                "throttle.query",
                "throttle.max_mib_per_second",
                "throttle.max_lag",
                "throttle.most"
            ]
        );
        assert_eq!(
            paths(json!({"max_lag": "1s", "replicas": ["db2", "a b:1", "db:0"]})),
            [
                "throttle.replicas[0]",
                "throttle.replicas[1]",
                "throttle.replicas[2]"
            ]
        );
        assert_eq!(
            paths(json!({"replicas": ["db2:3306"]})),
            ["throttle.replicas"]
        );
    }
}
