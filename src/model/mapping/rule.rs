//! The fields of a table rule.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::check::check_identifier;
use super::condition::check_condition;
use super::incremental;
use super::mask;
use super::options;
use super::reader::{Found, Object, type_finding};
use super::writer::{Fields, Form};
use crate::model::finding::Finding;
use crate::model::pattern;
use crate::model::rule::{ColumnSelect, SyncMode, TableRule, TableSelect};

/// Reads the rule at `path`: a table's name, `*`, or an object.
pub(super) fn read(value: &Value, path: &str, found: &Found) -> Option<TableRule> {
    match value {
        Value::String(text) => read_short(text, path, found),
        Value::Object(_) => read_object(value, path, found),
        other => {
            found.add(
                type_finding(path.to_owned(), "text", other)
                    .remedy("a rule is a table's name or an object with source_table or match"),
            );
            None
        }
    }
}

fn read_short(text: &str, path: &str, found: &Found) -> Option<TableRule> {
    if text == "*" {
        return Some(TableRule::of_pattern("*"));
    }
    if text.contains(['*', '?']) {
        found.add(
            Finding::new(
                path,
                "a text is the exact name of a table, and this looks like a pattern",
            )
            .remedy(format!("write {{match: \"{text}\"}}")),
        );
        return None;
    }
    if let Err(message) = check_identifier(text, "table") {
        found.add(Finding::new(path, message));
        return None;
    }
    Some(TableRule::of_table(text))
}

fn read_object(value: &Value, path: &str, found: &Found) -> Option<TableRule> {
    let object = Object::open(value, path, "a table rule", found)?;
    let select = read_select(&object);
    let rule = TableRule {
        select: select.clone().unwrap_or_default(),
        target_table: read_target(&object)
            .filter(|target| object.get("source_table").and_then(Value::as_str) != Some(target)),
        sync_mode: read_sync_mode(&object),
        // `true` is what absent means: one spec for one meaning.
        enabled: object.flag("enabled").filter(|enabled| !enabled),
        where_clause: read_where(&object),
        columns: read_columns(&object),
        rename_columns: read_renames(&object),
        mask: mask::read(&object),
        key: read_key(&object),
        watermark_column: read_watermark(&object),
        incremental: incremental::read(&object),
        options: options::read_overrides(&object),
    };
    check_key(&object, &rule);
    mask::check(&object, &rule);
    object.read_only(&["id"]);
    object.finish();
    select.map(|_| rule)
}

/// `sync_mode` of a config or a rule.
pub(super) fn read_sync_mode(object: &Object<'_>) -> Option<SyncMode> {
    object.word("sync_mode", SyncMode::WORDS, &[], SyncMode::parse)
}

fn read_select(object: &Object<'_>) -> Option<TableSelect> {
    match (object.get("source_table"), object.get("match")) {
        (Some(_), Some(_)) => {
            object.problem(
                "match",
                "source_table and match exclude each other",
                "keep one of them",
            );
            None
        }
        (None, None) => {
            object.found().add(
                Finding::new(object.path(), "the rule names no table")
                    .remedy("give source_table (a name) or match (a pattern)"),
            );
            None
        }
        (Some(_), None) => {
            let name = object.filled("source_table")?;
            if let Err(message) = check_identifier(&name, "table") {
                object.problem("source_table", message, "");
            }
            Some(TableSelect::Source(name))
        }
        (None, Some(_)) => {
            let text = object.filled("match")?;
            if let Err(message) = pattern::check(&text) {
                object.problem("match", message, "");
            }
            Some(TableSelect::Match(text))
        }
    }
}

fn read_target(object: &Object<'_>) -> Option<String> {
    let target = object.filled("target_table")?;
    if object.get("match").is_some() {
        object.problem(
            "target_table",
            "target_table can't stand beside match: one name can't hold several tables",
            "remove it, or name the table with source_table",
        );
    }
    if let Err(message) = check_identifier(&target, "table") {
        object.problem("target_table", message, "");
    }
    if target.starts_with("_dbtaxi_") {
        object.problem(
            "target_table",
            "names that begin with _dbtaxi_ are kept for helper tables",
            "choose another name",
        );
    }
    Some(target)
}

fn read_where(object: &Object<'_>) -> Option<String> {
    let text = object.filled("where")?;
    if let Err(message) = check_condition(&text) {
        object.problem(
            "where",
            message,
            "give one condition without a statement around it",
        );
    }
    Some(text)
}

fn read_columns(object: &Object<'_>) -> ColumnSelect {
    let only = object.texts("columns");
    let except = object.texts("exclude_columns");
    match (only, except) {
        (Some(_), Some(_)) => {
            object.problem(
                "exclude_columns",
                "columns and exclude_columns exclude each other",
                "keep one of them",
            );
            ColumnSelect::All
        }
        (Some(only), None) => {
            if only.is_empty() {
                object.problem(
                    "columns",
                    "an empty list leaves no column",
                    "remove it for all columns",
                );
            }
            ColumnSelect::Only(only)
        }
        (None, Some(except)) if !except.is_empty() => ColumnSelect::Except(except),
        _ => ColumnSelect::All,
    }
}

fn read_renames(object: &Object<'_>) -> BTreeMap<String, String> {
    let mut renames: BTreeMap<String, String> = BTreeMap::new();
    let Some(inner) = object.object("rename_columns") else {
        return renames;
    };
    for (source, target) in inner.entries() {
        let Value::String(target) = target else {
            inner.wrong_type(source, "text", target);
            continue;
        };
        if let Err(message) =
            check_identifier(source, "column").and_then(|()| check_identifier(target, "column"))
        {
            inner.problem(source, message, "");
        }
        // Column names are compared without case on every server.
        if renames
            .values()
            .any(|t| t.to_lowercase() == target.to_lowercase())
        {
            inner.problem(
                source,
                format!("another column is renamed to {target} already"),
                "choose another name",
            );
        }
        renames.insert(source.clone(), target.clone());
    }
    renames
}

fn read_key(object: &Object<'_>) -> Option<Vec<String>> {
    let key = object.texts("key")?;
    if key.is_empty() {
        object.problem(
            "key",
            "an empty list identifies no row",
            "remove it to use the primary key",
        );
        return None;
    }
    Some(key)
}

fn read_watermark(object: &Object<'_>) -> Option<String> {
    let name = object.filled("watermark_column")?;
    if let Err(message) = check_identifier(&name, "column") {
        object.problem("watermark_column", message, "");
    }
    Some(name)
}

/// Key and watermark columns can't be left out.
fn check_key(object: &Object<'_>, rule: &TableRule) {
    let watermark = rule
        .watermark_column
        .iter()
        .map(|name| ("watermark_column", name));
    let key = rule.key.iter().flatten().map(|name| ("key", name));
    for (field, column) in key.chain(watermark) {
        let same = |other: &String| other.to_lowercase() == column.to_lowercase();
        let left_out = match &rule.columns {
            ColumnSelect::All => false,
            ColumnSelect::Only(only) => !only.is_empty() && !only.iter().any(same),
            ColumnSelect::Except(except) => except.iter().any(same),
        };
        if left_out {
            object.problem(
                field,
                format!(
                    "the {} column {column} is left out of the columns",
                    word_of(field)
                ),
                format!(
                    "{0} columns are always synced: keep it, or choose another {0}",
                    word_of(field)
                ),
            );
        }
    }
}

fn word_of(field: &str) -> &str {
    field.strip_suffix("_column").unwrap_or(field)
}

/// The rule in `form`; in the short form, a rule that only names a table is its name.
pub(super) fn print(rule: &TableRule, form: Form) -> Value {
    let mut out = Fields::new(form);
    match &rule.select {
        TableSelect::Source(name) => {
            out.always("source_table", name.as_str());
            out.maybe("match", None::<String>);
        }
        TableSelect::Match(pattern) => {
            out.maybe("source_table", None::<String>);
            out.always("match", pattern.as_str());
        }
    }
    let other_name = rule
        .target_table
        .as_deref()
        .filter(|target| !matches!(&rule.select, TableSelect::Source(source) if source == target));
    if out.is_full()
        && let TableSelect::Source(source) = &rule.select
    {
        out.always("target_table", other_name.unwrap_or(source));
    } else {
        out.maybe("target_table", other_name);
    }
    out.maybe("sync_mode", rule.sync_mode.map(SyncMode::as_str));
    out.put("enabled", rule.is_enabled(), rule.is_enabled());
    out.maybe("where", rule.where_clause.as_deref());
    let (only, except) = match &rule.columns {
        ColumnSelect::All => (None, None),
        ColumnSelect::Only(only) => (Some(only.clone()), None),
        ColumnSelect::Except(except) => (None, Some(except.clone())),
    };
    out.maybe("columns", only);
    out.maybe("exclude_columns", except);
    let renames: Map<String, Value> = rule
        .rename_columns
        .iter()
        .map(|(source, target)| (source.clone(), Value::from(target.as_str())))
        .collect();
    let is_default = renames.is_empty();
    out.put("rename_columns", renames, is_default);
    let masks = mask::print(&rule.mask, form);
    let is_default = masks.is_empty();
    out.put("mask", masks, is_default);
    out.maybe("key", rule.key.clone());
    out.maybe("watermark_column", rule.watermark_column.as_deref());
    incremental::print(&rule.incremental, &mut out);
    options::print_overrides(&rule.options, &mut out);
    let map = out.into_map();
    if form == Form::Short
        && map.len() == 1
        && let TableSelect::Source(name) = &rule.select
        && !name.contains(['*', '?'])
    {
        return name.as_str().into();
    }
    map.into()
}
