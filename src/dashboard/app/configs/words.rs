//! A config in a few words, for lists.

use chrono::{DateTime, Utc};

use crate::dashboard::app::format::plural;
use crate::model::config::ConfigSpec;
use crate::model::cron::Zone;
use crate::model::rule::TableSelect;

/// Rules that are named; more are counted, so that a line of a config with thousands is soon made.
const NAMED: usize = 40;

/// Which tables, as short as can be: `12`, `all`, `2 + 1 patt.`.
#[must_use]
pub fn tables(spec: &ConfigSpec) -> String {
    let patterns = spec
        .tables
        .iter()
        .filter(|rule| matches!(rule.select, TableSelect::Match(_)))
        .count();
    let named = spec.tables.len() - patterns;
    match (named, patterns) {
        (0, 1) if is_all(spec) => "all".to_owned(),
        (0, n) => plural(n, "pattern", "patterns"),
        (n, 0) => n.to_string(),
        (n, _) if is_all(spec) => format!("{n} + all"),
        (n, m) => format!("{n} + {m} *"),
    }
}

fn is_all(spec: &ConfigSpec) -> bool {
    let all = |rule: &crate::model::rule::TableRule| matches!(&rule.select, TableSelect::Match(pattern) if pattern == "*");
    spec.exclude.is_empty() && spec.tables.iter().any(all)
}

/// The rules by their names and patterns.
#[must_use]
pub fn rules(spec: &ConfigSpec) -> String {
    let mut names: Vec<String> = spec
        .tables
        .iter()
        .take(NAMED)
        .map(|rule| match &rule.select {
            TableSelect::Source(name) => name.clone(),
            TableSelect::Match(pattern) => format!("match {pattern}"),
        })
        .collect();
    let more = spec.tables.len().saturating_sub(NAMED);
    if more > 0 {
        names.push(format!("and {more} more"));
    }
    names.join(", ")
}

/// How long until `at`, coarsely, so that it changes once a minute: `in 3h 12m`, `in 2d 4h`, `now`.
#[must_use]
pub fn due(at: DateTime<Utc>, now: DateTime<Utc>) -> String {
    let minutes = (at - now).num_minutes();
    match minutes {
        ..1 => "now".to_owned(),
        1..60 => format!("in {minutes}m"),
        60..1440 => format!("in {}h {:02}m", minutes / 60, minutes % 60),
        _ => format!("in {}d {}h", minutes / 1440, minutes % 1440 / 60),
    }
}

/// Starts by the clocks of their zone: `11-23 02:00, 11-24 02:00 Europe/Berlin`.
#[must_use]
pub fn runs(starts: &[DateTime<Utc>], zone: Zone) -> String {
    let times: Vec<String> = starts
        .iter()
        .map(|at| zone.wall(*at).format("%m-%d %H:%M").to_string())
        .collect();
    format!("{} {zone}", times.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::rule::TableRule;

    #[test]
    fn tables_are_told_in_a_few_words() {
        let of = |rules: &[&str]| {
            let rules = rules.iter().map(|name| match name.contains('*') {
                true => TableRule::of_pattern(name),
                false => TableRule::of_table(name),
            });
            ConfigSpec::new("c", "p", rules.collect())
        };
        for (names, wanted) in [
            (&["*"][..], "all"),
            (&["a", "b"], "2"),
            (&["a", "log_*"], "1 + 1 *"),
            (&["a", "*"], "1 + all"),
            (&["x*", "y*"], "2 patterns"),
        ] {
            assert_eq!(tables(&of(names)), wanted);
        }
        let mut some = of(&["*"]);
        some.exclude = vec!["tmp".to_owned()];
        assert_eq!(tables(&some), "1 pattern");
    }

    #[test]
    fn the_next_run_is_told_by_how_long_it_takes() {
        let now: DateTime<Utc> = "2026-11-21T02:14:07Z".parse().unwrap();
        let after = |minutes| due(now + chrono::Duration::minutes(minutes), now);
        assert_eq!(after(0), "now");
        assert_eq!(after(7), "in 7m");
        assert_eq!(after(192), "in 3h 12m");
        assert_eq!(after(3000), "in 2d 2h");
    }
}
