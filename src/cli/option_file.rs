//! `~/.my.cnf` and its kin: what `[client]` says about a server.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use secrecy::SecretString;

use super::args::ConnectionFields;
use super::failure::Failure;
use crate::model::secret::Secret;

/// What an option file's `[client]` group says.
#[derive(Debug, Default, PartialEq)]
pub struct ClientGroup {
    /// Fields of a connection.
    pub fields: ConnectionFields,
    /// `password`.
    pub password: Option<Secret>,
}

/// Reads an option file; a leading `~` is the home folder.
///
/// # Errors
/// When the file can't be read or a value is out of range.
pub fn read(path: &Path) -> Result<ClientGroup, Failure> {
    let path = at_home(path);
    let shown = path.display().to_string();
    let text = fs::read_to_string(&path).map_err(|error| Failure::file("read", &shown, &error))?;
    parse(&text).map_err(|(line, why)| Failure::invalid(format!("{shown}, line {line}: {why}")))
}

fn at_home(path: &Path) -> PathBuf {
    match (path.strip_prefix("~"), env::var_os("HOME")) {
        (Ok(rest), Some(home)) => PathBuf::from(home).join(rest),
        _ => path.to_owned(),
    }
}

fn parse(text: &str) -> Result<ClientGroup, (usize, String)> {
    let mut group = ClientGroup::default();
    let mut ours = false;
    for (i, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with(['#', ';', '!']) {
            continue;
        }
        if let Some(name) = line
            .strip_prefix('[')
            .and_then(|rest| rest.split(']').next())
        {
            ours = name.trim() == "client";
            continue;
        }
        if ours {
            let (name, value) = line.split_once('=').map_or((line, None), |(name, value)| {
                (name.trim(), Some(unquoted(value.trim())))
            });
            take(&mut group, &name.replace('_', "-"), value).map_err(|why| (i + 1, why))?;
        }
    }
    Ok(group)
}

fn take(group: &mut ClientGroup, name: &str, value: Option<String>) -> Result<(), String> {
    let fields = &mut group.fields;
    match (name, value) {
        ("host", value @ Some(_)) => fields.host = value,
        ("port", Some(value)) => {
            let port = value.parse().ok().filter(|port| *port > 0);
            fields.port = Some(port.ok_or("port must be 1 to 65535")?);
        }
        ("socket", value @ Some(_)) => fields.socket = value,
        ("user", value @ Some(_)) => fields.username = value,
        ("database", value @ Some(_)) => fields.database = value,
        ("password", Some(value)) => group.password = Some(Secret::Text(SecretString::from(value))),
        ("ssl-ca", value @ Some(_)) => fields.ssl_ca = value,
        ("ssl-cert", value @ Some(_)) => fields.ssl_cert = value,
        ("ssl-key", value @ Some(_)) => fields.ssl_key = value,
        ("ssl-mode", Some(value)) => {
            fields.ssl = match value.to_ascii_lowercase().as_str() {
                "disabled" | "preferred" => Some("disabled".to_owned()),
                mode @ ("required" | "verify_ca" | "verify_identity") => Some(mode.to_owned()),
                other => return Err(format!("unknown ssl-mode {other}")),
            };
        }
        ("ssl", None) => {
            fields.ssl.get_or_insert_with(|| "required".to_owned());
        }
        ("ssl-verify-server-cert", None) => fields.ssl = Some("verify_identity".to_owned()),
        // Everything else is about the client that the file was written for.
        _ => {}
    }
    Ok(())
}

/// The value without quotes around it, escapes resolved as the client programs do.
fn unquoted(value: &str) -> String {
    for quote in ['"', '\''] {
        if let Some(inner) = value
            .strip_prefix(quote)
            .and_then(|rest| rest.split(quote).next())
        {
            return unescaped(inner);
        }
    }
    unescaped(value.split(" #").next().unwrap_or(value).trim_end())
}

fn unescaped(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    let mut chars = value.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.next() {
            Some('b') => out.push('\u{8}'),
            Some('t') => out.push('\t'),
            Some('n') => out.push('\n'),
            Some('r') => out.push('\r'),
            Some('s') => out.push(' '),
            Some(c @ ('\\' | '"' | '\'')) => out.push(c),
            Some(c) => out.extend(['\\', c]),
            None => out.push('\\'),
        }
    }
    out
}

impl ConnectionFields {
    /// These fields, and `other`'s where nothing is given. A socket and a host exclude each other:
    /// what is given on the command line decides which of the two is taken from the file.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        let tcp = self.host.is_some() || self.port.is_some();
        let local = self.socket.is_some();
        let tcp_there = other.host.is_some() || other.port.is_some();
        Self {
            host: self.host.or(other.host.filter(|_| !local)),
            port: self.port.or(other.port.filter(|_| !local)),
            // A client that is told a host does not use the socket of its file.
            socket: self.socket.or(other.socket.filter(|_| !tcp && !tcp_there)),
            username: self.username.or(other.username),
            database: self.database.or(other.database),
            local_db_name: self.local_db_name.or(other.local_db_name),
            ssl: self.ssl.or(other.ssl),
            ssl_ca: self.ssl_ca.or(other.ssl_ca),
            ssl_cert: self.ssl_cert.or(other.ssl_cert),
            ssl_key: self.ssl_key.or(other.ssl_key),
            connect_timeout: self.connect_timeout.or(other.connect_timeout),
            max_connections: self.max_connections.or(other.max_connections),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_client_group_counts() {
        let text = "[mysqld]\nport=1\n# x\n[client]\nhost = db1 \nport=3307\nuser='a b'\n\
                    password=\"p#\\\"w\"\nssl-verify-server-cert\n!include /x\n[mysql]\nhost=no\n";
        let group = parse(text).unwrap();
        assert_eq!(group.fields.host.as_deref(), Some("db1"));
        assert_eq!(group.fields.port, Some(3307));
        assert_eq!(group.fields.username.as_deref(), Some("a b"));
        assert_eq!(group.fields.ssl.as_deref(), Some("verify_identity"));
        assert!(group.password.is_some());
        assert!(!format!("{group:?}").contains("p#"));
    }

    #[test]
    fn a_wrong_value_names_its_line() {
        assert_eq!(
            parse("[client]\nport=0"),
            Err((2, "port must be 1 to 65535".to_owned()))
        );
    }

    #[test]
    fn what_was_typed_wins_and_excludes_its_counterpart() {
        let file = ConnectionFields {
            host: Some("file".into()),
            username: Some("u".into()),
            ..ConnectionFields::default()
        };
        let typed = ConnectionFields {
            socket: Some("/s".into()),
            ..ConnectionFields::default()
        };
        let both = typed.or(file);
        assert_eq!(both.host, None);
        assert_eq!(both.socket.as_deref(), Some("/s"));
        assert_eq!(both.username.as_deref(), Some("u"));
    }
}
