//! The fields of a connection.

use secrecy::ExposeSecret;
use serde_json::{Map, Value};

use super::check::{check_identifier, check_target_database};
use super::reader::{Found, Object};
use super::throttle;
use super::writer::{Fields, Form, Passwords};
use crate::model::connection::{ConnectionSpec, Ssl, SslMode, ThrottleSpec};
use crate::model::duration::format_duration;
use crate::model::names::check_name;
use crate::model::secret::Secret;

/// Most bytes of a password; no server takes one as long.
const LONGEST_PASSWORD: usize = 4096;

/// Reads the connection at `path`.
pub(super) fn read(value: &Value, path: &str, found: &Found) -> Option<ConnectionSpec> {
    let object = Object::open(value, path, "a connection", found)?;
    let name = read_name(&object);
    let username = object.required("username");
    let database = object.required("database");
    let mut spec = ConnectionSpec::new(
        name.as_deref().unwrap_or_default(),
        username.as_deref().unwrap_or_default(),
        database.as_deref().unwrap_or_default(),
    );
    read_address(&object, &mut spec);
    spec.password = read_password(&object);
    spec.local_db_name = object.filled("local_db_name");
    check_databases(&object, &spec);
    // One spec for one meaning: the default is absent.
    spec.local_db_name = spec.local_db_name.filter(|name| *name != spec.database);
    if let Some(ssl) = read_ssl(&object) {
        spec.ssl = ssl;
    }
    if let Some(timeout) = object.duration("connect_timeout") {
        spec.connect_timeout = timeout;
    }
    if let Some(most) = object.number_u32("max_connections", 2..=u32::MAX) {
        spec.max_connections = most;
    }
    if let Some(value) = object.get("throttle")
        && let Some(throttle) = throttle::read(value, &object.path_of("throttle"), found)
    {
        spec.throttle = throttle;
    }
    object.read_only(&["id", "has_password", "health", "created_at", "updated_at"]);
    object.finish();
    (name.is_some() && username.is_some() && database.is_some()).then_some(spec)
}

/// The `name` of a connection or config.
pub(super) fn read_name(object: &Object<'_>) -> Option<String> {
    if object.get("name").is_none() {
        object.problem("name", "name is required", "");
        return None;
    }
    let name = object.text("name")?;
    if let Err(message) = check_name(&name) {
        object.problem("name", message, "");
    }
    Some(name)
}

fn read_address(object: &Object<'_>, spec: &mut ConnectionSpec) {
    let host = object.filled("host");
    let port = object.number("port", 1..=u64::from(u16::MAX));
    spec.socket = object.filled("socket");
    if spec.socket.is_some() {
        for key in ["host", "port"] {
            if object.get(key).is_some() {
                object.problem(
                    key,
                    format!("{key} and socket exclude each other"),
                    "keep one of them",
                );
            }
        }
        return;
    }
    if let Some(port) = port.and_then(|port| u16::try_from(port).ok()) {
        spec.port = port;
    }
    if let Some(host) = host {
        if let Err((message, remedy)) = check_hosts(&host) {
            object.problem("host", message, remedy);
        }
        spec.host = host;
    }
}

/// Checks a comma-separated list of `name`, `name:port`, `address` and `[address]:port`.
fn check_hosts(hosts: &str) -> Result<(), (String, &'static str)> {
    for host in hosts.split(',').map(str::trim) {
        if host.is_empty() {
            return Err((
                "an entry of the list of hosts is empty".to_owned(),
                "remove the comma",
            ));
        }
        if host.starts_with('_') {
            check_service(host)?;
            continue;
        }
        let port = if let Some(inner) = host.strip_prefix('[') {
            let Some((_, after)) = inner.split_once(']') else {
                return Err((format!("{host}: the bracket is not closed"), ""));
            };
            match after.strip_prefix(':') {
                Some(port) => Some(port),
                None if after.is_empty() => None,
                None => return Err((format!("{host} is no address"), "write [address]:port")),
            }
        } else if host.matches(':').count() == 1 {
            host.split_once(':').map(|(_, port)| port)
        } else {
            None
        };
        if let Some(port) = port
            && !port.parse::<u16>().is_ok_and(|port| port > 0)
        {
            return Err((format!("{host}: a port is a number from 1 to 65535"), ""));
        }
        if host.contains(char::is_whitespace) || host.contains('/') {
            return Err((
                format!("{host} is no host name"),
                "give a name or an address; a path of a socket goes into socket",
            ));
        }
    }
    Ok(())
}

/// Checks a DNS SRV name.
fn check_service(name: &str) -> Result<(), (String, &'static str)> {
    let labels: Vec<&str> = name.trim_end_matches('.').split('.').collect();
    let said = |label: &str| {
        !label.is_empty()
            && label
                .chars()
                .all(|c| c.is_alphanumeric() || c == '-' || c == '_')
    };
    if name.contains(':') {
        return Err((
            format!("{name}: an SRV name has no port"),
            "remove it: the records say the port",
        ));
    }
    if labels.len() < 3 || !labels[1].starts_with('_') || !labels.iter().all(|l| said(l)) {
        return Err((
            format!("{name} is no DNS SRV name"),
            "write it like _mysql._tcp.example.com",
        ));
    }
    Ok(())
}

fn read_password(object: &Object<'_>) -> Option<Secret> {
    let text = object.text("password")?;
    if text.len() > LONGEST_PASSWORD {
        object.problem(
            "password",
            format!("a password has at most {LONGEST_PASSWORD} bytes"),
            "",
        );
    }
    let secret = Secret::parse(&text);
    if text.starts_with("${") && text.ends_with('}') && secret.reference().is_none() {
        object.problem(
            "password",
            "the password looks like a reference but is none",
            "write ${env:NAME} or ${file:PATH}",
        );
    }
    Some(secret)
}

fn check_databases(object: &Object<'_>, spec: &ConnectionSpec) {
    let given = object.get("local_db_name").is_some();
    if let Some(Err(message)) =
        (!spec.database.is_empty()).then(|| check_identifier(&spec.database, "database"))
    {
        object.problem("database", message, "");
    }
    let target = spec.target_database();
    if !target.is_empty()
        && let Err((message, remedy)) = check_target_database(target)
    {
        let key = if given { "local_db_name" } else { "database" };
        object.problem(key, message, remedy);
    }
}

fn read_ssl(object: &Object<'_>) -> Option<Ssl> {
    match object.get("ssl")? {
        Value::Bool(false) => return Some(Ssl::default()),
        Value::Bool(true) => {
            return Some(Ssl {
                mode: SslMode::Required,
                ..Ssl::default()
            });
        }
        Value::Object(_) => {}
        other => {
            object.wrong_type("ssl", "true, false or an object", other);
            return None;
        }
    }
    let inner = object.object("ssl")?;
    const MODES: [SslMode; 4] = [
        SslMode::Disabled,
        SslMode::Required,
        SslMode::VerifyCa,
        SslMode::VerifyIdentity,
    ];
    let mode = inner.word("mode", &MODES.map(SslMode::as_str), &[], |text| {
        MODES.into_iter().find(|mode| mode.as_str() == text)
    });
    if inner.get("mode").is_none() {
        let remedy = format!("one of {}", MODES.map(SslMode::as_str).join(", "));
        inner.problem("mode", "mode is required", remedy);
    }
    let ssl = Ssl {
        mode: mode.unwrap_or_default(),
        ca: inner.filled("ca"),
        cert: inner.filled("cert"),
        key: inner.filled("key"),
    };
    if ssl.cert.is_some() != ssl.key.is_some() {
        let (missing, there) = if ssl.cert.is_some() {
            ("key", "cert")
        } else {
            ("cert", "key")
        };
        inner.problem(
            missing,
            format!("{there} needs {missing} beside it"),
            format!("give both, or remove {there}"),
        );
    }
    inner.finish();
    Some(ssl)
}

/// The fields of a connection, in the order of the documentation.
pub(super) fn print(spec: &ConnectionSpec, form: Form, passwords: Passwords) -> Map<String, Value> {
    let mut out = Fields::new(form);
    out.always("name", spec.name.as_str());
    if spec.socket.is_some() {
        out.maybe("host", None::<String>);
        out.maybe("port", None::<u16>);
    } else {
        let is_default = spec.host == ConnectionSpec::DEFAULT_HOST;
        out.put("host", spec.host.as_str(), is_default);
        let is_default = spec.port == ConnectionSpec::DEFAULT_PORT;
        out.put("port", spec.port, is_default);
    }
    out.maybe("socket", spec.socket.as_deref());
    out.always("username", spec.username.as_str());
    let password = spec.password.as_ref();
    match passwords {
        Passwords::Hidden => {}
        Passwords::References => out.maybe("password", password.and_then(Secret::reference)),
        Passwords::All => out.maybe(
            "password",
            password.map(|secret| match secret {
                Secret::Text(text) => text.expose_secret().to_owned(),
                reference => reference.masked(),
            }),
        ),
    }
    out.always("database", spec.database.as_str());
    let target = spec.target_database();
    out.put("local_db_name", target, target == spec.database);
    let ssl = print_ssl(&spec.ssl, form);
    out.put("ssl", ssl, spec.ssl == Ssl::default());
    let is_default = spec.connect_timeout == ConnectionSpec::DEFAULT_CONNECT_TIMEOUT;
    let timeout = format_duration(spec.connect_timeout);
    out.put("connect_timeout", timeout, is_default);
    let is_default = spec.max_connections == ConnectionSpec::DEFAULT_MAX_CONNECTIONS;
    out.put("max_connections", spec.max_connections, is_default);
    let is_default = spec.throttle == ThrottleSpec::Standard;
    out.put(
        "throttle",
        throttle::print(&spec.throttle, form),
        is_default,
    );
    out.into_map()
}

fn print_ssl(ssl: &Ssl, form: Form) -> Value {
    let plain = ssl.ca.is_none() && ssl.cert.is_none() && ssl.key.is_none();
    match ssl.mode {
        SslMode::Disabled if form == Form::Short && plain => return false.into(),
        SslMode::Required if form == Form::Short && plain => return true.into(),
        _ => {}
    }
    let mut out = Fields::new(form);
    out.always("mode", ssl.mode.as_str());
    out.maybe("ca", ssl.ca.as_deref());
    out.maybe("cert", ssl.cert.as_deref());
    out.maybe("key", ssl.key.as_deref());
    out.into_map().into()
}
