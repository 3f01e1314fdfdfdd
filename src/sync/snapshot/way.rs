//! Giving way: the source's own work comes before ours.
//!
//! A snapshot is ended for those who wait for a table that its sessions have read, and when it has
//! lasted for too long. The work goes on under a new one.

use std::time::{Duration, Instant};

use super::Snapshots;
use super::state::lock;

impl Snapshots {
    /// Ends the snapshot for the readers of a table that somebody waits for. Gives the connections
    /// that hold it, to be killed: their owners may be busy elsewhere.
    pub fn give_way(&self, table: &str) -> Vec<u32> {
        let mut state = self.lock();
        let held_by_idle = state.idle.iter().any(|member| member.read.contains(table));
        let mut kill = Vec::new();
        let mut ended = Vec::new();
        for loan in state.loans.values() {
            if loan.read.contains(table) && !loan.end.is_cancelled() {
                loan.end.cancel();
                kill.extend(loan.connection);
                ended.push(loan.table.clone());
            }
        }
        if !held_by_idle && ended.is_empty() {
            return kill;
        }
        ended.push(table.to_owned());
        for table in ended {
            *state.gave_way.entry(table).or_default() += 1;
        }
        state.current = None;
        state.idle.clear();
        kill
    }

    /// Says which tables somebody waits for just now: they get no new reader meanwhile.
    pub fn waited_for(&self, tables: &[&str]) {
        let mut state = self.lock();
        state.waited_for = tables.iter().map(|&table| table.to_owned()).collect();
    }

    /// Ends a snapshot that is older than `most`, once its readers have done what they are at.
    pub fn end_if_older_than(&self, most: Duration) -> bool {
        let mut state = self.lock();
        let old = state.begun.is_some_and(|begun| begun.elapsed() > most);
        if !old || state.current.is_none() || state.per_chunk {
            return false;
        }
        state.current = None;
        state.idle.clear();
        state.aged += 1;
        true
    }

    /// When the snapshot in force was taken.
    #[must_use]
    pub fn begun(&self) -> Option<Instant> {
        let state = self.lock();
        state.current.as_ref().and(state.begun)
    }

    /// How many snapshots were ended because they were too old.
    #[must_use]
    pub fn aged(&self) -> u32 {
        self.lock().aged
    }

    /// How often readers of a table had to give way.
    pub(super) fn times_given_way(&self, table: &str) -> u32 {
        self.lock().gave_way.get(table).copied().unwrap_or(0)
    }

    /// Waits until nobody waits for the table, but not for ever: then the server decides.
    pub async fn clear_way(&self, table: &str) {
        const PATIENCE: Duration = Duration::from_secs(60);
        const LOOK: Duration = Duration::from_millis(100);
        let deadline = Instant::now() + PATIENCE;
        while lock(&self.state).waited_for.contains(table) && Instant::now() < deadline {
            tokio::time::sleep(LOOK).await;
        }
    }
}
