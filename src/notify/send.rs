//! One try: whom it goes to, and in which form.

use std::time::Duration;

use ring::hmac;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use super::{command, webhook};
use crate::logging::register_secret;
use crate::model::notification::{BodyFormat, Destination};
use crate::model::secret::Secret;
use crate::settings::secrets::resolve;
use crate::store::notifications::Claimed;

/// Beyond the time that a try may take, until somebody else may try.
const NOTING: Duration = Duration::from_secs(5);

/// How long a claim holds: as long as a try may take, and its end to be noted.
pub fn patience(to: &Destination) -> Duration {
    NOTING
        + match to {
            Destination::Webhook { .. } => webhook::LIMIT,
            Destination::Command(_) => command::LIMIT,
        }
}

/// Tells it.
///
/// # Errors
/// Why it was not told, without any secret.
pub async fn send(to: &Destination, claimed: &Claimed) -> Result<(), String> {
    match to {
        Destination::Webhook {
            url,
            secret,
            format,
        } => {
            let url = known(url)?;
            let secret = secret.as_ref().map(known).transpose()?;
            let body = match format {
                BodyFormat::Json => claimed.body.clone(),
                BodyFormat::Slack => slack(&claimed.body),
            };
            let signature = secret.map(|secret| signature(&secret, body.as_bytes()));
            webhook::post(url, body, signature).await
        }
        Destination::Command(argv) => command::run(argv, &claimed.body).await,
    }
}

/// A secret as it reads at this moment, kept out of every log from here on.
fn known(secret: &Secret) -> Result<SecretString, String> {
    let text = resolve(secret)?;
    register_secret(&text);
    Ok(text)
}

/// `sha256=` and the HMAC of the body, in hex.
pub fn signature(secret: &SecretString, body: &[u8]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.expose_secret().as_bytes());
    let tag = hmac::sign(&key, body);
    let hex: String = tag
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("sha256={hex}")
}

/// The sentence as Slack takes it: three characters have a meaning of their own there.
pub fn slack(body: &str) -> String {
    let body: Value = serde_json::from_str(body).unwrap_or_default();
    let text = body["text"].as_str().unwrap_or_default();
    let text = text
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;");
    json!({"text": text}).to_string()
}
