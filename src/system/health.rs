//! Looks at the sources again and again, in a process that stays.

use std::sync::Arc;
use std::time::Duration;

use super::shared::Shared;

/// While the control database has not answered yet.
const NOT_OPEN: Duration = Duration::from_millis(500);

/// Looks at the connections of enabled configs every `sync.health_interval` until the system is
/// stopped; `0s` is on demand only. Another interval takes effect at once.
pub async fn watch(shared: Arc<Shared>) {
    let mut every = shared.health_interval.subscribe();
    loop {
        let interval = *every.borrow_and_update();
        if interval.is_zero() {
            tokio::select! {
                () = shared.stopping.cancelled() => return,
                // The sender lives as long as what is shared.
                _ = every.changed() => continue,
            }
        }
        // Not quite the interval: a look that took place at the last tick must not seem too young.
        let age = interval.mul_f64(0.8);
        let services = shared
            .lock()
            .open
            .as_ref()
            .map(|open| open.services.clone());
        let wait = match services {
            None => NOT_OPEN.min(interval),
            Some(services) => {
                let checked = tokio::select! {
                    () = shared.stopping.cancelled() => return,
                    checked = services.connections.check_health(age) => checked,
                };
                if let Err(error) = checked {
                    tracing::debug!(target: "db_taxi::system", "connections were not looked at: {error}");
                }
                interval
            }
        };
        tokio::select! {
            () = shared.stopping.cancelled() => return,
            _ = every.changed() => {}
            () = tokio::time::sleep(wait) => {}
        }
    }
}
