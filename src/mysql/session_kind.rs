//! What sessions are for, and the rules that each kind sets when it begins.

use std::time::Duration;

use super::server::ServerInfo;

/// What a session is for; decides its rules (see [`SessionKind::rules`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SessionKind {
    /// Reads user tables on a source.
    Read,
    /// Watches the process list of a source, kills only our own sessions.
    Guard,
    /// Writes into shadows on the target.
    Load,
    /// Writes into live tables on the target.
    Apply,
    /// Defines tables on the target.
    Ddl,
    /// Short transactions in the control database; never user data.
    Control,
    /// Looks at a server: probes, tests, metadata.
    Probe,
}

/// The `sql_mode` of every session that writes user data.
pub const WRITE_SQL_MODE: &str =
    "STRICT_ALL_TABLES,NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES,NO_ENGINE_SUBSTITUTION";

impl SessionKind {
    /// Statements that set the rules of this kind. `lease` bounds how long a frozen owner's
    /// transaction may hold its locks.
    #[must_use]
    pub fn rules(self, server: &ServerInfo, lease: Duration) -> Vec<String> {
        let lease = lease.as_secs().max(1);
        let mut rules = vec!["SET time_zone = '+00:00'".to_owned()];
        let mut set = |text: String| rules.push(format!("SET {text}"));
        match self {
            Self::Read => {
                // `ALLOW_INVALID_DATES` and no `PAD_CHAR_TO_FULL_LENGTH` or `ANSI_QUOTES`:
                // values and statements are read as they are, whatever the server's default.
                set("SESSION sql_mode = 'ALLOW_INVALID_DATES', lock_wait_timeout = 2".to_owned());
                set("SESSION wait_timeout = 120, net_write_timeout = 600".to_owned());
                set("SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY".to_owned());
                set("character_set_results = NULL".to_owned());
            }
            Self::Guard | Self::Probe => {
                set("SESSION sql_mode = 'ALLOW_INVALID_DATES', lock_wait_timeout = 2".to_owned());
            }
            Self::Load | Self::Apply => {
                set(format!("SESSION sql_mode = '{WRITE_SQL_MODE}'"));
                set(format!(
                    "SESSION foreign_key_checks = {}",
                    u8::from(self == Self::Apply)
                ));
                set("SESSION unique_checks = 1, sql_notes = 1".to_owned());
                // MySQL asks for a privilege that a plain account lacks; its default is larger.
                set("SESSION max_error_count = 64 /* optional */".to_owned());
                set(format!(
                    "SESSION wait_timeout = {lease}, net_read_timeout = {lease}"
                ));
                // A lock that is held longer than this is worth a retry of the transaction.
                set("SESSION innodb_lock_wait_timeout = 5, lock_wait_timeout = 5".to_owned());
                set("SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ".to_owned());
                set("character_set_results = NULL".to_owned());
            }
            Self::Ddl => {
                set(format!("SESSION sql_mode = '{WRITE_SQL_MODE}'"));
                set("SESSION foreign_key_checks = 1, lock_wait_timeout = 1".to_owned());
                set("SESSION innodb_lock_wait_timeout = 1".to_owned());
            }
            Self::Control => {
                set(format!(
                    "SESSION sql_mode = '{WRITE_SQL_MODE}', lock_wait_timeout = 10"
                ));
                set("SESSION innodb_lock_wait_timeout = 5".to_owned());
                // A process that stands still in a transaction holds no row of a checkpoint for
                // longer than its lease.
                set(format!("SESSION wait_timeout = {lease}"));
                set("SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED".to_owned());
                if server.is_mariadb() {
                    // On a cluster: reads see what every node had committed when they began.
                    rules.push("SET SESSION wsrep_sync_wait = 1 /* optional */".to_owned());
                }
            }
        }
        if !server.is_mariadb() && matches!(self, Self::Load | Self::Ddl) {
            // A source may have foreign keys onto non-unique keys; the copy has them too.
            rules.push("SET SESSION restrict_fk_on_non_standard_key = 0 /* optional */".to_owned());
        }
        rules
    }

    /// Whether its rules don't depend on the server.
    pub(super) fn is_alike_everywhere(self) -> bool {
        matches!(self, Self::Read | Self::Guard | Self::Probe)
    }

    /// How long one statement may go without an answer; `None` where hours are normal.
    pub(super) fn patience(self) -> Option<Duration> {
        match self {
            Self::Control | Self::Guard | Self::Probe => Some(Duration::from_secs(30)),
            Self::Read => Some(Duration::from_secs(600)),
            Self::Load | Self::Apply | Self::Ddl => None,
        }
    }

    pub(super) fn statement_cache(self) -> usize {
        // Prepared statements outlive DDL with the parameter types of their first use, which cuts
        // values without an error on MySQL 9.7: only sessions that never see DDL may cache them.
        if self == Self::Control { 64 } else { 0 }
    }
}
