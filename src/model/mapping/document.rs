//! The document as a whole: `version`, `connections`, `configs`.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Map, Value};

use super::check::Claims;
use super::reader::{Found, Object};
use super::spec::Spec;
use super::tree::Tree;
use super::writer::{Form, Format, Passwords};
use super::{config, connection};
use crate::model::config::ConfigSpec;
use crate::model::connection::ConnectionSpec;
use crate::model::finding::Finding;

/// The only version of the document there is.
const VERSION: u64 = 1;

/// Connections and configs as one document.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Document {
    /// Connections, in the order of the document.
    pub connections: Vec<ConnectionSpec>,
    /// Configs, in the order of the document.
    pub configs: Vec<ConfigSpec>,
}

/// A document's text, for findings that turn up after it was read.
#[derive(Debug, Clone, Copy)]
pub struct Source<'t> {
    /// The text.
    pub text: &'t str,
    /// How it is written.
    pub format: Format,
}

impl Source<'_> {
    /// Adds the lines to findings whose paths are in the document.
    pub fn add_lines(&self, findings: &mut [Finding]) {
        if let Ok(tree) = Tree::parse(self.text, self.format) {
            add_lines(&tree, findings);
        }
    }
}

fn add_lines(tree: &Tree<'_>, findings: &mut [Finding]) {
    for finding in findings {
        if finding.line.is_none() && !finding.path.is_empty() {
            finding.line = tree.line_of(&finding.path);
        }
    }
}

/// Reads a document. `stored`: the connections that the document's configs may refer to beside its
/// own, by name, with their target databases.
///
/// # Errors
/// Everything that is wrong with it, in the order of the document.
pub fn parse_document(
    text: &str,
    format: Format,
    stored: &BTreeMap<String, String>,
) -> Result<Document, Vec<Finding>> {
    let tree = Tree::parse(text, format).map_err(|finding| vec![finding])?;
    let found = Found::default();
    for path in &tree.duplicates {
        found.add(Finding::new(path, "the field is given twice").remedy("remove one"));
    }
    let document = read(&tree.root, stored, &found);
    let mut findings = found.into_vec();
    add_lines(&tree, &mut findings);
    findings.sort_by_key(|finding| finding.line);
    match document {
        Some(document) if findings.is_empty() => Ok(document),
        _ => Err(findings),
    }
}

fn read(root: &Value, stored: &BTreeMap<String, String>, found: &Found) -> Option<Document> {
    if root.is_null() {
        found.add(Finding::new("", "the document is empty").remedy("begin with version: 1"));
        return None;
    }
    let object = Object::open(root, "", "a mapping document", found)?;
    match object.get("version") {
        None => object.problem("version", "version is required", "add version: 1"),
        Some(version) if version == VERSION => {}
        Some(_) => object.problem("version", "the only version of this document is 1", ""),
    }
    // What can't be read keeps its place as `None`: the paths of the others stay right.
    let connections: Vec<Option<ConnectionSpec>> = object
        .list("connections")
        .into_iter()
        .flatten()
        .enumerate()
        .map(|(index, item)| connection::read(item, &format!("connections[{index}]"), found))
        .collect();
    let configs: Vec<Option<ConfigSpec>> = object
        .list("configs")
        .into_iter()
        .flatten()
        .enumerate()
        .map(|(index, item)| config::read(item, &format!("configs[{index}]"), false, found))
        .collect();
    object.finish();
    check_names(
        "connections",
        connections.iter().map(|c| c.as_ref().map(|c| &c.name)),
        found,
    );
    check_names(
        "configs",
        configs.iter().map(|c| c.as_ref().map(|c| &c.name)),
        found,
    );
    check_targets(root, &connections, &configs, stored, found);
    Some(Document {
        connections: connections.into_iter().flatten().collect(),
        configs: configs.into_iter().flatten().collect(),
    })
}

fn check_names<'a>(kind: &str, names: impl Iterator<Item = Option<&'a String>>, found: &Found) {
    let mut seen: HashMap<&str, usize> = HashMap::new();
    for (index, name) in names.enumerate() {
        let Some(name) = name.filter(|name| !name.is_empty()) else {
            continue;
        };
        if let Some(first) = seen.get(name.as_str()) {
            found.add(
                Finding::new(
                    format!("{kind}[{index}].name"),
                    format!("{kind}[{first}] is named {name} already"),
                )
                .remedy("give one of the two another name"),
            );
        }
        seen.entry(name).or_insert(index);
    }
}

/// Connections that configs name, and target tables that two configs of the document write.
fn check_targets(
    root: &Value,
    connections: &[Option<ConnectionSpec>],
    configs: &[Option<ConfigSpec>],
    stored: &BTreeMap<String, String>,
    found: &Found,
) {
    let mut databases: BTreeMap<&str, &str> = stored
        .iter()
        .map(|(name, database)| (name.as_str(), database.as_str()))
        .collect();
    for spec in connections.iter().flatten() {
        databases.insert(&spec.name, spec.target_database());
    }
    // A connection with findings of its own is there all the same.
    let unread: Vec<&str> = names_of(root, "connections");
    let mut claims = Claims::default();
    for (index, spec) in configs.iter().enumerate() {
        let Some(spec) = spec else { continue };
        let Some(database) = databases.get(spec.connection.as_str()) else {
            if !unread.contains(&spec.connection.as_str()) {
                let near = super::suggestion(&spec.connection, databases.keys().copied())
                    .map(|near| format!("did you mean {near}? "))
                    .unwrap_or_default();
                found.add(
                    Finding::new(
                        format!("configs[{index}].connection"),
                        format!("there is no connection named {}", spec.connection),
                    )
                    .remedy(format!("{near}Add it to connections, or store it first")),
                );
            }
            continue;
        };
        for (rule, table, other) in claims.add(spec, database) {
            found.add(target_taken(index, rule, &table, database, other));
        }
    }
}

/// The finding for a target table that belongs to another config.
pub(super) fn target_taken(
    config: usize,
    rule: usize,
    table: &str,
    database: &str,
    other: &str,
) -> Finding {
    Finding::new(
        format!("configs[{config}].tables[{rule}]"),
        format!("target_taken: the config {other} writes {database}.{table} already"),
    )
    .remedy("one target table belongs to one config: exclude it, or give it another target_table")
}

fn names_of<'v>(root: &'v Value, kind: &str) -> Vec<&'v str> {
    root.get(kind)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|item| item.get("name")?.as_str())
        .collect()
}

/// Prints a document in its canonical form: sorted by name, tables in their stored order, defaults
/// left out, shortest form. Ends with a newline.
#[must_use]
pub fn print_document(document: &Document, format: Format, passwords: Passwords) -> String {
    let mut connections: Vec<&ConnectionSpec> = document.connections.iter().collect();
    connections.sort_by(|a, b| a.name.cmp(&b.name));
    let mut configs: Vec<&ConfigSpec> = document.configs.iter().collect();
    configs.sort_by(|a, b| a.name.cmp(&b.name));
    let mut root = Map::new();
    root.insert("version".to_owned(), VERSION.into());
    if !connections.is_empty() {
        let list: Vec<Value> = connections
            .into_iter()
            .map(|spec| connection::print(spec, Form::Short, passwords).into())
            .collect();
        root.insert("connections".to_owned(), list.into());
    }
    if !configs.is_empty() {
        let list: Vec<Value> = configs
            .into_iter()
            .map(|spec| config::print(spec, Form::Short).into())
            .collect();
        root.insert("configs".to_owned(), list.into());
    }
    print(&root.into(), format)
}

/// Reads one connection, config or rule from a text of its own, as an editor gives it back.
///
/// # Errors
/// Everything that is wrong with it, with lines.
pub fn parse_object<S: Spec>(text: &str, format: Format) -> Result<S, Vec<Finding>> {
    let tree = Tree::parse(text, format).map_err(|finding| vec![finding])?;
    let mut findings: Vec<Finding> = tree
        .duplicates
        .iter()
        .map(|path| Finding::new(path, "the field is given twice").remedy("remove one"))
        .collect();
    let spec = S::from_spec_json(&tree.root);
    if let Err(found) = &spec {
        findings.extend(found.iter().cloned());
    }
    add_lines(&tree, &mut findings);
    findings.sort_by_key(|finding| finding.line);
    match spec {
        Ok(spec) if findings.is_empty() => Ok(spec),
        _ => Err(findings),
    }
}

/// The reverse of [`parse_object`]: canonical, passwords only where they are references.
#[must_use]
pub fn print_object<S: Spec>(spec: &S, format: Format) -> String {
    print(&spec.to_short_json(), format)
}

/// Both writers only fail on keys that are no text, and there are none.
fn print(value: &Value, format: Format) -> String {
    match format {
        Format::Yaml => serde_yaml::to_string(value).unwrap_or_default(),
        Format::Json => {
            let mut text = serde_json::to_string_pretty(value).unwrap_or_default();
            text.push('\n');
            text
        }
    }
}
