//! The form of a connection: its fields, and the connection that they describe.

use secrecy::ExposeSecret;
use serde_json::{Map, Value};

use super::form::{Field, Form, Problem, Purpose, Stored};
use super::purpose::ConnectionDraft;
use super::text::Line;
use crate::model::connection::{Connection, ConnectionSpec, SslMode};
use crate::model::duration::format_duration;
use crate::model::finding::Finding;
use crate::model::mapping;
use crate::model::secret::Secret;
use crate::model::throttle::{Limits, ThrottleSpec};

const TLS: &[(&str, &str)] = &[
    ("disabled", "off"),
    ("required", "required"),
    ("verify_ca", "verify CA"),
    ("verify_identity", "identity"),
];

/// The words for limits on a server, and one for limits by themselves.
pub(super) const THROTTLES: &[(&str, &str)] = &[
    ("none", "none"),
    ("standard", "standard"),
    ("gentle", "gentle"),
    ("own", "own limits"),
];

/// The form for a new connection.
#[must_use]
pub fn add() -> Form {
    let spec = ConnectionSpec {
        host: String::new(),
        ..ConnectionSpec::new("", "", "")
    };
    let draft = ConnectionDraft::default();
    form("New connection", draft, &spec, Stored::None)
}

/// The form for the very first connection.
#[must_use]
pub fn first() -> Form {
    let mut form = add();
    form.title = "First start · 1 of 5 · where to copy from".to_owned();
    form.intro = vec![
        Line::plain(
            "An account that may read the source is enough; the test names the GRANT for what \
             is missing.",
        ),
        Line::empty(),
    ];
    form.purpose = Purpose::Connection(ConnectionDraft {
        first: true,
        ..ConnectionDraft::default()
    });
    form.verb = "test";
    form
}

/// The form for a stored connection.
#[must_use]
pub fn edit(connection: &Connection) -> Form {
    let spec = &connection.spec;
    let stored = match spec.password.as_ref().and_then(Secret::reference) {
        Some(reference) => Stored::Reference(reference),
        None if connection.has_password => Stored::Sealed,
        None => Stored::None,
    };
    let draft = ConnectionDraft {
        id: Some(connection.id),
        version: Some(connection.version),
        ..ConnectionDraft::default()
    };
    form(&format!("Connection {}", spec.name), draft, spec, stored)
}

fn form(title: &str, draft: ConnectionDraft, spec: &ConnectionSpec, stored: Stored) -> Form {
    let mut fields = source_fields(spec, stored);
    fields.extend(rare_fields(spec));
    Form::new(Purpose::Connection(draft), title, fields)
        .ruled(rules)
        .adapting(adapt)
}

/// The value, or nothing where it is the default, which is shown as such.
fn unless(default: bool, value: impl ToString) -> String {
    if default {
        String::new()
    } else {
        value.to_string()
    }
}

fn source_fields(spec: &ConnectionSpec, stored: Stored) -> Vec<Field> {
    let way = if spec.socket.is_some() {
        "socket"
    } else {
        "tcp"
    };
    let ways = &[("tcp", "host and port"), ("socket", "Unix socket")];
    let host = unless(spec.host == ConnectionSpec::DEFAULT_HOST, &spec.host);
    let port = unless(spec.port == ConnectionSpec::DEFAULT_PORT, spec.port);
    let local = spec.local_db_name.as_deref().unwrap_or_default();
    vec![
        Field::text("name", "Name", &spec.name)
            .name()
            .under("Source")
            .help("What it is called here: in configs, jobs and on the command line."),
        Field::choice("way", "Reached by", ways, way)
            .help("A socket is for a source on this machine. Left and right choose."),
        Field::text("host", "Host", &host)
            .placeholder(ConnectionSpec::DEFAULT_HOST)
            .help("Name or address; several by commas, tried in this order; _mysql._tcp.… is an SRV name."),
        Field::text("port", "Port", &port)
            .number(1..=65535)
            .placeholder(ConnectionSpec::DEFAULT_PORT.to_string())
            .help("TCP port of the server."),
        Field::text("socket", "Socket", spec.socket.as_deref().unwrap_or_default())
            .required()
            .help("Path of the server's socket, on the machine that runs db-taxi."),
        Field::text("username", "User", &spec.username)
            .required()
            .help("The account; SELECT on the tables is enough to begin with."),
        Field::secret("password", "Password", stored.clone()).help(if stored == Stored::None {
            "Typed or pasted, stored sealed, never shown. Or ${env:NAME}, ${file:PATH}."
        } else {
            "Untouched it stays as stored; ctrl-u removes it. Or ${env:NAME}, ${file:PATH}."
        }),
        Field::text("database", "Database", &spec.database)
            .required()
            .help("The database to copy from."),
        Field::text("local_db_name", "Local database", local)
            .under("Copy")
            .placeholder("as the source's")
            .help("Where the copies go, on the local server; made if missing."),
        Field::choice("ssl.mode", "TLS", TLS, spec.ssl.mode.as_str())
            .under("Security")
            .help(TLS_HELP),
        Field::text("ssl.ca", "CA file", spec.ssl.ca.as_deref().unwrap_or_default())
            .placeholder("public authorities")
            .help("PEM file with the authorities to trust."),
    ]
}

const TLS_HELP: &str = "required: encrypted, any certificate. verify CA: by a trusted authority. identity: and \
     for this host.";

fn rare_fields(spec: &ConnectionSpec) -> Vec<Field> {
    let timeout = spec.connect_timeout;
    let shown = unless(
        timeout == ConnectionSpec::DEFAULT_CONNECT_TIMEOUT,
        format_duration(timeout),
    );
    let most = spec.max_connections;
    let most = unless(most == ConnectionSpec::DEFAULT_MAX_CONNECTIONS, most);
    let mut fields = vec![
        Field::fold("More: client certificate, timeout, sessions, throttle")
            .help("space or enter shows and hides them."),
        Field::text("ssl.cert", "Certificate", spec.ssl.cert.as_deref().unwrap_or_default())
            .rare()
            .placeholder("none")
            .help("PEM file with our certificate, where the server asks for one."),
        Field::text("ssl.key", "Key", spec.ssl.key.as_deref().unwrap_or_default())
            .rare()
            .placeholder("none")
            .help("PEM file with the key of our certificate."),
        Field::text("connect_timeout", "Timeout", &shown)
            .rare()
            .duration()
            .placeholder("10s")
            .help("How long connecting to one address may take: 500ms, 10s, 1m."),
        Field::text("max_connections", "Sessions", &most)
            .rare()
            .number(2..=u64::from(u32::MAX))
            .placeholder(ConnectionSpec::DEFAULT_MAX_CONNECTIONS.to_string())
            .help("Most sessions of one instance on this server, all jobs together."),
        Field::choice(
            "throttle",
            "Throttle",
            THROTTLES,
            spec.throttle.word().unwrap_or("own"),
        )
        .rare()
        .help("Limits on what is done to the source: standard pauses above 64 running threads or 10 s of lag."),
    ];
    fields.extend(limit_fields(&spec.throttle));
    fields
}

/// Single limits, as rare fields `throttle.NAME`.
pub(super) fn limit_fields(throttle: &ThrottleSpec) -> Vec<Field> {
    let Limits {
        max_threads_running: threads,
        max_lag: lag,
        replicas,
        query,
        max_rows_per_second: rows,
        max_mib_per_second: mib,
    } = throttle.limits();
    let number = |n: Option<u64>| n.map_or(String::new(), |n| n.to_string());
    let limit = |id: &str, label: &str, value: &str| {
        Field::text(format!("throttle.{id}"), label, value)
            .rare()
            .placeholder("no limit")
    };
    let most = u64::from(u32::MAX);
    vec![
        limit(
            "max_threads_running",
            "  Threads",
            &number(threads.map(u64::from)),
        )
        .number(1..=most)
        .help("Threads_running of the server, our own not counted."),
        limit(
            "max_lag",
            "  Lag",
            &lag.map_or(String::new(), format_duration),
        )
        .duration()
        .help("Delay of the server, if it is a replica, and of the replicas below."),
        limit("replicas", "  Replicas", &replicas.join(", "))
            .placeholder("none")
            .help("host:port, several by commas; reached with the same account."),
        limit("query", "  Query", query.as_deref().unwrap_or_default())
            .placeholder("none")
            .help("One SELECT; NULL, 0 or empty means go on, anything else is the reason to wait."),
        limit("max_rows_per_second", "  Rows/s", &number(rows))
            .number(1..=most)
            .help("Rows read in a second, all workers of an instance together."),
        limit("max_mib_per_second", "  MiB/s", &number(mib))
            .number(1..=most)
            .help("MiB read in a second, all workers of an instance together."),
    ]
}

/// Shows the fields that apply.
fn adapt(form: &mut Form) {
    let socket = form.text("way") == "socket";
    let mode = form.text("ssl.mode");
    let encrypted = mode != SslMode::Disabled.as_str();
    let verified = encrypted && mode != SslMode::Required.as_str();
    let own = form.text("throttle") == "own";
    for field in &mut form.fields {
        field.shown = match field.id.as_str() {
            "host" | "port" => !socket,
            "socket" => socket,
            "ssl.ca" => verified,
            "ssl.cert" | "ssl.key" => encrypted,
            id => own || !id.starts_with("throttle."),
        };
    }
}

/// What is wrong beyond single fields: the rules of the mapping file hold here too.
fn rules(form: &Form) -> Vec<Problem> {
    let mut problems: Vec<Problem> = match mapping::parse_connection(&json(form)) {
        Ok(_) => Vec::new(),
        Err(findings) => findings.iter().map(Problem::of).collect(),
    };
    if let Some(Secret::Text(text)) = form.secret("password") {
        let text = text.expose_secret();
        if text.starts_with("${") && text.ends_with('}') {
            problems.push(Problem::new(
                "password",
                "looks like a reference but is none: write ${env:NAME} or ${file:PATH}",
            ));
        }
    }
    problems
}

/// What the fields describe, checked.
///
/// # Errors
/// Everything that is wrong with it.
pub fn spec(form: &Form) -> Result<ConnectionSpec, Vec<Finding>> {
    let mut spec = mapping::parse_connection(&json(form))?;
    spec.password = form.secret("password");
    Ok(spec)
}

/// The fields as the object of a mapping file, without the password.
fn json(form: &Form) -> Value {
    let mut out = Map::new();
    // Required fields are told to be missing only when they are.
    for id in [
        "host",
        "socket",
        "username",
        "database",
        "local_db_name",
        "connect_timeout",
    ] {
        put(&mut out, id, text(form.text(id)));
    }
    if let Some(name) = form.field("name") {
        put(&mut out, "name", text(name.raw_text()));
    }
    for id in ["port", "max_connections"] {
        put(&mut out, id, number(&form.text(id)));
    }
    let mut ssl = Map::new();
    for id in ["mode", "ca", "cert", "key"] {
        put(&mut ssl, id, text(form.text(&format!("ssl.{id}"))));
    }
    out.insert("ssl".to_owned(), ssl.into());
    let throttle = match form.text("throttle").as_str() {
        "own" => limits(form),
        word => word.into(),
    };
    out.insert("throttle".to_owned(), throttle);
    out.into()
}

/// The fields of single limits as an object of a mapping file.
pub(super) fn limits(form: &Form) -> Value {
    let mut out = Map::new();
    let typed = |id: &str| form.text(&format!("throttle.{id}"));
    for id in [
        "max_threads_running",
        "max_rows_per_second",
        "max_mib_per_second",
    ] {
        put(&mut out, id, number(&typed(id)));
    }
    for id in ["max_lag", "query"] {
        put(&mut out, id, text(typed(id)));
    }
    let replicas: Vec<Value> = typed("replicas")
        .split(',')
        .map(str::trim)
        .filter(|replica| !replica.is_empty())
        .map(Value::from)
        .collect();
    put(
        &mut out,
        "replicas",
        (!replicas.is_empty()).then_some(Value::Array(replicas)),
    );
    out.into()
}

fn put(out: &mut Map<String, Value>, id: &str, value: Option<Value>) {
    if let Some(value) = value {
        out.insert(id.to_owned(), value);
    }
}

fn text(text: String) -> Option<Value> {
    (!text.is_empty()).then(|| text.into())
}

/// A number, or the text itself, which the rules then refuse by its path.
fn number(text: &str) -> Option<Value> {
    match text.parse::<u64>() {
        _ if text.is_empty() => None,
        Ok(number) => Some(number.into()),
        Err(_) => Some(text.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::connection::Ssl;
    use std::time::Duration;

    fn type_into(form: &mut Form, id: &str, text: &str) {
        form.field_mut(id).unwrap().paste(text);
    }

    fn filled() -> Form {
        let mut form = add();
        for (id, text) in [
            ("name", "shop"),
            ("host", "db1,db2:3307"),
            ("username", "sync"),
            ("password", "canary"),
            ("database", "shop"),
        ] {
            type_into(&mut form, id, text);
        }
        form
    }

    #[test]
    fn what_is_typed_is_the_connection() {
        let mut form = filled();
        assert!(form.check());
        let spec = spec(&form).unwrap();
        assert_eq!(
            (spec.name.as_str(), spec.host.as_str()),
            ("shop", "db1,db2:3307")
        );
        assert_eq!(spec.port, ConnectionSpec::DEFAULT_PORT);
        assert_eq!(spec.password, Some(Secret::parse("canary")));
        assert_eq!(spec.throttle, ThrottleSpec::Standard);
        assert_eq!(spec.ssl, Ssl::default());
    }

    #[test]
    fn a_stored_connection_comes_out_as_it_went_in() {
        let stored = |spec: ConnectionSpec| Connection {
            id: "0198f3a2-0000-7000-8000-000000000001".parse().unwrap(),
            spec,
            has_password: true,
            version: 3,
            health: crate::model::connection::Health::default(),
            created_at: chrono::DateTime::UNIX_EPOCH,
            updated_at: chrono::DateTime::UNIX_EPOCH,
        };
        let mut all = ConnectionSpec::new("all", "u", "d");
        all.host = "h".to_owned();
        all.port = 3307;
        all.local_db_name = Some("l".to_owned());
        all.ssl = Ssl {
            mode: SslMode::VerifyIdentity,
            ca: Some("/ca".to_owned()),
            cert: Some("/cert".to_owned()),
            key: Some("/key".to_owned()),
        };
        all.connect_timeout = Duration::from_millis(500);
        all.max_connections = 3;
        all.throttle = ThrottleSpec::Own(Limits {
            max_threads_running: Some(9),
            max_lag: Some(Duration::from_secs(90)),
            replicas: vec!["r1:3306".to_owned(), "r2:3306".to_owned()],
            query: Some("SELECT 0".to_owned()),
            max_rows_per_second: Some(5),
            max_mib_per_second: Some(6),
        });
        let mut socket = ConnectionSpec::new("s", "u", "d");
        socket.socket = Some("/run/s.sock".to_owned());
        socket.throttle = ThrottleSpec::Gentle;
        for spec_in in [all, socket, ConnectionSpec::new("x", "u", "d")] {
            let mut form = edit(&stored(spec_in.clone()));
            assert!(!form.is_changed());
            assert!(form.check(), "{:?}", form.problem);
            assert_eq!(spec(&form).unwrap(), spec_in);
        }
    }

    #[test]
    fn what_is_wrong_is_told_at_its_field_and_the_first_one_gets_the_focus() {
        let mut form = add();
        assert!(!form.check());
        assert_eq!(form.focused().unwrap().id, "name");
        for id in ["name", "username", "database"] {
            assert!(form.field(id).unwrap().error.is_some(), "{id}");
        }
        let mut form = filled();
        type_into(&mut form, "port", "99999");
        type_into(&mut form, "max_connections", "1");
        assert!(!form.check());
        assert_eq!(form.focused().unwrap().id, "port");
        let error = form.field("port").unwrap().error.clone().unwrap();
        assert!(error.contains("1 to 65535"), "{error}");
        form.field_mut("port")
            .unwrap()
            .key("ctrl-u".parse().unwrap());
        assert!(!form.check());
        assert_eq!(form.focused().unwrap().id, "max_connections", "unfolded");
        assert!(form.is_visible(form.focus()));
    }

    #[test]
    fn fields_that_do_not_apply_are_not_there() {
        let mut form = filled();
        assert!(!form.field("ssl.ca").unwrap().shown);
        type_into(&mut form, "ssl.cert", "/cert.pem");
        assert!(form.check(), "hidden fields are not checked");
        for _ in 0..9 {
            form.step(true);
        }
        assert_eq!(form.focused().unwrap().id, "fold");
    }
}
