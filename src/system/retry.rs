//! Keeps the control database open for a process that stays: tries again while it is down, looks
//! after it when it is up.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;

use super::open::open;
use super::shared::{Role, Shared};
use crate::model::command::Refusal;

/// Between two signs of life.
pub const LOOK: Duration = Duration::from_secs(5);
/// Longest wait between two attempts.
const LONGEST: Duration = Duration::from_secs(30);

/// Waits between attempts: 1, 2, 4 … 30 s.
struct Pause(Duration);

impl Pause {
    fn next(&mut self) -> Duration {
        let now = self.0;
        self.0 = (now * 2).min(LONGEST);
        now
    }
}

/// Opens the control database, however long it takes, then watches it until the system is stopped.
/// The first attempt's result is told; one that no wait can mend is the last for a service.
pub async fn keep_open(shared: Arc<Shared>, tell: oneshot::Sender<Result<(), Refusal>>) {
    let mut tell = Some(tell);
    let mut told = |result| {
        if let Some(tell) = tell.take() {
            // Nobody waits any more: `database()` tells it.
            let _nobody = tell.send(result);
        }
    };
    let mut pause = Pause(Duration::from_secs(1));
    loop {
        let opened = tokio::select! {
            () = shared.stopping.cancelled() => return,
            opened = open(&shared) => opened,
        };
        let problem = match opened {
            Ok(open) => {
                shared.set_open(open);
                told(Ok(()));
                return watch(&shared).await;
            }
            Err(problem) => problem,
        };
        let wait = pause.next();
        let why = match &problem.refusal {
            Refusal::DatabaseUnavailable(why) => why.clone(),
            other => other.to_string(),
        };
        if shared.role == Role::Headless && !problem.passes {
            shared.set_down(why, wait);
            return told(Err(problem.refusal));
        }
        tracing::warn!(
            target: "db_taxi::system",
            "the control database can't be used: {why}; trying again in {} s",
            wait.as_secs()
        );
        shared.set_down(why, wait);
        told(Ok(()));
        tokio::select! {
            () = shared.stopping.cancelled() => return,
            () = tokio::time::sleep(wait) => {}
        }
    }
}

/// Asks the open control database for signs of life.
async fn watch(shared: &Shared) {
    let Some(store) = shared.store() else { return };
    let mut was_up = true;
    loop {
        tokio::select! {
            () = shared.stopping.cancelled() => return,
            () = tokio::time::sleep(LOOK) => {}
        }
        let answer = match tokio::time::timeout(LOOK, store.ping()).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err(format!("no answer within {} s", LOOK.as_secs())),
        };
        match answer {
            Ok(()) => {
                shared.set_up();
                if !was_up {
                    tracing::info!(target: "db_taxi::system", "the control database answers again");
                }
                was_up = true;
            }
            Err(why) => {
                if was_up {
                    tracing::warn!(target: "db_taxi::system", "the control database does not answer: {why}");
                }
                shared.set_down(why, LOOK);
                was_up = false;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_from_one_to_thirty_seconds() {
        let mut pause = Pause(Duration::from_secs(1));
        let seconds: Vec<u64> = (0..7).map(|_| pause.next().as_secs()).collect();
        assert_eq!(seconds, [1, 2, 4, 8, 16, 30, 30]);
    }
}
