//! Connections that a previous holder left on the local server: recorded, read back, killed.
//!
//! A connection id means something only on the server that gave it and until that server restarts,
//! so it is recorded with the server's identity and start. Ids are never given twice in between.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::transaction::parsed;
use super::{Store, StoreError};
use crate::model::ids::InstanceId;
use crate::mysql::{Row, Session, SessionKind};

/// Who held a lease before it was claimed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreviousHolder {
    /// The instance.
    pub holder: InstanceId,
    /// Ids of its connections on the local server.
    pub connections: Vec<u32>,
    /// Start of the local server when they were recorded; ids mean nothing after a restart.
    pub server_started: String,
}

/// What the `connections` column holds.
#[derive(Serialize, Deserialize)]
pub(super) struct Recorded {
    pub(super) server_started: String,
    pub(super) ids: Vec<u32>,
}

/// How long killed connections may take to go.
const PATIENCE: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(20);

/// The `previous` column: a line for each holder that did not release, the last one last. A holder
/// that died before it had killed its predecessor's connections leaves them to the next.
pub(super) fn read(text: &str) -> Result<PreviousHolder, StoreError> {
    let mut previous: Option<PreviousHolder> = None;
    for line in text.lines() {
        let (holder, recorded) = line.split_once(' ').unwrap_or((line, ""));
        let holder = holder
            .parse()
            .map_err(|_| StoreError::Corrupt(format!("sync_leases.previous: {holder:?}")))?;
        let recorded = if recorded.is_empty() {
            Recorded {
                server_started: String::new(),
                ids: Vec::new(),
            }
        } else {
            parsed(recorded, "sync_leases.previous")?
        };
        let mut next = PreviousHolder {
            holder,
            connections: recorded.ids,
            server_started: recorded.server_started,
        };
        if let Some(older) = previous {
            if next.connections.is_empty() {
                next.server_started.clone_from(&older.server_started);
            }
            if same_start(&next.server_started, &older.server_started) {
                next.connections.extend(older.connections);
            }
        }
        previous = Some(next);
    }
    previous.ok_or_else(|| StoreError::Corrupt("sync_leases.previous is empty".to_owned()))
}

impl Store {
    /// Which server this is, and since when it runs: the same as long as its connection ids mean
    /// the same.
    pub(super) async fn server_start(&self) -> Result<String, StoreError> {
        start_of(&mut *self.pool().get().await?).await
    }

    /// Kills the connections of a previous holder that are still there, and waits until they are
    /// gone. Returns how many there were. Connections of a server that has restarted since are gone
    /// already.
    ///
    /// # Errors
    /// When the control database does not answer, the account may not kill them, or one does not
    /// end in 30 s.
    pub async fn kill_previous(&self, previous: &PreviousHolder) -> Result<u32, StoreError> {
        if previous.connections.is_empty() {
            return Ok(0);
        }
        // Of its own and fresh: its id is greater than every id that was given before.
        let mut session = Session::open(
            self.pool().endpoint(),
            SessionKind::Control,
            self.lease_ttl(),
        )
        .await?;
        let outcome = kill(&mut session, previous).await;
        session.close().await;
        outcome
    }
}

async fn kill(session: &mut Session, previous: &PreviousHolder) -> Result<u32, StoreError> {
    let own = session.first("SELECT CONNECTION_ID() AS id").await?;
    let own = own
        .map(|row| row.u64("id"))
        .transpose()?
        .unwrap_or_default();
    // Behind a proxy ids are the proxy's: a KILL could hit a stranger.
    let proxied = own != u64::from(session.id());
    if proxied || !same_start(&start_of(session).await?, &previous.server_started) {
        return Ok(0);
    }
    let victims: Vec<u32> = present(session, previous)
        .await?
        .into_iter()
        .filter(|id| u64::from(*id) < own)
        .collect();
    for id in &victims {
        match session.run(&format!("KILL {id}")).await {
            // It went by itself meanwhile.
            Err(error) if error.number == Some(1094) => {}
            other => {
                other?;
            }
        }
    }
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while present(session, previous)
        .await?
        .iter()
        .any(|id| victims.contains(id))
    {
        if tokio::time::Instant::now() >= deadline {
            return Err(StoreError::Setup(format!(
                "connections {victims:?} of the process that worked here before do not end; look \
                 for what holds them with SHOW PROCESSLIST on the local server"
            )));
        }
        tokio::time::sleep(POLL).await;
    }
    Ok(u32::try_from(victims.len()).unwrap_or(u32::MAX))
}

/// Those of the recorded connections that are there, logged in with our account.
async fn present(session: &mut Session, previous: &PreviousHolder) -> Result<Vec<u32>, StoreError> {
    let account = session.endpoint().username.clone();
    let rows = session.rows("SHOW PROCESSLIST").await?;
    let ids = rows
        .iter()
        .filter(|row| user(row) == account)
        .filter_map(|row| row.u64("Id").ok().and_then(|id| u32::try_from(id).ok()));
    Ok(ids.filter(|id| previous.connections.contains(id)).collect())
}

fn user(row: &Row) -> String {
    row.opt_text("User").ok().flatten().unwrap_or_default()
}

/// `identity@seconds`: the server, and the second of its clock in which it started.
async fn start_of(session: &mut Session) -> Result<String, StoreError> {
    let identity = session.server().identity.clone();
    let mut start = 0;
    for _ in 0..5 {
        let before = clock(session).await?;
        let uptime = session.first("SHOW GLOBAL STATUS LIKE 'Uptime'").await?;
        let uptime = uptime
            .map(|row| row.i64("Value"))
            .transpose()?
            .unwrap_or_default();
        start = before - uptime;
        // Read within one second, the difference is exact.
        if clock(session).await? == before {
            break;
        }
    }
    Ok(format!("{identity}@{start}"))
}

async fn clock(session: &mut Session) -> Result<i64, StoreError> {
    let row = session.first("SELECT UNIX_TIMESTAMP() AS clock").await?;
    Ok(row
        .map(|row| row.i64("clock"))
        .transpose()?
        .unwrap_or_default())
}

/// Whether two starts are one: the clock that they were told by may have been set a little.
fn same_start(a: &str, b: &str) -> bool {
    let parts = |text: &str| -> Option<(String, i64)> {
        let (identity, start) = text.rsplit_once('@')?;
        Some((identity.to_owned(), start.parse().ok()?))
    };
    match (parts(a), parts(b)) {
        (Some((server_a, start_a)), Some((server_b, start_b))) => {
            server_a == server_b && start_a.abs_diff(start_b) <= 1
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ids::InstanceId;

    #[test]
    fn a_restart_or_another_server_is_another_start() {
        assert!(same_start("a|b@c@100", "a|b@c@101"));
        for other in ["a|b@c@103", "other@100", "", "a|b@c@"] {
            assert!(!same_start("a|b@c@100", other), "{other}");
        }
    }

    #[test]
    fn connections_of_holders_that_died_in_a_row_add_up() {
        let (first, second) = (InstanceId::generate(), InstanceId::generate());
        let recorded =
            |ids: &str, at: u32| format!("{{\"server_started\":\"s@{at}\",\"ids\":{ids}}}");
        let both = read(&format!(
            "{first} {}\n{second} {}",
            recorded("[1,2]", 100),
            recorded("[7]", 100)
        ))
        .unwrap();
        assert_eq!((both.holder, both.connections), (second, vec![7, 1, 2]));
        let restarted = read(&format!(
            "{first} {}\n{second} {}",
            recorded("[1,2]", 100),
            recorded("[7]", 200)
        ))
        .unwrap();
        assert_eq!(restarted.connections, [7]);
        let silent = read(&format!("{first} {}\n{second}", recorded("[1,2]", 100))).unwrap();
        assert_eq!((silent.holder, silent.connections), (second, vec![1, 2]));
        assert_eq!(silent.server_started, "s@100");
    }
}
