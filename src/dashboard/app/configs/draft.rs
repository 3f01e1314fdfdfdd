//! A config that is being made or changed: its rules one by one, its settings, what a plan says.

pub mod fields;
pub mod preview;
pub mod rule_form;
pub mod settings_form;
pub mod timing;

use std::collections::HashMap;

use super::ask::{Base, Saving};
use super::diff::text_of;
use crate::dashboard::app::format;
use crate::dashboard::app::picker::PickRow;
use crate::model::config::{Config, ConfigSpec};
use crate::model::plan::{Plan, Severity, TablePlan};
use crate::model::report::SourceTable;
use crate::model::rule::{ColumnSelect, TableRule, TableSelect};

/// What a request for a draft was for.
#[derive(Debug, Clone, PartialEq)]
pub enum Wanted {
    /// Its plan; whether it is shown when it comes.
    Plan(bool),
    /// Rows and sizes of the source's tables.
    Sizes,
}

/// A config that is not stored as it stands here.
#[derive(Debug, Clone, PartialEq)]
pub struct Draft {
    /// What it replaces; `None` makes a new one.
    pub base: Option<Base>,
    /// The text that is stored; empty for a new one.
    pub opened: String,
    /// What it is to be.
    pub spec: ConfigSpec,
    /// Rows and bytes of the source's tables, as far as they were read.
    pub sizes: HashMap<String, (u64, u64)>,
    /// What a run of it would do, as far as that was planned since the last change.
    pub plan: Option<Plan>,
}

impl Draft {
    /// A stored config.
    #[must_use]
    pub fn of(config: &Config) -> Self {
        Self {
            base: Some(Base {
                id: config.id,
                version: config.version,
            }),
            opened: text_of(&config.spec),
            ..Self::new(config.spec.clone())
        }
    }

    /// A new config.
    #[must_use]
    pub fn new(spec: ConfigSpec) -> Self {
        Self {
            base: None,
            opened: String::new(),
            spec,
            sizes: HashMap::new(),
            plan: None,
        }
    }

    /// Whether it is stored otherwise, or not at all.
    #[must_use]
    pub fn is_changed(&self) -> bool {
        self.opened != text_of(&self.spec)
    }

    /// What is to be stored.
    #[must_use]
    pub fn saving(&self) -> Saving {
        Saving {
            base: self.base,
            spec: self.spec.clone(),
        }
    }

    /// Notes what the tables of the source hold.
    pub fn measure(&mut self, tables: &[SourceTable]) {
        self.sizes = tables
            .iter()
            .map(|t| (t.name.clone(), (t.rows_estimate, t.data_bytes)))
            .collect();
    }

    /// Adds rules for `tables` that no rule names yet; says how many.
    pub fn add_tables(&mut self, tables: &[String]) -> usize {
        let known: std::collections::HashSet<String> =
            self.spec.tables.iter().map(rule_name).collect();
        let before = self.spec.tables.len();
        let new = tables.iter().filter(|name| !known.contains(*name));
        self.spec
            .tables
            .extend(new.map(|name| TableRule::of_table(name)));
        self.plan = None;
        self.spec.tables.len() - before
    }

    /// Place of the rule that is listed as `name`.
    #[must_use]
    pub fn place(&self, name: &str) -> Option<usize> {
        self.spec.tables.iter().position(|r| rule_name(r) == name)
    }

    /// Takes a rule out. The last one stays: a config without rules is none.
    pub fn remove(&mut self, place: usize) -> bool {
        if self.spec.tables.len() < 2 || place >= self.spec.tables.len() {
            return false;
        }
        self.spec.tables.remove(place);
        self.plan = None;
        true
    }

    /// Its rules as a list to choose from, with the plan's advice.
    #[must_use]
    pub fn rows(&self) -> Vec<PickRow> {
        let planned: HashMap<&str, &TablePlan> = (self.plan.iter().flat_map(|plan| &plan.tables))
            .map(|table| (table.source_table.as_str(), table))
            .collect();
        self.spec
            .tables
            .iter()
            .map(|rule| self.row(rule, &planned))
            .collect()
    }

    fn row(&self, rule: &TableRule, planned: &HashMap<&str, &TablePlan>) -> PickRow {
        let source = match &rule.select {
            TableSelect::Source(name) => Some(name.as_str()),
            TableSelect::Match(_) => None,
        };
        let plan = source.and_then(|name| planned.get(name).copied());
        let size = source.and_then(|name| self.sizes.get(name));
        let mode = match plan {
            Some(plan) => ways(plan),
            None => rule
                .sync_mode
                .unwrap_or(self.spec.sync_mode)
                .as_str()
                .to_owned(),
        };
        let worst = plan.and_then(|plan| {
            plan.risks
                .iter()
                .filter(|risk| risk.severity != Severity::Info)
                .max_by_key(|risk| risk.severity as u8)
        });
        PickRow {
            name: rule_name(rule),
            rows: plan.map(|p| p.rows_estimate).or(size.map(|s| s.0)),
            bytes: plan.map(|p| p.bytes_estimate).or(size.map(|s| s.1)),
            kind: mode,
            note: summary(rule),
            warning: worst.map(|risk| risk.message.clone()),
        }
    }
}

/// A rule's name in lists; unique in a config.
#[must_use]
pub fn rule_name(rule: &TableRule) -> String {
    match &rule.select {
        TableSelect::Source(name) => name.clone(),
        TableSelect::Match(pattern) => format!("match {pattern}"),
    }
}

fn ways(plan: &TablePlan) -> String {
    match &plan.strategy {
        Some(strategy) => strategy.replace('_', " "),
        None => match &plan.full_strategy {
            Some(way) => format!("full, {}", way.replace('_', " ")),
            None => "full".to_owned(),
        },
    }
}

/// What a rule says beyond its table.
fn summary(rule: &TableRule) -> String {
    let mut words = Vec::new();
    if !rule.is_enabled() {
        words.push("off".to_owned());
    }
    if let Some(target) = &rule.target_table {
        words.push(format!("→ {target}"));
    }
    if let Some(condition) = &rule.where_clause {
        words.push(format!("where {condition}"));
    }
    match &rule.columns {
        ColumnSelect::All => {}
        ColumnSelect::Only(columns) => {
            words.push(format::plural(columns.len(), "column", "columns"));
        }
        ColumnSelect::Except(columns) => words.push(format!("without {}", columns.join(", "))),
    }
    if !rule.mask.is_empty() {
        words.push(format!("{} masked", rule.mask.len()));
    }
    if let Some(column) = &rule.watermark_column {
        words.push(format!("by {column}"));
    }
    words.join(" · ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_added_once_and_the_last_one_stays() {
        let spec = ConfigSpec::new("c", "p", vec![TableRule::of_table("a")]);
        let mut draft = Draft::new(spec);
        let names = ["a".to_owned(), "b".to_owned()];
        assert_eq!(draft.add_tables(&names), 1);
        assert!(draft.remove(0));
        assert!(!draft.remove(0));
        assert_eq!(draft.place("b"), Some(0));
        assert_eq!(draft.place("a"), None);
    }

    #[test]
    fn a_rule_is_listed_with_what_it_says() {
        let mut rule = TableRule::of_table("orders");
        rule.target_table = Some("copies".to_owned());
        rule.where_clause = Some("id > 7".to_owned());
        rule.enabled = Some(false);
        assert_eq!(summary(&rule), "off · → copies · where id > 7");
    }
}
