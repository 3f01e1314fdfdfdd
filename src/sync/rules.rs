//! Rules applied to the tables that are there: which source table goes to which target table.

use std::collections::HashSet;

use super::error::SyncError;
use crate::model::config::ConfigSpec;
use crate::model::pattern;
use crate::model::rule::{TableRule, TableSelect};
use crate::mysql::schema::list_tables;
use crate::mysql::{Ident, Session};

/// A source table with the rule that it falls under.
#[derive(Debug, Clone)]
pub struct Chosen {
    /// Table on the source.
    pub source_table: String,
    /// Table on the target.
    pub target_table: String,
    /// Its rule, with the config's mode where it names none.
    pub rule: TableRule,
    /// Whether the rule names it, rather than matching it.
    pub exact: bool,
}

/// The base tables of a database, as far as the account may see them.
///
/// # Errors
/// When the server can't be asked.
pub async fn base_tables(
    session: &mut Session,
    database: &Ident,
) -> Result<Vec<String>, SyncError> {
    let tables = list_tables(session, database).await?;
    Ok(tables
        .into_iter()
        .filter(|(_, kind)| kind == "BASE TABLE")
        .map(|(name, _)| name)
        .collect())
}

/// Of the targets that earlier runs brought in step (`known`), those that a pattern of the config
/// would still choose, and whose source is not among the tables of the source (`base`).
#[must_use]
pub fn gone(spec: &ConfigSpec, known: &[String], base: &[String]) -> Vec<String> {
    let named: HashSet<&String> = spec
        .tables
        .iter()
        .filter_map(|rule| match &rule.select {
            TableSelect::Source(name) => Some(rule.target_table.as_ref().unwrap_or(name)),
            TableSelect::Match(_) => None,
        })
        .collect();
    choose(spec, known)
        .into_iter()
        .filter(|chosen| !chosen.exact && !named.contains(&chosen.target_table))
        .filter(|chosen| !base.contains(&chosen.source_table))
        .map(|chosen| chosen.target_table)
        .collect()
}

/// The tables that a config's enabled rules choose of those of the source (`base`). The first rule
/// that fits a table wins, exact names before patterns.
#[must_use]
pub fn choose(spec: &ConfigSpec, base: &[String]) -> Vec<Chosen> {
    let mut seen = HashSet::new();
    let mut out = Vec::new();
    for rule in &spec.tables {
        if let TableSelect::Source(name) = &rule.select
            && seen.insert(name.clone())
            && rule.is_enabled()
        {
            out.push(Chosen {
                source_table: name.clone(),
                target_table: rule.target_table.clone().unwrap_or_else(|| name.clone()),
                rule: in_mode(rule, spec),
                exact: true,
            });
        }
    }
    for rule in &spec.tables {
        let TableSelect::Match(wanted) = &rule.select else {
            continue;
        };
        for name in base {
            let excluded = spec.exclude.iter().any(|p| pattern::matches(p, name));
            if !excluded
                && pattern::matches(wanted, name)
                && seen.insert(name.clone())
                && rule.is_enabled()
            {
                out.push(Chosen {
                    source_table: name.clone(),
                    target_table: name.clone(),
                    rule: in_mode(rule, spec),
                    exact: false,
                });
            }
        }
    }
    out
}

fn in_mode(rule: &TableRule, spec: &ConfigSpec) -> TableRule {
    TableRule {
        sync_mode: rule.sync_mode.or(Some(spec.sync_mode)),
        ..rule.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exact_rules_win_and_excluded_tables_stay_out() {
        let mut off = TableRule::of_table("secret");
        off.enabled = Some(false);
        let mut renamed = TableRule::of_table("users");
        renamed.target_table = Some("people".to_owned());
        let mut spec = ConfigSpec::new("c", "p", vec![TableRule::of_pattern("*"), renamed, off]);
        spec.exclude = vec!["tmp_*".to_owned()];
        let base: Vec<String> = ["orders", "secret", "tmp_x", "users"]
            .iter()
            .map(|s| (*s).to_owned())
            .collect();
        let got: Vec<(String, String)> = choose(&spec, &base)
            .into_iter()
            .map(|c| (c.source_table, c.target_table))
            .collect();
        assert_eq!(
            got,
            [
                ("users".to_owned(), "people".to_owned()),
                ("orders".to_owned(), "orders".to_owned())
            ]
        );
        // `people` is a target of another name, and those left out are nobody's business.
        let known: Vec<String> = ["old", "orders", "people", "secret", "tmp_y"]
            .iter()
            .map(|s| (*s).to_owned())
            .collect();
        assert_eq!(gone(&spec, &known, &base), ["old".to_owned()]);
    }
}
