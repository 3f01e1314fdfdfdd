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

/// The tables that a config's enabled rules choose, by the tables of the source `database`.
///
/// # Errors
/// When the source can't be read.
pub async fn choose(
    session: &mut Session,
    database: &Ident,
    spec: &ConfigSpec,
) -> Result<Vec<Chosen>, SyncError> {
    let tables = list_tables(session, database).await?;
    let base: Vec<String> = tables
        .into_iter()
        .filter(|(_, kind)| kind == "BASE TABLE")
        .map(|(name, _)| name)
        .collect();
    Ok(expand(spec, &base))
}

/// The first rule that fits a table wins, exact names before patterns.
fn expand(spec: &ConfigSpec, base: &[String]) -> Vec<Chosen> {
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
        let got: Vec<(String, String)> = expand(&spec, &base)
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
    }
}
