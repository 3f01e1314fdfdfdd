//! The table of keys: the one place that says what can be set, how, and what it is otherwise.
//!
//! Reading, showing and the check of the template all go by this table.

use std::time::Duration;

use super::types::OnDisconnect;
use crate::model::log::{Level, LogFormat};

/// One key.
#[derive(Debug)]
pub struct Key {
    /// `section.name`.
    pub name: &'static str,
    /// What a value must be.
    pub kind: Kind,
    /// What it is when nothing sets it.
    pub default: Preset,
    /// Whether a change could take effect without a restart.
    pub live: bool,
    /// What it means, in one line.
    pub doc: &'static str,
}

impl Key {
    /// The environment variable that sets it: `DBT_SYNC_BATCH_SIZE`.
    #[must_use]
    pub fn env_name(&self) -> String {
        env_name(self.name)
    }

    /// The key of this name.
    #[must_use]
    pub fn find(name: &str) -> Option<&'static Self> {
        KEYS.iter().find(|key| key.name == name)
    }
}

/// What a key is when nothing sets it.
#[derive(Debug, Clone, Copy)]
pub enum Preset {
    /// This value, written as in the environment.
    Text(&'static str),
    /// Nothing.
    Nothing,
    /// Worked out from the surroundings, as the text says.
    Derived(&'static str),
}

/// What a value must be.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// A text that isn't empty.
    Text,
    /// A text; empty is none.
    OptionalText,
    /// A name by the rule for names.
    Name,
    /// One of these words.
    Word(&'static [&'static str]),
    /// A secret: text, `${env:NAME}` or `${file:PATH}`; empty is none.
    Secret,
    /// `true` or `false`.
    Flag,
    /// A whole number.
    Number {
        /// Least.
        min: u64,
        /// Most.
        max: u64,
    },
    /// A duration.
    Duration {
        /// Least.
        min: Duration,
        /// Most.
        max: Duration,
    },
    /// A size in bytes.
    Size {
        /// Least.
        min: u64,
        /// Most.
        max: u64,
    },
    /// A list of texts.
    List,
    /// A list of web origins.
    Origins,
    /// A list with at least one of these words.
    Words(&'static [&'static str]),
    /// Transport security.
    Ssl,
    /// Levels by module.
    Levels,
    /// Lists of keys by action.
    Keys,
    /// A time zone, by its IANA name.
    Zone,
    /// Limits on a server.
    Throttle,
    /// A list of rules at the top of the file.
    Notifications,
}

/// The sections, in the order of the file.
pub const SECTIONS: &[&str] = &[
    "server",
    "database",
    "sync",
    "logging",
    "dashboard",
    "security",
    "instance",
];

/// Keys that this version knows by name only: `(name, the value that is accepted)`.
pub(super) const LATER: &[(&str, &str)] = &[];

/// The variables that are ours and not keys.
pub(super) const OTHER_VARIABLES: &[&str] = &["DBT_CONFIG", "DBT_SECRET_KEY"];

/// The variable that sets the key `name`.
pub(super) fn env_name(name: &str) -> String {
    format!("DBT_{}", name.replace('.', "_").to_uppercase())
}

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(86_400);
const YEARS: Duration = Duration::from_secs(86_400 * 365 * 10);

const fn upto(max: Duration) -> Kind {
    Kind::Duration {
        min: Duration::ZERO,
        max,
    }
}

const fn number(min: u64, max: u64) -> Kind {
    Kind::Number { min, max }
}

const fn key(
    name: &'static str,
    kind: Kind,
    default: &'static str,
    live: bool,
    doc: &'static str,
) -> Key {
    Key {
        name,
        kind,
        default: Preset::Text(default),
        live,
        doc,
    }
}

const fn optional(
    name: &'static str,
    kind: Kind,
    default: Preset,
    live: bool,
    doc: &'static str,
) -> Key {
    Key {
        name,
        kind,
        default,
        live,
        doc,
    }
}

/// Every key, in the order of the file.
#[rustfmt::skip]
pub const KEYS: &[Key] = &[
    key("server.host", Kind::Text, "127.0.0.1", false, "address that --headless listens on"),
    key("server.port", number(0, 65_535), "8080", false, "port that --headless listens on; 0 is any free one, logged"),
    key("server.read_timeout", upto(DAY), "30s", false, "reading of a request; 0s is no limit"),
    key("server.write_timeout", upto(DAY), "30s", false, "response, streams excepted; 0s is no limit"),
    key("server.shutdown_timeout", upto(DAY), "30s", true, "for requests, and again for jobs, to finish; 0s is no limit"),
    key("server.max_body", Kind::Size { min: 1 << 10, max: 1 << 30 }, "1MiB", false, "largest request body; 16 times this for a mapping import"),
    key("server.cors_origins", Kind::Origins, "", true, "web origins whose pages may call the REST API, such as https://ops.example.com; none by default"),
    optional("server.tls_cert", Kind::OptionalText, Preset::Nothing, false, "certificate chain of the listener, a PEM file; with tls_key. Read again when it changes"),
    optional("server.tls_key", Kind::OptionalText, Preset::Nothing, false, "private key of the certificate, a PEM file; with tls_cert"),

    key("database.host", Kind::Text, "localhost", false, "the local server: name or address, always TCP; several, comma-separated, in order of failover; _mysql._tcp.example.com is a DNS SRV name"),
    key("database.port", number(1, 65_535), "3306", false, "its TCP port"),
    optional("database.socket", Kind::OptionalText, Preset::Nothing, false, "path of its Unix socket, instead of host and port"),
    key("database.username", Kind::Text, "root", false, "account on the local server"),
    optional("database.password", Kind::Secret, Preset::Nothing, false, "its password: text, ${env:NAME} or ${file:PATH}"),
    key("database.ssl", Kind::Ssl, "false", false, "true, false, or {mode, ca, cert, key}"),
    key("database.connect_timeout", Kind::Duration { min: Duration::from_millis(100), max: HOUR }, "10s", false, "for connecting to one address"),
    key("database.database", Kind::Text, "db_taxi", false, "the control database; created if missing"),
    key("database.max_open_conns", number(2, 10_000), "25", false, "sessions of one instance on the local server, control and writers together"),
    key("database.max_idle_conns", number(0, 10_000), "5", false, "sessions kept open when idle; at most max_open_conns"),

    key("sync.enabled", Kind::Flag, "true", false, "false: this process runs no jobs"),
    key("sync.max_concurrency", number(1, 256), "5", true, "jobs at once in one instance"),
    key("sync.batch_size", number(1, 100_000), "1000", true, "most rows per INSERT and transaction, where a config says nothing"),
    key("sync.retry_attempts", number(0, 1_000), "3", true, "tries after the first failure, per table"),
    key("sync.retry_delay", upto(Duration::from_secs(600)), "30s", true, "wait before the first retry; doubled each time, at most 10m"),
    key("sync.job_timeout", upto(YEARS), "1h", true, "running time of a job, where a config says nothing; 0s is no limit"),
    key("sync.cleanup_age", upto(YEARS), "30d", true, "age at which finished jobs, their logs and differences are removed; 0s keeps them"),
    key("sync.health_interval", upto(DAY), "60s", true, "check of each connection of an enabled config; 0s is on demand only"),
    key("sync.timezone", Kind::Zone, "UTC", true, "time zone of schedules: UTC or an IANA name such as Europe/Berlin"),
    key("sync.throttle", Kind::Throttle, "none", true, "limits on what is done to the local server: none, standard, gentle, or an object"),
    key("sync.lease_ttl", Kind::Duration { min: Duration::from_secs(5), max: Duration::from_secs(300) }, "15s", false, "work of a dead instance is taken over within twice this"),

    key("logging.level", Kind::Word(Level::WORDS), "info", true, "error, warn, info, debug or trace"),
    optional("logging.modules", Kind::Levels, Preset::Nothing, true, "levels of single modules: {sync: debug}"),
    optional("logging.format", Kind::Word(LogFormat::WORDS), Preset::Derived("text on a terminal, else json"), false, "look of stderr: text or json; files are always json"),
    optional("logging.directory", Kind::OptionalText, Preset::Derived("$LOGS_DIRECTORY, else $XDG_STATE_HOME/db-taxi/logs"), false, "folder of the daily files; none is no files"),
    key("logging.keep_files", number(1, 10_000), "14", false, "daily files to keep"),
    optional("logging.otlp_endpoint", Kind::OptionalText, Preset::Nothing, false, "OpenTelemetry collector that gets traces over HTTP: http://127.0.0.1:4318; needs a program with the feature otel"),

    key("dashboard.theme", Kind::Text, "default", true, "name of the theme"),
    key("dashboard.max_fps", number(1, 30), "10", true, "frames per second; at most 4 with low_bandwidth"),
    key("dashboard.low_bandwidth", Kind::Flag, "false", true, "draw less, for slow lines"),
    key("dashboard.ascii", Kind::Flag, "false", true, "draw with ASCII only; also by TERM=linux or a locale that is not UTF-8"),
    key("dashboard.mouse", Kind::Flag, "false", true, "take mouse events"),
    key("dashboard.read_only", Kind::Flag, "false", true, "refuse everything that changes something"),
    key("dashboard.on_disconnect", Kind::Word(OnDisconnect::WORDS), "release", true, "terminal gone: release gives the jobs back to the queue, keep_running finishes them"),
    key("dashboard.log_lines", number(100, 1_000_000), "10000", true, "lines of the live log"),
    optional("dashboard.keys", Kind::Keys, Preset::Nothing, true, "keys of single actions: {quit: [q, ctrl-q]}; `db-taxi config keys` lists them"),

    optional("security.key_file", Kind::OptionalText, Preset::Derived("secret.key in $STATE_DIRECTORY, else in $XDG_CONFIG_HOME/db-taxi"), false, "key that seals stored secrets; created when missing, readable by its owner only"),
    optional("security.api_token", Kind::Secret, Preset::Nothing, true, "a token of the REST API with the scope admin, beside those of `db-taxi tokens`: text, ${env:NAME} or ${file:PATH}"),
    optional("security.mask_key", Kind::Secret, Preset::Derived("derived from the key file"), false, "what hash masks are keyed with: text, ${env:NAME} or ${file:PATH}; the same one gives equal hashes in several installations"),

    optional("instance.name", Kind::Name, Preset::Derived("the host name"), false, "unique among live instances; a number is added when taken"),
    key("instance.roles", Kind::Words(&["worker", "api"]), "worker,api", false, "worker takes jobs, api serves HTTP and starts schedules"),
    key("instance.labels", Kind::List, "", true, "a config that names labels runs only where all of them are"),

    optional("notifications", Kind::Notifications, Preset::Nothing, true, "whom to tell of failed jobs, differences and lags, by webhook or command: docs/notifications.md"),
];

impl Kind {
    /// What is allowed, as a part of a sentence: "a whole number from 1 to 30".
    #[must_use]
    pub fn allowed(self) -> String {
        use crate::model::duration::{format_duration, format_size};
        match self {
            Self::Text | Self::OptionalText => "a text".to_owned(),
            Self::Name => "1 to 100 characters, no control characters, no blank at either end, not a UUID".to_owned(),
            Self::Word(words) => format!("one of {}", words.join(", ")),
            Self::Secret => "a text, ${env:NAME} or ${file:PATH}".to_owned(),
            Self::Flag => "true or false".to_owned(),
            Self::Number { min, max } => format!("a whole number from {min} to {max}"),
            Self::Duration { min, max } => {
                let example = "a duration such as 500ms, 30s, 5m, 1h 30m, 30d or 2w";
                if min < SECOND && max >= MINUTE * 60 * 24 {
                    example.to_owned()
                } else {
                    format!("{example}, from {} to {}", format_duration(min), format_duration(max))
                }
            }
            Self::Size { min, max } => format!(
                "a size such as 64KiB or 16MiB, from {} to {}",
                format_size(min),
                format_size(max)
            ),
            Self::List => "a list of texts (in the environment: by commas)".to_owned(),
            Self::Origins => "a list of origins such as https://ops.example.com:8443, without a path; * is refused (in the environment: by commas)".to_owned(),
            Self::Words(words) => format!(
                "a list of at least one of {} (in the environment: by commas)",
                words.join(", ")
            ),
            Self::Ssl => "true, false, or in the file {mode: disabled|required|verify_ca|verify_identity, ca: PATH, cert: PATH, key: PATH}".to_owned(),
            Self::Zone => "UTC or an IANA name such as Europe/Berlin".to_owned(),
            Self::Throttle => "none, standard, gentle, or in the file an object of max_threads_running, max_lag, replicas, query, max_rows_per_second, max_mib_per_second".to_owned(),
            Self::Keys => "in the file only, an object such as {quit: [q, ctrl-q]} of the actions and keys that `db-taxi config keys` lists; [] takes an action's keys away".to_owned(),
            Self::Notifications => "in the file only, a list of {on: [failed, completed_with_errors, differences, lag, recovered], configs: [PATTERN], lag_above: 15m, webhook: URL, secret: SECRET, format: json|slack, command: [PROGRAM, ARGUMENT]}; webhook or command".to_owned(),
            Self::Levels => format!(
                "in the file only, an object such as {{sync: debug}} of the modules {} and the levels {}",
                crate::model::log::LOG_MODULES.join(", "),
                Level::WORDS.join(", ")
            ),
        }
    }
}
