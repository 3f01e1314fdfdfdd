//! Notifications: what somebody outside is told of, by which rules, in which words.
//!
//! Owns the rules as plain data, the body that is sent, and its sentence. Must not know: how it is
//! sent, by whom, or what was sent already. Called by the settings (which read the rules) and by
//! `notify`.

mod text;

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::job::Job;
use super::pattern;
use super::secret::Secret;
use super::words::words;

pub use text::{Told, text};

words!(
    /// What is told of.
    NotifyOn {
        /// A job failed.
        #[default] Failed = "failed",
        /// A job completed, but for some of its tables.
        CompletedWithErrors = "completed_with_errors",
        /// A job found differences, and they are still there.
        Differences = "differences",
        /// A copy is older than it may be.
        Lag = "lag",
        /// The first complete run after one that was not, or a lag that is gone.
        Recovered = "recovered",
    }
);
words!(
    /// What a webhook is sent.
    BodyFormat {
        /// The whole body.
        #[default] Json = "json",
        /// The sentence, as Slack and what is compatible with it take it.
        Slack = "slack",
    }
);

/// Whom to tell of what.
#[derive(Debug, Clone, PartialEq)]
pub struct NotificationRule {
    /// What is told of; at least one.
    pub on: Vec<NotifyOn>,
    /// Patterns of the configs that it is about.
    pub configs: Vec<String>,
    /// From which age of a copy on `lag` is told.
    pub lag_above: Duration,
    /// Where it goes.
    pub to: Destination,
}

/// Where a notification goes.
#[derive(Debug, Clone, PartialEq)]
pub enum Destination {
    /// An HTTP request.
    Webhook {
        /// Its address; a secret, since whoever has it can post there.
        url: Secret,
        /// What the body is signed with.
        secret: Option<Secret>,
        /// What is sent.
        format: BodyFormat,
    },
    /// A program and its arguments; it gets the body on its standard input.
    Command(Vec<String>),
}

impl NotificationRule {
    /// `lag_above` where a rule says nothing.
    pub const DEFAULT_LAG: Duration = Duration::from_secs(15 * 60);

    /// Whether it tells of this.
    #[must_use]
    pub fn tells(&self, on: NotifyOn, config: &str) -> bool {
        let about = |wanted: &String| pattern::matches(wanted, config);
        self.on.contains(&on) && self.configs.iter().any(about)
    }
}

impl Destination {
    /// As it may be shown: no path of an address, no argument of a command.
    #[must_use]
    pub fn shown(&self) -> String {
        match self {
            Self::Webhook { url, .. } => url.reference().unwrap_or_else(|| host_of(url)),
            Self::Command(argv) => argv.first().cloned().unwrap_or_default(),
        }
    }
}

/// `https://hooks.example.com/…`.
fn host_of(url: &Secret) -> String {
    use secrecy::ExposeSecret;
    let Secret::Text(text) = url else {
        return url.masked();
    };
    match split_url(text.expose_secret()) {
        Some((scheme, authority)) => {
            let host = authority.rsplit('@').next().unwrap_or_default();
            format!("{scheme}://{host}/…")
        }
        None => url.masked(),
    }
}

/// Scheme and authority of an `http` or `https` address; `None`: it is none.
#[must_use]
pub fn split_url(url: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    let is_plain = |text: &str| !text.chars().any(|c| c.is_whitespace() || c.is_control());
    let known = matches!(scheme, "http" | "https");
    (known && is_plain(url) && !host.is_empty() && !host.starts_with(':'))
        .then_some((scheme, authority))
}

/// What is sent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Notification {
    /// Version of the format: 1.
    pub v: u32,
    /// The same in every try: who gets it twice can tell.
    pub id: Uuid,
    /// When it happened.
    #[serde(with = "in_milliseconds")]
    pub time: DateTime<Utc>,
    /// What happened.
    pub on: NotifyOn,
    /// Name of the config that it is about.
    pub config: String,
    /// One sentence with what to do.
    pub text: String,
    /// The job that it is about, without its tables.
    pub job: Option<Job>,
}

impl Notification {
    /// A new one.
    #[must_use]
    pub fn new(on: NotifyOn, config: &str, time: DateTime<Utc>, text: String) -> Self {
        Self {
            v: 1,
            id: Uuid::now_v7(),
            time,
            on,
            config: config.to_owned(),
            text,
            job: None,
        }
    }

    /// The same about a job.
    #[must_use]
    pub fn about(mut self, job: &Job) -> Self {
        self.job = Some(Job {
            tables: Vec::new(),
            ..job.clone()
        });
        self
    }
}

mod in_milliseconds {
    use chrono::{DateTime, Utc};
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(time: &DateTime<Utc>, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&time.format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<DateTime<Utc>, D::Error> {
        DateTime::deserialize(from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_it_goes_is_shown_without_what_would_let_others_post_there() {
        let shown = |url: &str| {
            let url = Secret::parse(url);
            Destination::Webhook {
                url,
                secret: None,
                format: BodyFormat::Slack,
            }
            .shown()
        };
        for (url, expected) in [
            (
                "https://hooks.slack.com/services/T0/B0/canary",
                "https://hooks.slack.com/…",
            ),
            (
                "http://me:canary@10.0.0.1:8080/x?token=canary",
                "http://10.0.0.1:8080/…",
            ),
            ("https://h?canary", "https://h/…"),
            ("${env:SLACK}", "${env:SLACK}"),
        ] {
            assert_eq!(shown(url), expected);
        }
        let command = Destination::Command(vec!["/bin/tell".into(), "canary".into()]);
        assert_eq!(command.shown(), "/bin/tell");
    }

    #[test]
    fn only_addresses_of_the_web_are_addresses() {
        for url in [
            "https://h",
            "http://h:1/x",
            "https://[::1]:8443/a",
            "https://u:p@h/",
        ] {
            assert!(split_url(url).is_some(), "{url}");
        }
        for url in [
            "h/x",
            "ftp://h",
            "https://",
            "https:///x",
            "https://h /x",
            "http://:80/",
            "HTTPS//h",
        ] {
            assert!(split_url(url).is_none(), "{url}");
        }
    }
}
