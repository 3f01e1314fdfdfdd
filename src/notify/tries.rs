//! Tries under way: one at a time for each target, so that a slow one holds up nobody else and its
//! notifications come in their order.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use tokio::task::JoinSet;

use super::send::{patience, send};
use crate::model::notification::Destination;
use crate::store::notifications::Claimed;
use crate::store::{Store, StoreError};

/// Waits after the first, second, third and fourth try.
const WAITS: [Duration; 4] = [
    Duration::from_secs(2),
    Duration::from_secs(10),
    Duration::from_secs(60),
    Duration::from_secs(300),
];
/// How long tries may go on after the end was asked for; what is cut off is tried by another
/// instance, or at the next start.
const AT_THE_END: Duration = Duration::from_secs(5);
/// How often the end of a try is noted where the control database does not answer, and how long
/// after each other. Where that fails it is tried again by whoever claims it.
const NOTED: u32 = 5;
const NOTED_AGAIN: Duration = Duration::from_secs(1);

/// Tries under way.
pub struct Tries {
    store: Store,
    instance: String,
    running: JoinSet<String>,
    /// Targets that are being told something.
    busy: HashSet<String>,
}

impl Tries {
    /// None yet.
    pub fn new(store: Store, instance: String) -> Self {
        Self {
            store,
            instance,
            running: JoinSet::new(),
            busy: HashSet::new(),
        }
    }

    /// Begins what is due.
    ///
    /// # Errors
    /// When the control database does not answer.
    pub async fn start_due(
        &mut self,
        targets: &HashMap<String, Destination>,
    ) -> Result<(), StoreError> {
        for (target, to) in targets {
            if self.busy.contains(target) {
                continue;
            }
            let claim = self
                .store
                .claim_notification(target, &self.instance, patience(to));
            let Some(claimed) = claim.await? else {
                continue;
            };
            self.busy.insert(target.clone());
            let (store, target, to) = (self.store.clone(), target.clone(), to.clone());
            self.running.spawn(async move {
                attempt(&store, &claimed, &to).await;
                target
            });
        }
        Ok(())
    }

    /// Waits until a try has ended; for ever while there is none.
    pub async fn one_ended(&mut self) {
        match self.running.join_next().await {
            Some(Ok(target)) => {
                self.busy.remove(&target);
            }
            // Nothing panics in a try; if it did, all targets are free again.
            Some(Err(_)) => self.busy.clear(),
            None => std::future::pending().await,
        }
    }

    /// Gives what is under way a little time, then cuts it off.
    pub async fn finish(mut self) {
        let all = async { while self.running.join_next().await.is_some() {} };
        if tokio::time::timeout(AT_THE_END, all).await.is_err() {
            tracing::debug!(target: "db_taxi::notify", "notifications under way are left to others");
        }
        self.running.abort_all();
    }
}

async fn attempt(store: &Store, claimed: &Claimed, to: &Destination) {
    let tries = u32::try_from(WAITS.len() + 1).unwrap_or(u32::MAX);
    let (id, attempt, shown) = (&claimed.id, claimed.attempt, to.shown());
    let result = if attempt > tries {
        Err("the process that made the last try did not live to note how it ended".to_owned())
    } else {
        send(to, claimed).await
    };
    match result {
        Ok(()) => {
            tracing::info!(target: "db_taxi::notify", "notification {id} sent to {shown}, try {attempt}");
            noted(|| store.notification_sent(claimed)).await;
        }
        Err(why) => {
            let wait = usize::try_from(attempt).ok();
            let wait = wait.and_then(|n| WAITS.get(n.checked_sub(1)?)).copied();
            match wait {
                Some(wait) => tracing::warn!(
                    target: "db_taxi::notify",
                    "notification {id} to {shown}, try {attempt} of {tries}: {why}; again in {} s",
                    wait.as_secs()
                ),
                None => tracing::error!(
                    target: "db_taxi::notify",
                    "notification {id} to {shown}, try {attempt} of {tries}: {why}; given up"
                ),
            }
            let error = format!("{shown}: {why}");
            noted(|| store.notification_failed(claimed, &error, wait)).await;
        }
    }
}

async fn noted<F: Future<Output = Result<bool, StoreError>>>(note: impl Fn() -> F) {
    for _ in 0..NOTED {
        match note().await {
            Ok(_) => return,
            Err(error) => {
                tracing::debug!(target: "db_taxi::notify", "the end of a try was not noted: {error}");
            }
        }
        tokio::time::sleep(NOTED_AGAIN).await;
    }
}
