//! Session rules in as few statements as they fit in: each one is a round trip, and the way to a
//! server may be long.

/// Joins plain `SET`s; those that may fail, and those of transactions, stay by themselves.
pub(super) fn joined(rules: &[String]) -> Vec<String> {
    let mut plain: Vec<&str> = Vec::new();
    let mut others = Vec::new();
    for rule in rules {
        match rule.strip_prefix("SET ") {
            Some(rest) if !rest.contains("TRANSACTION") && !rule.ends_with("*/") => {
                plain.push(rest);
            }
            _ => others.push(rule.clone()),
        }
    }
    let mut out = Vec::new();
    if !plain.is_empty() {
        out.push(format!("SET {}", plain.join(", ")));
    }
    out.extend(others);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_rules_are_one_statement() {
        let rules = [
            "SET time_zone = '+00:00'",
            "SET SESSION sql_mode = 'A,B', lock_wait_timeout = 2",
            "SET SESSION TRANSACTION READ ONLY",
            "SET SESSION max_error_count = 64 /* optional */",
            "SET character_set_results = NULL",
        ]
        .map(str::to_owned);
        assert_eq!(
            joined(&rules),
            [
                "SET time_zone = '+00:00', SESSION sql_mode = 'A,B', lock_wait_timeout = 2, \
                 character_set_results = NULL",
                "SET SESSION TRANSACTION READ ONLY",
                "SET SESSION max_error_count = 64 /* optional */",
            ]
        );
    }
}
