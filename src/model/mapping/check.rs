//! Rules that hold between fields, rules and configs.

use std::collections::HashMap;

use super::reader::Object;
use crate::model::config::ConfigSpec;
use crate::model::finding::Finding;
use crate::model::pattern;
use crate::model::rule::{TableRule, TableSelect};

/// Databases that belong to the server.
const SYSTEM_DATABASES: [&str; 5] = [
    "mysql",
    "information_schema",
    "performance_schema",
    "sys",
    "ndbinfo",
];

/// Checks the name of a database, table or column by the rule of the servers: 1 to 64 characters,
/// no NUL, no blank at the end.
///
/// # Errors
/// A sentence that says which part of the rule `name` breaks; `what` is what it names.
pub fn check_identifier(name: &str, what: &str) -> Result<(), String> {
    let length = name.chars().count();
    if length == 0 {
        return Err(format!("the name of a {what} is empty"));
    }
    if length > 64 {
        return Err(format!(
            "the name of a {what} has at most 64 characters; this one has {length}"
        ));
    }
    if name.contains('\0') {
        return Err(format!("the name of a {what} can't hold a NUL character"));
    }
    if name.ends_with(' ') {
        return Err(format!("the name of a {what} can't end with a blank"));
    }
    Ok(())
}

/// Checks the name of a target database.
pub(super) fn check_target_database(name: &str) -> Result<(), (String, &'static str)> {
    check_identifier(name, "database").map_err(|message| (message, ""))?;
    let lower = name.to_lowercase();
    if SYSTEM_DATABASES.contains(&lower.as_str()) {
        return Err((
            format!("the target database {name} belongs to the server"),
            "choose another local_db_name",
        ));
    }
    if lower.starts_with("_dbtaxi_") {
        return Err((
            "names that begin with _dbtaxi_ are kept for helper databases".to_owned(),
            "choose another local_db_name",
        ));
    }
    Ok(())
}

/// Two rules of one config that can't both apply.
pub(super) fn check_rules(object: &Object<'_>, spec: &ConfigSpec) {
    let mut sources: HashMap<&TableSelect, usize> = HashMap::new();
    let mut targets: HashMap<&str, usize> = HashMap::new();
    for (index, rule) in spec.tables.iter().enumerate() {
        let TableSelect::Source(source) = &rule.select else {
            if let Some(first) = sources.get(&rule.select) {
                object.found().add(
                    Finding::new(
                        rule_path(object, index, "match"),
                        format!("tables[{first}] has the same pattern, and the first rule that fits wins"),
                    )
                    .remedy("remove one of the two"),
                );
            }
            sources.entry(&rule.select).or_insert(index);
            continue;
        };
        if source.is_empty() {
            continue;
        }
        if let Some(first) = sources.get(&rule.select) {
            object.found().add(
                Finding::new(
                    rule_path(object, index, "source_table"),
                    format!(
                        "tables[{first}] takes {source} already, and the first rule that fits wins"
                    ),
                )
                .remedy("remove one of the two"),
            );
            continue;
        }
        sources.insert(&rule.select, index);
        let target = target_of(rule, source);
        if let Some(first) = targets.get(target) {
            object.found().add(
                Finding::new(
                    rule_path(object, index, "target_table"),
                    format!("tables[{first}] writes the target table {target} already"),
                )
                .remedy("give one of the two another target_table"),
            );
        }
        targets.entry(target).or_insert(index);
    }
}

fn rule_path(object: &Object<'_>, index: usize, field: &str) -> String {
    format!("{}[{index}].{field}", object.path_of("tables"))
}

fn target_of<'r>(rule: &'r TableRule, source: &'r str) -> &'r str {
    rule.target_table.as_deref().unwrap_or(source)
}

/// Which target tables belong to which config, over all configs: one target table belongs to one
/// rule of one config.
#[derive(Debug, Default)]
pub struct Claims<'a> {
    /// In the order in which they were added.
    configs: Vec<Claim<'a>>,
    /// By target database and table: the first config that names it, be its rule enabled or not.
    exact: HashMap<(&'a str, &'a str), usize>,
    /// By target database: the configs with patterns.
    with_patterns: HashMap<&'a str, Vec<usize>>,
    /// By target database and connection: all configs.
    of_source: HashMap<(&'a str, &'a str), Vec<usize>>,
}

#[derive(Debug, Clone, Copy)]
struct Claim<'a> {
    spec: &'a ConfigSpec,
    database: &'a str,
}

impl<'a> Claims<'a> {
    /// Adds a config that writes into `database`, and says at which of its rules it meets another
    /// config: the index of the rule, the target table and the other config's name.
    pub fn add(
        &mut self,
        spec: &'a ConfigSpec,
        database: &'a str,
    ) -> Vec<(usize, String, &'a str)> {
        let own = Claim { spec, database };
        let mut conflicts = Vec::new();
        for (index, rule) in spec.tables.iter().enumerate() {
            if let Some((other, table)) = self.meeting(rule, own) {
                conflicts.push((index, table, self.configs[other].spec.name.as_str()));
            }
        }
        self.keep(own);
        conflicts
    }

    fn keep(&mut self, own: Claim<'a>) {
        let index = self.configs.len();
        self.configs.push(own);
        for (_, target) in exact_rules(own.spec).filter(|(source, _)| !source.is_empty()) {
            self.exact.entry((own.database, target)).or_insert(index);
        }
        let is_pattern = |rule: &TableRule| matches!(rule.select, TableSelect::Match(_));
        if own.spec.tables.iter().any(is_pattern) {
            self.with_patterns
                .entry(own.database)
                .or_default()
                .push(index);
        }
        self.of_source
            .entry((own.database, own.spec.connection.as_str()))
            .or_default()
            .push(index);
    }

    /// The first config that writes what `rule` of `own` writes, and the table, as far as names and
    /// patterns tell. An exact name is taken also while its rule is disabled: enabling it must not
    /// fail. Patterns are only held against each other's source where it is the same one.
    fn meeting(&self, rule: &TableRule, own: Claim<'a>) -> Option<(usize, String)> {
        let (database, connection) = (own.database, own.spec.connection.as_str());
        match &rule.select {
            TableSelect::Source(source) => {
                let target = target_of(rule, source);
                let exact = self.exact.get(&(database, target)).copied();
                let reached = |at: &&usize| {
                    let other = self.configs[**at].spec;
                    other.connection == connection && reaches(other, source)
                };
                let by_pattern = (rule.is_enabled() && target == source)
                    .then(|| {
                        self.with_patterns
                            .get(database)?
                            .iter()
                            .find(reached)
                            .copied()
                    })
                    .flatten();
                let first = exact.into_iter().chain(by_pattern).min()?;
                Some((first, target.to_owned()))
            }
            TableSelect::Match(text) if rule.is_enabled() => self
                .of_source
                .get(&(database, connection))?
                .iter()
                .find_map(|at| Some((*at, meets_pattern(text, rule, own, self.configs[*at])?))),
            TableSelect::Match(_) => None,
        }
    }
}

/// The table, or the pattern, that the pattern `text` of `own` and a rule of `other` both write.
fn meets_pattern(text: &str, rule: &TableRule, own: Claim<'_>, other: Claim<'_>) -> Option<String> {
    let exact = exact_rules(other.spec).find(|(source, target)| {
        source == target && pattern::matches(text, source) && reaches(own.spec, source)
    });
    if let Some((_, target)) = exact {
        return Some(target.to_owned());
    }
    let same = |r: &TableRule| r.is_enabled() && r.select == rule.select;
    other.spec.tables.iter().any(same).then(|| text.to_owned())
}

fn exact_rules(spec: &ConfigSpec) -> impl Iterator<Item = (&str, &str)> {
    spec.tables.iter().filter_map(|rule| match &rule.select {
        TableSelect::Source(source) => Some((source.as_str(), target_of(rule, source))),
        TableSelect::Match(_) => None,
    })
}

/// Whether a pattern of `spec` takes the source table: exact names come before patterns.
fn reaches(spec: &ConfigSpec, source: &str) -> bool {
    let exact = spec
        .tables
        .iter()
        .any(|rule| matches!(&rule.select, TableSelect::Source(name) if name == source));
    if exact
        || spec
            .exclude
            .iter()
            .any(|text| pattern::matches(text, source))
    {
        return false;
    }
    spec.tables
        .iter()
        .find_map(|rule| match &rule.select {
            TableSelect::Match(text) if pattern::matches(text, source) => Some(rule.is_enabled()),
            _ => None,
        })
        .unwrap_or(false)
}
