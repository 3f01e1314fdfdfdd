//! A webhook: one POST. Redirects are not followed, certificates are verified, and all of it has a
//! limit of time.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use ureq::Agent;

use crate::model::notification::split_url;

/// For the whole of a try.
pub const LIMIT: Duration = Duration::from_secs(10);
const CONNECT: Duration = Duration::from_secs(5);

/// Sends `body`; anything but an answer of 200 to 299 is an error.
///
/// # Errors
/// Why it was not taken, without the address.
pub async fn post(
    url: SecretString,
    body: String,
    signature: Option<String>,
) -> Result<(), String> {
    post_within(url, body, signature, LIMIT).await
}

pub(super) async fn post_within(
    url: SecretString,
    body: String,
    signature: Option<String>,
    limit: Duration,
) -> Result<(), String> {
    // The client blocks; it ends by its own limits.
    let sent = tokio::task::spawn_blocking(move || post_now(&url, &body, signature, limit));
    sent.await
        .unwrap_or_else(|_| Err("the try was cut off".to_owned()))
}

fn post_now(
    url: &SecretString,
    body: &str,
    signature: Option<String>,
    limit: Duration,
) -> Result<(), String> {
    let url = url.expose_secret().trim();
    let Some((_, authority)) = split_url(url) else {
        return Err("is no address of the web: https://host/path".to_owned());
    };
    let config = Agent::config_builder()
        .timeout_global(Some(limit))
        .timeout_connect(Some(CONNECT))
        .max_redirects(0)
        .max_redirects_will_error(false)
        .http_status_as_error(false)
        .user_agent(concat!("db-taxi/", env!("CARGO_PKG_VERSION")));
    // A proxy of the environment is for what is outside of this machine.
    let config = if is_here(authority) {
        config.proxy(None)
    } else {
        config
    };
    let agent = Agent::new_with_config(config.build());
    let mut request = agent.post(url).header("content-type", "application/json");
    if let Some(signature) = signature {
        request = request.header("x-db-taxi-signature", signature);
    }
    let answer = request.send(body).map_err(|error| match error {
        ureq::Error::BadUri(_) | ureq::Error::Http(_) => "the address is not understood".to_owned(),
        ureq::Error::Timeout(_) => format!("no answer within {} s", limit.as_secs()),
        other => other.to_string(),
    })?;
    let status = answer.status();
    if status.is_success() {
        return Ok(());
    }
    Err(if status.is_redirection() {
        format!(
            "answered {}, a redirect, which is not followed: give the address that it leads to",
            status.as_u16()
        )
    } else {
        format!("answered {status}")
    })
}

/// Whether an authority names this machine.
fn is_here(authority: &str) -> bool {
    let host = authority.rsplit('@').next().unwrap_or_default();
    let host = match host.strip_prefix('[') {
        Some(inner) => inner.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    host == "localhost"
        || host
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}
