//! What a server is: flavour, version, identity, limits.

use super::address::Address;
use crate::model::report::Flavour;

/// What a server said of itself when a session was opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerInfo {
    /// Its family.
    pub flavour: Flavour,
    /// Version as it says it.
    pub version: String,
    /// Major, minor, patch.
    pub number: (u16, u16, u16),
    /// Largest packet, in bytes.
    pub max_allowed_packet: u64,
    /// Which server process and data this is: all sessions of one snapshot must agree on it.
    pub identity: String,
    /// The address that answered.
    pub address: Address,
}

impl ServerInfo {
    /// Flavour and version from the text of `VERSION()`.
    #[must_use]
    pub fn parse_version(version: &str) -> (Flavour, (u16, u16, u16)) {
        let flavour = if version.to_ascii_lowercase().contains("mariadb") {
            Flavour::Mariadb
        } else {
            Flavour::Mysql
        };
        // Some MariaDB servers put a replication prefix before their own number.
        let digits = version.strip_prefix("5.5.5-").unwrap_or(version);
        let mut parts = digits
            .split(|c: char| !c.is_ascii_digit())
            .map(|part| part.parse::<u16>().unwrap_or(0));
        let mut next = || parts.next().unwrap_or(0);
        (flavour, (next(), next(), next()))
    }

    /// Whether it is MariaDB.
    #[must_use]
    pub fn is_mariadb(&self) -> bool {
        self.flavour == Flavour::Mariadb
    }

    /// `MariaDB 10.11.19` or `MySQL 9.7.4`, for people.
    #[must_use]
    pub fn shown(&self) -> String {
        let (major, minor, patch) = self.number;
        let name = if self.is_mariadb() {
            "MariaDB"
        } else {
            "MySQL"
        };
        format!("{name} {major}.{minor}.{patch}")
    }

    /// Whether it may be a source, else why not.
    ///
    /// # Errors
    /// A sentence that names the version and the least one.
    pub fn check_source(&self) -> Result<(), String> {
        self.at_least((10, 3, 0), (5, 7, 0), "a source")
    }

    /// Whether it may be the local server, else why not.
    ///
    /// # Errors
    /// A sentence that names the version and the least one.
    pub fn check_local(&self) -> Result<(), String> {
        self.at_least((10, 6, 0), (8, 0, 16), "the local server")
    }

    fn at_least(
        &self,
        mariadb: (u16, u16, u16),
        mysql: (u16, u16, u16),
        role: &str,
    ) -> Result<(), String> {
        let least = if self.is_mariadb() { mariadb } else { mysql };
        if self.number >= least {
            return Ok(());
        }
        let name = if self.is_mariadb() {
            "MariaDB"
        } else {
            "MySQL"
        };
        Err(format!(
            "{} can't be {role}: {name} {}.{}.{} or newer is needed",
            self.shown(),
            least.0,
            least.1,
            least.2
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_both_flavours() {
        for (text, flavour, number) in [
            ("10.11.19-MariaDB-0+deb12u1", Flavour::Mariadb, (10, 11, 19)),
            ("5.5.5-10.3.39-MariaDB-log", Flavour::Mariadb, (10, 3, 39)),
            ("9.7.4-2", Flavour::Mysql, (9, 7, 4)),
            ("8.0.36-28.1", Flavour::Mysql, (8, 0, 36)),
        ] {
            assert_eq!(ServerInfo::parse_version(text), (flavour, number), "{text}");
        }
    }
}
