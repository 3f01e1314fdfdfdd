//! Tells the world outside, in a service.

use std::sync::Arc;
use std::time::Duration;

use super::shared::Shared;
use crate::notify::Notifier;

/// While the control database has not answered yet.
const NOT_OPEN: Duration = Duration::from_millis(500);

/// Sends notifications from when the control database is open until the system is stopped.
pub async fn tell(shared: Arc<Shared>) {
    let store = loop {
        if let Some(store) = shared.store() {
            break store;
        }
        tokio::select! {
            () = shared.stopping.cancelled() => return,
            () = tokio::time::sleep(NOT_OPEN) => {}
        }
    };
    let notifier = Notifier {
        store,
        instance: shared.settings.get().instance.name.clone(),
        rules: shared.notifications.subscribe(),
        stopping: shared.stopping.clone(),
    };
    notifier.run().await;
}
