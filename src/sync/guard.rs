//! The guard: nobody on the source waits long because of us.
//!
//! Looks at the process list with whoever measures the server: statements that wait for the
//! definition of one of our tables make its readers give way, and a snapshot that has lasted for too
//! long, or keeps the server from cleaning up, is ended. Must not know: what is read. Called by the
//! watch over a source.

use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use super::hooks;
use super::link::Link;
use super::snapshot::Snapshots;
use crate::mysql::activity::Process;
use crate::mysql::{MysqlError, Session};

/// Seconds that somebody may wait for a table of ours.
const PATIENCE: u64 = 2;
/// Growth of the undo list, since the snapshot began, that ends it.
const UNDO: u64 = 1_000_000;
/// Looks between two at the undo list.
const UNDO_EVERY: u64 = 10;

/// Watches over the snapshots of one job.
pub struct Guard {
    database: String,
    tables: Vec<String>,
    most_age: Duration,
    watched: Arc<Watched>,
    link: Arc<Link>,
    looks: u64,
    /// The undo list when it was first seen under the oldest snapshot, which began then.
    undo: Option<(std::time::Instant, Option<u64>)>,
}

/// The snapshots of a job: its own, and those of single tables.
#[derive(Default)]
pub struct Watched(Mutex<Vec<Weak<Snapshots>>>);

impl Watched {
    /// Adds one.
    pub fn add(&self, snapshots: &Arc<Snapshots>) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|known| known.strong_count() > 0);
        all.push(Arc::downgrade(snapshots));
    }

    fn all(&self) -> Vec<Arc<Snapshots>> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().filter_map(Weak::upgrade).collect()
    }
}

impl Guard {
    /// Over the snapshots of a job that reads these tables of a database; zero `most_age` is no
    /// limit.
    #[must_use]
    pub fn new(
        database: &str,
        tables: Vec<String>,
        most_age: Duration,
        watched: Arc<Watched>,
        link: Arc<Link>,
    ) -> Self {
        Self {
            database: database.to_owned(),
            tables,
            most_age,
            watched,
            link,
            looks: 0,
            undo: None,
        }
    }

    /// Looks once.
    ///
    /// # Errors
    /// The loss of the session.
    pub async fn look(
        &mut self,
        session: &mut Session,
        processes: &[Process],
    ) -> Result<(), MysqlError> {
        let ours = session.our_ids();
        self.link.look(processes, |id| ours.contains(&id));
        let waiting = waiting(&self.database, &self.tables, processes, |id| {
            ours.contains(&id)
        });
        let names: Vec<&str> = waiting.iter().map(|(table, _)| *table).collect();
        let watched = self.watched.all();
        let mut kill = Vec::new();
        for snapshots in &watched {
            snapshots.waited_for(&names);
            for (table, seconds) in &waiting {
                if *seconds >= PATIENCE {
                    kill.extend(snapshots.give_way(table));
                }
            }
            if !self.most_age.is_zero() && snapshots.end_if_older_than(self.most_age) {
                tracing::info!(target: "db_taxi::sync", "a snapshot of the source is older than max_snapshot_age and is ended");
            }
        }
        if !kill.is_empty() {
            tracing::info!(
                target: "db_taxi::sync",
                tables = names.join(", "),
                "a statement on the source waits for our readers: they give way"
            );
        }
        for id in kill {
            // One that has ended by itself is as good.
            match session.run(&format!("KILL {id}")).await {
                Err(error) if error.is_connection_lost() => return Err(error),
                _ => {}
            }
        }
        self.looks = self.looks.wrapping_add(1);
        let begun = watched.iter().filter_map(|s| s.begun()).min();
        // A snapshot that is new is measured from its first second.
        let is_new = begun.is_some() && begun != self.undo.map(|(of, _)| of);
        let every = hooks::limit("guard.undo_looks", UNDO_EVERY);
        if is_new || self.looks.is_multiple_of(every) {
            self.look_at_undo(session, &watched, begun).await?;
        }
        Ok(())
    }

    /// Nothing is seen for a while: nobody is held back by what was seen last.
    pub fn rest(&self) {
        for snapshots in self.watched.all() {
            snapshots.waited_for(&[]);
        }
    }

    async fn look_at_undo(
        &mut self,
        session: &mut Session,
        watched: &[Arc<Snapshots>],
        begun: Option<std::time::Instant>,
    ) -> Result<(), MysqlError> {
        let Some(begun) = begun else {
            self.undo = None;
            return Ok(());
        };
        let length = session.history_length().await?;
        match (self.undo, length) {
            (Some((of, Some(before))), Some(length)) if of == begun => {
                if has_grown(before, length) {
                    tracing::warn!(target: "db_taxi::sync", before, length, "undo grows on the source: snapshots are ended");
                    for snapshots in watched {
                        snapshots.end_if_older_than(Duration::ZERO);
                    }
                }
            }
            (Some((of, _)), _) if of == begun => {}
            _ => self.undo = Some((begun, length)),
        }
        Ok(())
    }
}

/// Whether the undo list has grown so much that it must be let go.
fn has_grown(before: u64, now: u64) -> bool {
    now.saturating_sub(before) > hooks::limit("guard.undo", UNDO)
}

/// The tables whose definition somebody else waits for, and for how many seconds.
fn waiting<'t>(
    database: &str,
    tables: &'t [String],
    processes: &[Process],
    is_ours: impl Fn(u64) -> bool,
) -> Vec<(&'t str, u64)> {
    let waiting: Vec<&Process> = processes
        .iter()
        .filter(|p| p.waits_for_definition() && !is_ours(p.id))
        .collect();
    tables
        .iter()
        .filter_map(|table| {
            let longest = waiting
                .iter()
                .filter(|p| p.names(database, table))
                .map(|p| p.seconds)
                .max()?;
            Some((table.as_str(), longest))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn process(id: u64, seconds: u64, statement: &str) -> Process {
        Process {
            id,
            seconds,
            statement: statement.to_owned(),
            database: "shop".to_owned(),
            state: "Waiting for table metadata lock".to_owned(),
            command: "Query".to_owned(),
        }
    }

    #[test]
    fn only_others_who_wait_for_our_tables_count() {
        let tables = ["orders".to_owned(), "items".to_owned()];
        let list = [
            process(1, 3, "ALTER TABLE orders ADD x INT"),
            process(2, 9, "SELECT * FROM shop.orders"),
            process(3, 50, "ALTER TABLE strangers ADD x INT"),
            process(4, 70, "ALTER TABLE items ADD x INT"),
            Process {
                state: "altering table".to_owned(),
                ..process(5, 80, "ALTER TABLE items ADD y INT")
            },
        ];
        let found = waiting("shop", &tables, &list, |id| id == 4);
        assert_eq!(found, [("orders", 9)]);
    }

    #[test]
    fn undo_counts_by_its_growth() {
        assert!(!has_grown(5_000_000, 5_900_000));
        assert!(has_grown(10, 1_100_000));
        assert!(!has_grown(1_100_000, 10));
    }
}
