//! Looks after the sessions of a snapshot that nobody has on loan.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;

use super::state::{State, forget, lock};
use crate::mysql::Endpoint;

/// How often it is looked whether others need what is idle.
const LOOK: Duration = Duration::from_secs(1);
/// Idle sessions are pinged this often; the server would end them after 120 s.
const PING: Duration = Duration::from_secs(30);

/// Keeps idle sessions alive, and ends those that others need more.
pub(super) struct Keeper {
    pub(super) endpoint: Arc<Endpoint>,
    pub(super) permits: Arc<Semaphore>,
    pub(super) state: Arc<Mutex<State>>,
    pub(super) of_one_table: bool,
}

impl Keeper {
    /// Until it is aborted.
    pub(super) async fn keep(self) {
        let mut pinged = Instant::now();
        loop {
            tokio::time::sleep(LOOK).await;
            self.make_room();
            if pinged.elapsed() >= PING {
                self.ping().await;
                pinged = Instant::now();
            }
        }
    }

    /// Ends sessions that read nothing while somebody waits for a first one.
    fn make_room(&self) {
        if !self.endpoint.is_wanted() {
            return;
        }
        let mut state = lock(&self.state);
        if state.opened > 1
            && let Ok(permit) = Arc::clone(&self.permits).try_acquire_owned()
            && state.idle.pop().is_some()
        {
            state.opened -= 1;
            state.unused.push(permit);
        } else if self.of_one_table && state.idle.len() == state.opened {
            state.current = None;
            state.idle.clear();
        }
    }

    async fn ping(&self) {
        let idle = lock(&self.state).idle.len();
        for _ in 0..idle {
            // Under a permit, so that nobody reopens while a session is out for its ping.
            let Ok(_permit) = Arc::clone(&self.permits).try_acquire_owned() else {
                break;
            };
            let next = {
                let mut state = lock(&self.state);
                if state.idle.is_empty() {
                    None
                } else {
                    Some(state.idle.remove(0))
                }
            };
            let Some(mut member) = next else {
                break;
            };
            let alive = member.session.ping().await.is_ok();
            let mut state = lock(&self.state);
            let id = &member.snapshot.id;
            if !alive {
                forget(&mut state, &member.snapshot);
            } else if state.current.as_ref().is_some_and(|c| c.id == *id) {
                state.idle.push(member);
            }
        }
    }
}
