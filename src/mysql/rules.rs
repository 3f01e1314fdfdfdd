//! How a session begins, in as few round trips as can be: the way to a server may be long.

/// Asks a server who it is. Which of the two names of a server process it knows depends on its
/// flavour, so each flavour reads only its own: this way it is one statement.
pub(super) const WHO_ARE_YOU: &str = "SELECT VERSION() AS version, CONNECTION_ID() AS id, \
     @@max_allowed_packet AS packet, \
     /*M!100000 CONCAT_WS('|', @@hostname, @@port, @@server_id, @@pid_file, @@datadir) */ \
     /*!50700 @@server_uuid */ AS identity";

/// Whether a rule may fail without harm.
pub(super) fn is_optional(rule: &str) -> bool {
    rule.ends_with("/* optional */")
}

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
