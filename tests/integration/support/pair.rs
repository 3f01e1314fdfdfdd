//! A source and a local server with databases of their own for one test.

use std::sync::atomic::{AtomicU32, Ordering};

use super::servers::{Server, Servers, skipped};
use super::{Flavour, Judge};

/// Source and local server of one flavour, and names that no other test has.
#[derive(Debug)]
pub struct Pair {
    /// Family of both.
    pub flavour: Flavour,
    /// The remote side.
    pub source: Server,
    /// The side that holds targets and the control database.
    pub local: Server,
    number: u32,
}

/// Helper databases are called by a number that counts from 1 in each control database. Tests share
/// a local server, so each gets numbers of its own: this many.
const HELPERS: u32 = 10;

impl Pair {
    /// A pair on the servers of this run; `None`, said loudly, without one of the flavour.
    pub fn shared(flavour: Flavour) -> Option<Self> {
        let servers = Servers::get()?;
        if let Some(why) = servers.missing(flavour) {
            skipped(&format!("no {} server: {why}", flavour.as_str()));
            return None;
        }
        let pair = Self::on(
            servers.server(flavour, "SOURCE"),
            servers.server(flavour, "LOCAL"),
        );
        Some(pair)
    }

    /// A pair on servers of the test's own; also of two flavours, the local one's counts.
    pub fn on(source: Server, local: Server) -> Self {
        // Unique among the processes and threads that may share the servers.
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let next = NEXT.fetch_add(1, Ordering::Relaxed) % 990;
        let number = (std::process::id() % 400_000) * 10_000 + next * HELPERS + HELPERS;
        let pair = Self {
            flavour: local.flavour,
            source,
            local,
            number,
        };
        pair.drop_databases();
        for (server, name) in [
            (&pair.source, pair.source_db()),
            (&pair.local, pair.target_db()),
        ] {
            server.sql(&format!("CREATE DATABASE {name} CHARACTER SET utf8mb4"));
        }
        pair
    }

    /// Source database; exists, empty.
    pub fn source_db(&self) -> String {
        format!("t{}_source", self.number)
    }

    /// Target database; exists, empty.
    pub fn target_db(&self) -> String {
        format!("t{}_target", self.number)
    }

    /// Control database; made by whoever opens it first.
    pub fn control_db(&self) -> String {
        format!("t{}_control", self.number)
    }

    /// `source_db.table`
    pub fn source_table(&self, table: &str) -> String {
        format!("`{}`.`{table}`", self.source_db())
    }

    /// `target_db.table`
    pub fn target_table(&self, table: &str) -> String {
        format!("`{}`.`{table}`", self.target_db())
    }

    /// Gives the control database helper numbers that no other test on this server has. To be
    /// called once it has been migrated; [`super::DbTaxi::new`] does so by itself.
    pub fn number_helpers(&self) {
        self.local.sql(&format!(
            "ALTER TABLE {}.target_databases AUTO_INCREMENT = {}",
            self.control_db(),
            self.number
        ));
    }

    /// Helper databases of this test that exist.
    pub fn helper_databases(&self) -> Vec<String> {
        let ours = self.number..self.number + HELPERS;
        self.local
            .databases("\\_dbtaxi\\_%")
            .into_iter()
            .filter(|name| {
                let number = name.rsplit('_').next().and_then(|n| n.parse().ok());
                number.is_some_and(|n: u32| ours.contains(&n))
            })
            .collect()
    }

    /// Compares `source_db.source` with `target_db.target`.
    pub fn judge(&self, source: &str, target: &str) -> Judge<'_> {
        Judge::new(
            (&self.source, &self.source_db(), source),
            (&self.local, &self.target_db(), target),
        )
    }

    fn drop_databases(&self) {
        // A test that killed its servers has nothing left to drop.
        for (server, name) in [
            (&self.source, self.source_db()),
            (&self.local, self.target_db()),
            (&self.local, self.control_db()),
        ] {
            let _gone = server.try_sql(&format!("DROP DATABASE IF EXISTS {name}"));
        }
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        if self.local.try_sql("SELECT 1").is_ok() {
            for name in self.helper_databases() {
                let _gone = self
                    .local
                    .try_sql(&format!("DROP DATABASE IF EXISTS {name}"));
            }
        }
        self.drop_databases();
    }
}
