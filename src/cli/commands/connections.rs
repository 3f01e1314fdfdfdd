//! `connections`.

use serde_json::{Map, Value, json};

use super::Context;
use crate::cli::args::{
    ConnectionAddArgs, ConnectionEditArgs, ConnectionFields, ConnectionsCommand,
};
use crate::cli::ask;
use crate::cli::editor;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::option_file;
use crate::cli::show;
use crate::model::command::Refusal;
use crate::model::connection::{Connection, ConnectionSpec};
use crate::model::mapping::{connection_to_json, parse_connection};

/// Carries out a command of `connections`.
pub async fn run(context: &Context<'_>, command: &ConnectionsCommand) -> Result<Exit, Failure> {
    let output = context.output;
    let connections = &context.services.connections;
    match command {
        ConnectionsCommand::List => {
            let all = connections.list().await?;
            output.list(all.iter().map(connection_to_json).collect(), || {
                show::connection::connections(&all)
            })?;
        }
        ConnectionsCommand::Show(args) => {
            let body = connection_to_json(&connections.get(&args.name).await?);
            output.result(&body, || show::connection::object(&body))?;
        }
        ConnectionsCommand::Add(args) => add(context, args).await?,
        ConnectionsCommand::Edit(args) => edit(context, args).await?,
        ConnectionsCommand::Remove(args) => {
            let connection = connections.get(&args.name).await?;
            let name = &connection.spec.name;
            context
                .confirm(&format!("Remove the connection {name}?"))
                .await?;
            connections.delete(connection.id).await?;
            output.done(&format!("removed the connection {name}"))?;
        }
        ConnectionsCommand::Test(args) => return test(context, &args.name).await,
    }
    Ok(Exit::Done)
}

async fn add(context: &Context<'_>, args: &ConnectionAddArgs) -> Result<(), Failure> {
    let mut fields = args.fields.clone();
    let mut password = ask::password(&args.password)?;
    if let Some(path) = &args.defaults_file {
        let group = option_file::read(path)?;
        fields = fields.or(group.fields);
        password = password.or(group.password);
    }
    let mut body = json!({"name": args.name});
    apply(&mut body, &fields);
    let mut spec = parse(&body)?;
    if password.is_none() {
        let prompt = format!("Password of {} (empty for none): ", spec.username);
        password = ask::prompt_password(prompt).await?;
    }
    spec.password = password;
    let connection = context.services.connections.create(spec).await?;
    shown(context, &connection, "added")
}

async fn edit(context: &Context<'_>, args: &ConnectionEditArgs) -> Result<(), Failure> {
    let connections = &context.services.connections;
    let stored = connections.get(&args.name).await?;
    let mut body = connection_to_json(&stored);
    let by_flags = args.fields != ConnectionFields::default()
        || args.rename.is_some()
        || args.password.is_given();
    let spec = if by_flags {
        if let (Some(name), Some(object)) = (&args.rename, body.as_object_mut()) {
            object.insert("name".to_owned(), name.as_str().into());
        }
        apply(&mut body, &args.fields);
        let mut spec = parse(&body)?;
        if let Some(password) = ask::password(&args.password)? {
            spec.password = Some(password);
        }
        spec
    } else {
        match editor::edit(&body, &context.editing, parse).await? {
            Some(spec) => spec,
            None => return context.output.done("nothing changed"),
        }
    };
    let connection = connections
        .update(stored.id, spec, Some(stored.version))
        .await?;
    shown(context, &connection, "changed")
}

async fn test(context: &Context<'_>, name: &str) -> Result<Exit, Failure> {
    let connections = &context.services.connections;
    let connection = connections.get(name).await?;
    let report = connections.test(connection.id).await?;
    context.output.result(&report, || {
        show::connection::report(&connection.spec.name, &report)
    })?;
    Ok(if report.ok {
        Exit::Done
    } else if report.version.is_none() {
        // Nobody answered, or the login was refused.
        Exit::Unreachable
    } else {
        Exit::Findings
    })
}

fn parse(body: &Value) -> Result<ConnectionSpec, Failure> {
    Ok(parse_connection(body).map_err(Refusal::Invalid)?)
}

fn shown(context: &Context<'_>, connection: &Connection, what: &str) -> Result<(), Failure> {
    if context.output.json {
        return context.output.json(&connection_to_json(connection));
    }
    let name = &connection.spec.name;
    context
        .output
        .done(&format!("{what} the connection {name}"))
}

/// Puts the fields that were given into the object.
fn apply(body: &mut Value, fields: &ConnectionFields) {
    let Some(object) = body.as_object_mut() else {
        return;
    };
    // Host with port and socket exclude each other: the one given takes the other's place.
    if fields.socket.is_some() {
        object.remove("host");
        object.remove("port");
    }
    if fields.host.is_some() || fields.port.is_some() {
        object.remove("socket");
    }
    let texts = [
        ("host", &fields.host),
        ("socket", &fields.socket),
        ("username", &fields.username),
        ("database", &fields.database),
        ("local_db_name", &fields.local_db_name),
        ("connect_timeout", &fields.connect_timeout),
    ];
    for (name, value) in texts {
        if let Some(value) = value {
            object.insert(name.to_owned(), value.as_str().into());
        }
    }
    if let Some(port) = fields.port {
        object.insert("port".to_owned(), port.into());
    }
    if let Some(most) = fields.max_connections {
        object.insert("max_connections".to_owned(), most.into());
    }
    apply_ssl(object, fields);
}

fn apply_ssl(object: &mut Map<String, Value>, fields: &ConnectionFields) {
    let parts = [
        ("mode", &fields.ssl),
        ("ca", &fields.ssl_ca),
        ("cert", &fields.ssl_cert),
        ("key", &fields.ssl_key),
    ];
    if parts.iter().all(|(_, value)| value.is_none()) {
        return;
    }
    let mut ssl = match object.get("ssl") {
        Some(Value::Object(ssl)) => ssl.clone(),
        Some(Value::Bool(true)) => Map::from_iter([("mode".to_owned(), "required".into())]),
        _ => Map::new(),
    };
    for (name, value) in parts {
        if let Some(value) = value {
            ssl.insert(name.to_owned(), value.as_str().into());
        }
    }
    // Files without a mode mean that TLS is wanted, and that the authority is to be believed.
    let mode = if ssl.contains_key("ca") {
        "verify_identity"
    } else {
        "required"
    };
    if ssl
        .get("mode")
        .is_none_or(|mode| mode == "disabled" && fields.ssl.is_none())
    {
        ssl.insert("mode".to_owned(), mode.into());
    }
    object.insert("ssl".to_owned(), ssl.into());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_takes_the_place_of_host_and_port_and_back() {
        let mut body = json!({"name": "a", "host": "h", "port": 3306, "socket": null});
        let socket = ConnectionFields {
            socket: Some("/s".into()),
            ..ConnectionFields::default()
        };
        apply(&mut body, &socket);
        assert_eq!(body, json!({"name": "a", "socket": "/s"}));
        let host = ConnectionFields {
            host: Some("db".into()),
            ..ConnectionFields::default()
        };
        apply(&mut body, &host);
        assert_eq!(body, json!({"name": "a", "host": "db"}));
    }

    #[test]
    fn tls_files_turn_tls_on_and_keep_what_was_there() {
        let mut body = json!({"ssl": false});
        let ca = ConnectionFields {
            ssl_ca: Some("/ca".into()),
            ..ConnectionFields::default()
        };
        apply(&mut body, &ca);
        assert_eq!(
            body,
            json!({"ssl": {"ca": "/ca", "mode": "verify_identity"}})
        );
        let off = ConnectionFields {
            ssl: Some("disabled".into()),
            ..ConnectionFields::default()
        };
        apply(&mut body, &off);
        assert_eq!(body["ssl"]["mode"], "disabled");
    }
}
