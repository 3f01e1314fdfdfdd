//! Targets: who is told, without telling it, and the rows that are written down for each.

use ring::digest::{SHA256, digest};
use secrecy::ExposeSecret;

use crate::logging::redacted;
use crate::model::ids::ConfigId;
use crate::model::notification::{Destination, Notification, NotificationRule};
use crate::model::secret::Secret;
use crate::store::notifications::Outgoing;

/// What tells one target from another, without telling it.
pub fn target_of(to: &Destination) -> String {
    let text = match to {
        Destination::Webhook { url, format, .. } => {
            let url = match url {
                Secret::Text(text) => text.expose_secret().to_owned(),
                reference => reference.masked(),
            };
            format!("webhook\n{}\n{url}", format.as_str())
        }
        Destination::Command(argv) => format!("command\n{}", argv.join("\0")),
    };
    let hash = digest(&SHA256, text.as_bytes());
    hash.as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// `what` for each rule that tells of it: one row for each target.
pub fn outgoing(
    what: &Notification,
    event: &str,
    config: ConfigId,
    rules: &[NotificationRule],
) -> Vec<Outgoing> {
    let mut all: Vec<Outgoing> = Vec::new();
    for rule in rules
        .iter()
        .filter(|rule| rule.tells(what.on, &what.config))
    {
        let target = target_of(&rule.to);
        if all.iter().any(|one| one.target == target) {
            continue;
        }
        let own = Notification {
            id: uuid::Uuid::now_v7(),
            ..what.clone()
        };
        // Plain data of ours always has a form.
        let body = serde_json::to_string(&own).unwrap_or_default();
        all.push(Outgoing {
            id: own.id.to_string(),
            event: event.to_owned(),
            target,
            config,
            body: redacted(&body).into_owned(),
        });
    }
    all
}
