//! From values to [`Settings`]: defaults that depend on the surroundings, checks over several keys.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use super::errors::SettingError;
use super::file;
use super::given::Values;
use super::keys::{KEYS, Preset};
use super::origin::Origin;
use super::types::{
    DashboardSettings, DatabaseSettings, InstanceSettings, LoggingSettings, SecuritySettings,
    ServerSettings, Settings, SyncSettings,
};
use super::value::Value;
use crate::model::connection::Ssl;
use crate::model::cron::Zone;
use crate::model::labels::check_label;
use crate::model::log::{Level, LogFormat};
use crate::model::names::check_name;
use crate::model::notification::NotificationRule;
use crate::model::secret::Secret;
use crate::model::throttle::ThrottleSpec;

type Env = BTreeMap<String, String>;

/// The lowest layer.
pub(super) fn defaults(env: &Env) -> Values {
    KEYS.iter()
        .map(|key| {
            let found = match key.default {
                Preset::Nothing => (Value::Unset, Origin::Default),
                Preset::Text(text) => (
                    Value::from_text(key.kind, text).unwrap_or(Value::Unset),
                    Origin::Default,
                ),
                Preset::Derived(how) => derived(key.name, how, env),
            };
            (key.name, found)
        })
        .collect()
}

fn derived(name: &str, how: &str, env: &Env) -> (Value, Origin) {
    let path = |(path, from): (PathBuf, &str)| {
        (
            Value::Text(path.to_string_lossy().into_owned()),
            Origin::Derived(from.to_owned()),
        )
    };
    match name {
        "security.key_file" => path(file::key_file(env)),
        "logging.directory" => file::log_folder(env).map_or_else(
            || (Value::Unset, Origin::Derived("no home folder".to_owned())),
            path,
        ),
        "instance.name" => (Value::Text(host_name()), Origin::Derived(how.to_owned())),
        _ => (Value::Unset, Origin::Derived(how.to_owned())),
    }
}

/// The host's name, if it can name an instance.
fn host_name() -> String {
    let name = rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .into_owned();
    match check_name(&name) {
        Ok(()) => name,
        Err(_) => "db-taxi".to_owned(),
    }
}

/// Rules over several keys, and values that follow from others.
pub(super) fn check(values: &mut Values, env: &Env, errors: &mut Vec<SettingError>) {
    socket_excludes_host(values, errors);
    idle_within_open(values, errors);
    labels_are_words(values, errors);
    both_tls_files(values, errors);
    plain_terminal(values, env);
    collector_of_traces(values, errors);
}

/// Traces are built in, and their collector is an address.
fn collector_of_traces(values: &Values, errors: &mut Vec<SettingError>) {
    const NAME: &str = "logging.otlp_endpoint";
    let Some((Value::Text(endpoint), origin)) = values.get(NAME) else {
        return;
    };
    let rest = endpoint
        .strip_prefix("http://")
        .or_else(|| endpoint.strip_prefix("https://"));
    let wrong = |message: &str, remedy: &str| {
        SettingError::new(origin.clone(), Some(NAME), message).allowed(remedy)
    };
    if !cfg!(feature = "otel") {
        errors.push(wrong(
            "this program was built without traces",
            "remove it, or build with cargo build --release --features otel",
        ));
    } else if rest.is_none_or(|host| host.is_empty() || host.contains(char::is_whitespace)) {
        errors.push(wrong(
            "is no address",
            "expected something like http://127.0.0.1:4318",
        ));
    }
}

fn is_default(values: &Values, name: &str) -> bool {
    let default = defaults(&Env::new()).remove(name).map(|(value, _)| value);
    values.get(name).map(|(value, _)| value) == default.as_ref()
}

fn socket_excludes_host(values: &Values, errors: &mut Vec<SettingError>) {
    let Some((Value::Text(_), socket_from)) = values.get("database.socket") else {
        return;
    };
    for name in ["database.host", "database.port"] {
        if let Some((_, origin)) = values.get(name)
            && !is_default(values, name)
        {
            let message = format!("can't be set together with database.socket ({socket_from})");
            errors.push(
                SettingError::new(origin.clone(), Some(name), message)
                    .allowed("leave one out; an empty database.socket turns it off"),
            );
        }
    }
}

fn both_tls_files(values: &Values, errors: &mut Vec<SettingError>) {
    let (cert, key) = ("server.tls_cert", "server.tls_key");
    for (there, missing) in [(cert, key), (key, cert)] {
        if let (Some((Value::Text(_), origin)), Some((Value::Unset, _))) =
            (values.get(there), values.get(missing))
        {
            let message = format!("is set and {missing} is not: TLS needs both");
            errors.push(
                SettingError::new(origin.clone(), Some(there), message)
                    .allowed(format!("set {missing} too, or leave both out")),
            );
        }
    }
}

fn idle_within_open(values: &mut Values, errors: &mut Vec<SettingError>) {
    let (idle, open) = ("database.max_idle_conns", "database.max_open_conns");
    let most = get::<u64>(values, open);
    let Some((Value::Number(count), origin)) = values.get_mut(idle) else {
        return;
    };
    if *count <= most {
        return;
    }
    if *origin == Origin::Default {
        *count = most;
        *origin = Origin::Derived(open.to_owned());
    } else {
        let message = format!("{count} is more than {open}, which is {most}");
        errors.push(
            SettingError::new(origin.clone(), Some(idle), message)
                .allowed(format!("expected at most {most}")),
        );
    }
}

fn labels_are_words(values: &Values, errors: &mut Vec<SettingError>) {
    const NAME: &str = "instance.labels";
    let Some((Value::List(labels), origin)) = values.get(NAME) else {
        return;
    };
    for label in labels {
        if let Err(message) = check_label(label) {
            let message = format!("{label:?}: {message}");
            errors.push(SettingError::new(origin.clone(), Some(NAME), message));
        }
    }
}

/// `dashboard.ascii` where the terminal or the locale can't show more.
fn plain_terminal(values: &mut Values, env: &Env) {
    let set = |name: &str| env.get(name).filter(|value| !value.is_empty());
    let reason = if env.get("TERM").is_some_and(|term| term == "linux") {
        Some("TERM=linux".to_owned())
    } else {
        // POSIX: the first of these that is not empty says the character set.
        ["LC_ALL", "LC_CTYPE", "LANG"]
            .into_iter()
            .find_map(|name| set(name).map(|value| (name, value)))
            .filter(|(_, locale)| {
                let locale = locale.to_lowercase();
                !locale.contains("utf-8") && !locale.contains("utf8")
            })
            .map(|(name, locale)| format!("{name}={locale}"))
    };
    if let Some(reason) = reason
        && let Some((Value::Flag(ascii @ false), origin)) = values.get_mut("dashboard.ascii")
    {
        *ascii = true;
        *origin = Origin::Derived(reason);
    }
}

/// The typed form of checked values.
pub(super) fn settings(values: &Values) -> Settings {
    let v = values;
    Settings {
        server: ServerSettings {
            host: get(v, "server.host"),
            port: get(v, "server.port"),
            read_timeout: get(v, "server.read_timeout"),
            write_timeout: get(v, "server.write_timeout"),
            shutdown_timeout: get(v, "server.shutdown_timeout"),
            max_body: get(v, "server.max_body"),
            cors_origins: get(v, "server.cors_origins"),
            tls_cert: get(v, "server.tls_cert"),
            tls_key: get(v, "server.tls_key"),
        },
        database: DatabaseSettings {
            host: get(v, "database.host"),
            port: get(v, "database.port"),
            socket: get(v, "database.socket"),
            username: get(v, "database.username"),
            password: get(v, "database.password"),
            ssl: get(v, "database.ssl"),
            connect_timeout: get(v, "database.connect_timeout"),
            database: get(v, "database.database"),
            max_open_conns: get(v, "database.max_open_conns"),
            max_idle_conns: get(v, "database.max_idle_conns"),
        },
        sync: SyncSettings {
            enabled: get(v, "sync.enabled"),
            max_concurrency: get(v, "sync.max_concurrency"),
            batch_size: get(v, "sync.batch_size"),
            retry_attempts: get(v, "sync.retry_attempts"),
            retry_delay: get(v, "sync.retry_delay"),
            job_timeout: get(v, "sync.job_timeout"),
            cleanup_age: get(v, "sync.cleanup_age"),
            health_interval: get(v, "sync.health_interval"),
            timezone: get(v, "sync.timezone"),
            throttle: get(v, "sync.throttle"),
            lease_ttl: get(v, "sync.lease_ttl"),
        },
        logging: LoggingSettings {
            level: word(v, "logging.level", Level::parse),
            modules: get(v, "logging.modules"),
            format: get::<Option<String>>(v, "logging.format")
                .as_deref()
                .and_then(LogFormat::parse),
            directory: get::<Option<PathBuf>>(v, "logging.directory")
                .filter(|path| path.as_os_str() != "none"),
            keep_files: get(v, "logging.keep_files"),
            otlp_endpoint: get(v, "logging.otlp_endpoint"),
        },
        dashboard: DashboardSettings {
            theme: get(v, "dashboard.theme"),
            max_fps: get(v, "dashboard.max_fps"),
            low_bandwidth: get(v, "dashboard.low_bandwidth"),
            ascii: get(v, "dashboard.ascii"),
            mouse: get(v, "dashboard.mouse"),
            read_only: get(v, "dashboard.read_only"),
            on_disconnect: word(
                v,
                "dashboard.on_disconnect",
                super::types::OnDisconnect::parse,
            ),
            log_lines: get(v, "dashboard.log_lines"),
            keys: get(v, "dashboard.keys"),
        },
        security: SecuritySettings {
            key_file: get(v, "security.key_file"),
            api_token: get(v, "security.api_token"),
            mask_key: get(v, "security.mask_key"),
        },
        instance: InstanceSettings {
            name: get(v, "instance.name"),
            roles: get(v, "instance.roles"),
            labels: get(v, "instance.labels"),
        },
        notifications: get(v, "notifications"),
    }
}

impl Default for Settings {
    /// The defaults of the table, with an empty environment.
    fn default() -> Self {
        settings(&defaults(&Env::new()))
    }
}

/// The value of a key as a field's type. The kinds of the table make the other arms impossible; a
/// test holds each key against its field.
fn get<T: Field>(values: &Values, name: &str) -> T {
    values
        .get(name)
        .and_then(|(value, _)| T::take(value))
        .unwrap_or_default()
}

fn word<T: Default>(values: &Values, name: &str, parse: impl Fn(&str) -> Option<T>) -> T {
    parse(&get::<String>(values, name)).unwrap_or_default()
}

trait Field: Default {
    fn take(value: &Value) -> Option<Self>;
}

macro_rules! field {
    ($($type:ty: $pattern:pat => $taken:expr,)*) => {
        $(impl Field for $type {
            fn take(value: &Value) -> Option<Self> {
                match value { $pattern => $taken, _ => None }
            }
        })*
    };
}

field! {
    String: Value::Text(text) => Some(text.clone()),
    bool: Value::Flag(flag) => Some(*flag),
    u16: Value::Number(number) => u16::try_from(*number).ok(),
    u32: Value::Number(number) => u32::try_from(*number).ok(),
    usize: Value::Number(number) => usize::try_from(*number).ok(),
    u64: Value::Number(number) | Value::Size(number) => Some(*number),
    Duration: Value::Duration(duration) => Some(*duration),
    Vec<String>: Value::List(items) => Some(items.clone()),
    PathBuf: Value::Text(text) => Some(PathBuf::from(text)),
    Ssl: Value::Ssl(ssl) => Some(ssl.clone()),
    Zone: Value::Zone(zone) => Some(*zone),
    ThrottleSpec: Value::Throttle(spec) => Some(spec.clone()),
    Vec<NotificationRule>: Value::Notifications(rules) => Some(rules.clone()),
    BTreeMap<String, Vec<String>>: Value::Keys(keys) => Some(keys.clone()),
    BTreeMap<String, Level>: Value::Levels(levels) => Some(levels.clone()),
    Option<Secret>: Value::Secret(secret) => Some(Some(secret.clone())),
    Option<String>: Value::Text(text) => Some(Some(text.clone())),
    Option<PathBuf>: Value::Text(text) => Some(Some(PathBuf::from(text))),
}
