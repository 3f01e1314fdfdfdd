//! The fields of a config.

use serde_json::{Map, Value};

use super::connection::read_name;
use super::options;
use super::reader::{Found, Object};
use super::rule;
use super::schedule;
use super::writer::{Fields, Form};
use crate::model::config::ConfigSpec;
use crate::model::finding::Finding;
use crate::model::labels::check_label;
use crate::model::pattern;
use crate::model::rule::{SyncMode, TableRule};

/// Reads the config at `path`. `by_id`: whether `connection_id` may stand in for `connection`.
pub(super) fn read(value: &Value, path: &str, by_id: bool, found: &Found) -> Option<ConfigSpec> {
    let object = Object::open(value, path, "a config", found)?;
    let name = read_name(&object);
    let connection = read_connection(&object, by_id);
    let tables = read_tables(&object);
    let mut spec = ConfigSpec::new(
        name.as_deref().unwrap_or_default(),
        connection.as_deref().unwrap_or_default(),
        tables.clone().unwrap_or_default(),
    );
    spec.sync_mode = rule::read_sync_mode(&object).unwrap_or_default();
    spec.enabled = object.flag("enabled").unwrap_or(true);
    spec.exclude = object.texts("exclude").unwrap_or_default();
    for (index, text) in spec.exclude.iter().enumerate() {
        if let Err(message) = pattern::check(text) {
            object.found().add(Finding::new(
                format!("{}[{index}]", object.path_of("exclude")),
                message,
            ));
        }
    }
    if let Some(inner) = object.object("options") {
        spec.options = options::read(inner);
    }
    spec.schedule = schedule::read(&object);
    spec.labels = read_labels(&object);
    object.read_only(&[
        "id",
        "connection_id",
        "last_job",
        "next_run_at",
        "next_runs",
        "created_at",
        "updated_at",
    ]);
    super::check::check_rules(&object, &spec);
    object.finish();
    (name.is_some() && connection.is_some() && tables.is_some()).then_some(spec)
}

/// Each once, in the order in which they are written.
fn read_labels(object: &Object<'_>) -> Vec<String> {
    let labels = object.texts("labels").unwrap_or_default();
    for (index, label) in labels.iter().enumerate() {
        if let Err(message) = check_label(label) {
            let path = format!("{}[{index}]", object.path_of("labels"));
            object.found().add(Finding::new(path, message));
        }
    }
    labels
}

fn read_connection(object: &Object<'_>, by_id: bool) -> Option<String> {
    if by_id && object.get("connection").is_none() && object.get("connection_id").is_some() {
        return object.required("connection_id");
    }
    object.required("connection")
}

fn read_tables(object: &Object<'_>) -> Option<Vec<TableRule>> {
    let path = object.path_of("tables");
    let list = match object.get("tables") {
        None => {
            object.problem(
                "tables",
                "tables is required",
                "list the tables, or write tables: \"*\" for all",
            );
            return None;
        }
        Some(Value::String(text)) if text == "*" => return Some(vec![TableRule::of_pattern("*")]),
        Some(Value::Array(list)) => list,
        Some(other) => {
            object.wrong_type("tables", "a list of rules or \"*\"", other);
            return None;
        }
    };
    if list.is_empty() {
        object.problem(
            "tables",
            "the list of tables is empty",
            "list the tables, or write tables: \"*\" for all",
        );
    }
    // Rules that can't be read are left in as placeholders, so that the paths of others stay right.
    let placeholder = || TableRule {
        enabled: Some(false),
        ..TableRule::of_table("")
    };
    Some(
        list.iter()
            .enumerate()
            .map(|(index, item)| {
                rule::read(item, &format!("{path}[{index}]"), object.found())
                    .unwrap_or_else(placeholder)
            })
            .collect(),
    )
}

/// The fields of a config, in the order of the documentation.
pub(super) fn print(spec: &ConfigSpec, form: Form) -> Map<String, Value> {
    let mut out = Fields::new(form);
    out.always("name", spec.name.as_str());
    out.always("connection", spec.connection.as_str());
    out.put(
        "sync_mode",
        spec.sync_mode.as_str(),
        spec.sync_mode == SyncMode::Full,
    );
    out.put("enabled", spec.enabled, spec.enabled);
    let timing = spec.schedule.as_ref();
    out.maybe("schedule", timing.map(|one| schedule::print(one, form)));
    let short = form == Form::Short;
    let rules: Vec<Value> = spec.tables.iter().map(|r| rule::print(r, form)).collect();
    // By what is printed: a rule may spell out what is the default anyway.
    if short && rules == [rule::print(&TableRule::of_pattern("*"), form)] {
        out.always("tables", "*");
    } else {
        out.always("tables", rules);
    }
    out.put("exclude", spec.exclude.clone(), spec.exclude.is_empty());
    out.put("labels", spec.labels.clone(), spec.labels.is_empty());
    let options = options::print(&spec.options, form);
    let is_default = options.is_empty();
    out.put("options", options, is_default);
    out.into_map()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::model::mapping::{parse_config, spec_to_json};

    #[test]
    fn labels_are_kept_in_their_order_and_checked_one_by_one() {
        let with = |labels: serde_json::Value| {
            parse_config(&json!({"name": "c", "connection": "p", "tables": "*", "labels": labels}))
        };
        let spec = with(json!(["gpu", "eu west"])).unwrap();
        assert_eq!(spec.labels, ["gpu", "eu west"]);
        assert_eq!(parse_config(&spec_to_json(&spec)).unwrap(), spec);
        assert!(with(json!(null)).unwrap().labels.is_empty());
        assert!(with(json!([])).unwrap().labels.is_empty());
        for (wrong, said) in [
            (
                json!(["eu", "a,b"]),
                "labels[1]: a label can't contain commas",
            ),
            (json!(["eu", "eu"]), "labels[1]: eu is in the list twice"),
            (json!([""]), "labels[0]: "),
            (json!("eu"), "labels: "),
        ] {
            let findings = with(wrong).unwrap_err();
            assert!(findings[0].to_string().contains(said), "{}", findings[0]);
        }
    }
}
