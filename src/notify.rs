//! Notifications: tells the world outside what happened to jobs and copies, by webhook or command.
//!
//! Owns what is worth telling, that each event is told once over all instances, and how a try is
//! made. What happened is read from the control database, not from this process: a job that was run
//! by another one is told of as well, and one whose process died too. Must not know: the engine,
//! fronts. Called by `system`, in a service.
//!
//! ```text
//!   ended jobs ─┐                                    ┌─► webhook
//!               ├─► notifications (one row each) ─► claim
//!   ages ───────┘                                    └─► command
//! ```
//!
//! A row is claimed for as long as a try may take. Who dies meanwhile has its row tried by another:
//! at least once, with one id for all tries.

mod command;
mod jobs;
mod lags;
mod send;
mod target;
#[cfg(test)]
mod tests;
mod tries;
mod webhook;

use std::collections::HashMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use self::jobs::JobWatch;
use self::target::target_of;
use self::tries::Tries;
use crate::model::notification::NotificationRule;
use crate::store::{Store, StoreError};

/// Between two looks at what ended and what is to be tried.
const ROUND: Duration = Duration::from_secs(2);
/// Between two looks at how old copies are.
const AGES: Duration = Duration::from_secs(15);
/// Between two removals of what was told long ago.
const CLEAN_EVERY: Duration = Duration::from_hours(1);
/// What was told longer ago is forgotten; nothing that old is told again.
const KEPT: Duration = Duration::from_hours(7 * 24);

/// Who tells.
pub struct Notifier {
    /// The control database.
    pub store: Store,
    /// Name of this process.
    pub instance: String,
    /// The rules in force.
    pub rules: watch::Receiver<Vec<NotificationRule>>,
    /// Nothing new is begun from here on.
    pub stopping: CancellationToken,
}

impl Notifier {
    /// Tells until it is stopped.
    pub async fn run(mut self) {
        let mut state = State {
            tries: Tries::new(self.store.clone(), self.instance.clone()),
            since: HashMap::new(),
            jobs: JobWatch::default(),
            ages: None,
            cleaned: None,
        };
        let mut told = false;
        loop {
            let rules = self.rules.borrow_and_update().clone();
            if !rules.is_empty() {
                match state.round(&self.store, &rules).await {
                    Ok(()) => told = false,
                    Err(error) if told => {
                        tracing::debug!(target: "db_taxi::notify", "notifications wait: {error}");
                    }
                    Err(error) => {
                        told = true;
                        tracing::warn!(target: "db_taxi::notify", "notifications wait: {error}");
                    }
                }
            }
            tokio::select! {
                () = self.stopping.cancelled() => break,
                () = state.tries.one_ended() => {}
                () = tokio::time::sleep(ROUND) => {}
            }
        }
        state.tries.finish().await;
    }
}

struct State {
    tries: Tries,
    /// By target.
    since: HashMap<String, DateTime<Utc>>,
    jobs: JobWatch,
    ages: Option<Instant>,
    cleaned: Option<Instant>,
}

impl State {
    async fn round(&mut self, store: &Store, rules: &[NotificationRule]) -> Result<(), StoreError> {
        let mut targets = HashMap::new();
        for rule in rules {
            let target = target_of(&rule.to);
            if !self.since.contains_key(&target) {
                let since = store.told_since(&target).await?;
                self.since.insert(target.clone(), since);
            }
            targets.insert(target, rule.to.clone());
        }
        let since = |target: &str| self.since.get(target).copied();
        self.jobs.tell(store, rules, &since).await?;
        let over = |at: Option<Instant>, every| at.is_none_or(|at| at.elapsed() >= every);
        if over(self.ages, AGES) {
            lags::tell(store, rules).await?;
            self.ages = Some(Instant::now());
        }
        if over(self.cleaned, CLEAN_EVERY) {
            store.forget_notifications(KEPT).await?;
            self.cleaned = Some(Instant::now());
        }
        self.tries.start_due(&targets).await
    }
}
