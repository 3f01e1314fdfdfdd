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

/// How deep files may include each other.
const DEEPEST: usize = 10;

/// Reads an option file, and those that it includes; a leading `~` is the home folder.
///
/// # Errors
/// When a file can't be read or a value is out of range.
pub fn read(path: &Path) -> Result<ClientGroup, Failure> {
    let mut group = ClientGroup::default();
    read_into(&mut group, &at_home(path), 0)?;
    Ok(group)
}

fn read_into(group: &mut ClientGroup, path: &Path, depth: usize) -> Result<(), Failure> {
    let shown = path.display().to_string();
    let at = |line: usize, why: &str| Failure::invalid(format!("{shown}, line {line}: {why}"));
    let text = fs::read_to_string(path).map_err(|error| Failure::file("read", &shown, &error))?;
    let mut ours = false;
    for (i, line) in text.lines().enumerate() {
        match Line::parse(line) {
            Line::Nothing => {}
            Line::Group(name) => ours = name == "client",
            Line::Option(name, value) if ours => {
                take(group, &name, value).map_err(|why| at(i + 1, &why))?;
            }
            Line::Option(..) => {}
            Line::Include(_) | Line::IncludeFolder(_) if depth == DEEPEST => {
                return Err(at(i + 1, "files include each other without end"));
            }
            Line::Include(file) => read_into(group, &beside(path, &file), depth + 1)?,
            Line::IncludeFolder(folder) => {
                for file in options_in(&beside(path, &folder))? {
                    read_into(group, &file, depth + 1)?;
                }
            }
        }
    }
    Ok(())
}

/// The client programs take a relative path from where they were started; from beside the file
/// that names it is what its writer meant.
fn beside(file: &Path, named: &str) -> PathBuf {
    let named = at_home(Path::new(named));
    file.parent()
        .map_or(named.clone(), |folder| folder.join(named))
}

fn options_in(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let failed = |error| Failure::file("read", &folder.display().to_string(), &error);
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.extension().is_some_and(|end| end == "cnf") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn at_home(path: &Path) -> PathBuf {
    match (path.strip_prefix("~"), env::var_os("HOME")) {
        (Ok(rest), Some(home)) => PathBuf::from(home).join(rest),
        _ => path.to_owned(),
    }
}

/// What a line of an option file says.
#[derive(Debug, PartialEq)]
enum Line {
    Nothing,
    Group(String),
    Include(String),
    IncludeFolder(String),
    /// Name with dashes, and value.
    Option(String, Option<String>),
}

impl Line {
    fn parse(line: &str) -> Self {
        let line = line.trim();
        if let Some(folder) = line.strip_prefix("!includedir ") {
            return Self::IncludeFolder(folder.trim().to_owned());
        }
        if let Some(file) = line.strip_prefix("!include ") {
            return Self::Include(file.trim().to_owned());
        }
        if line.is_empty() || line.starts_with(['#', ';', '!']) {
            return Self::Nothing;
        }
        if let Some(name) = line.strip_prefix('[') {
            let name = name.split(']').next().unwrap_or(name);
            return Self::Group(name.trim().to_owned());
        }
        let (name, value) = match line.split_once('=') {
            Some((name, value)) => (name.trim(), Some(unquoted(value.trim()))),
            None => (line.split(" #").next().unwrap_or(line).trim(), None),
        };
        let name = name.replace('_', "-").to_ascii_lowercase();
        let name = name.strip_prefix("loose-").unwrap_or(&name);
        // Two ways to say no.
        match name.strip_prefix("skip-").or(name.strip_prefix("disable-")) {
            Some(name) => Self::Option(name.to_owned(), Some("0".to_owned())),
            None => Self::Option(name.to_owned(), value),
        }
    }
}

/// A switch: alone it is on.
fn is_on(name: &str, value: Option<&str>) -> Result<bool, String> {
    match value.map(str::to_ascii_lowercase).as_deref() {
        None | Some("1" | "on" | "true") => Ok(true),
        Some("0" | "off" | "false") => Ok(false),
        Some(_) => Err(format!("{name} must be 0 or 1")),
    }
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
        // Empty, it is none; without a value the client programs ask.
        ("password", Some(value)) if !value.is_empty() => {
            group.password = Some(Secret::Text(SecretString::from(value)));
        }
        ("connect-timeout", Some(value)) => {
            let seconds: u32 = value
                .parse()
                .map_err(|_| "connect_timeout must be a number of seconds")?;
            fields.connect_timeout = Some(format!("{seconds}s"));
        }
        ("protocol", Some(value)) => match value.to_ascii_lowercase().as_str() {
            "tcp" => fields.socket = None,
            "socket" => (fields.host, fields.port) = (None, None),
            other => {
                return Err(format!(
                    "protocol {other} is not available: tcp or socket is"
                ));
            }
        },
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
        ("ssl", value) => {
            if !is_on(name, value.as_deref())? {
                fields.ssl = Some("disabled".to_owned());
            } else if fields.ssl.as_deref().is_none_or(|mode| mode == "disabled") {
                fields.ssl = Some("required".to_owned());
            }
        }
        ("ssl-verify-server-cert", value) => {
            if is_on(name, value.as_deref())? {
                fields.ssl = Some("verify_identity".to_owned());
            } else if fields.ssl.as_deref() == Some("verify_identity") || fields.ssl_ca.is_some() {
                fields.ssl = Some("required".to_owned());
            }
        }
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

    fn parse(text: &str) -> Result<ClientGroup, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("my.cnf");
        fs::write(&path, text).unwrap();
        read(&path).map_err(|failure| failure.message)
    }

    #[test]
    fn only_the_client_group_counts() {
        let text = "[mysqld]\nport=1\n# x\n[client]\nhost = db1 \nport=3307\nuser='a b'\n\
                    password=\"p#\\\"w\"\nssl-verify-server-cert\n!unknown /x\n[mysql]\nhost=no\n";
        let group = parse(text).unwrap();
        assert_eq!(group.fields.host.as_deref(), Some("db1"));
        assert_eq!(group.fields.port, Some(3307));
        assert_eq!(group.fields.username.as_deref(), Some("a b"));
        assert_eq!(group.fields.ssl.as_deref(), Some("verify_identity"));
        assert!(group.password.is_some());
        assert!(!format!("{group:?}").contains("p#"));
    }

    #[test]
    fn a_wrong_value_names_its_file_and_line() {
        for (text, words) in [
            (
                "[client]\nport=0",
                "my.cnf, line 2: port must be 1 to 65535",
            ),
            (
                "[client]\n\nssl=maybe",
                "my.cnf, line 3: ssl must be 0 or 1",
            ),
            (
                "[client]\nprotocol=pipe",
                "line 2: protocol pipe is not available",
            ),
            ("!include my.cnf", "include each other without end"),
            ("!include not-there.cnf", "not-there.cnf"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(words), "{error}");
        }
    }

    #[test]
    fn options_are_said_in_several_ways() {
        for (text, ssl) in [
            ("ssl", Some("required")),
            ("loose_ssl=1", Some("required")),
            ("skip-ssl", Some("disabled")),
            ("ssl=0", Some("disabled")),
            ("ssl-mode=VERIFY_CA", Some("verify_ca")),
            ("ssl_mode=VERIFY_CA\nssl", Some("verify_ca")),
            (
                "ssl-verify-server-cert\nskip-ssl-verify-server-cert",
                Some("required"),
            ),
            ("connect-timeout=5", None),
        ] {
            let group = parse(&format!("[client]\n{text}\n")).unwrap();
            assert_eq!(group.fields.ssl.as_deref(), ssl, "{text}");
        }
        let group = parse(
            "[client]\nconnect_timeout=5\nhost=h\nport=1\nsocket=/s\nprotocol=SOCKET\npassword=\n",
        )
        .unwrap();
        assert_eq!(group.fields.connect_timeout.as_deref(), Some("5s"));
        assert_eq!((group.fields.host, group.fields.port), (None, None));
        assert_eq!(group.fields.socket.as_deref(), Some("/s"));
        assert_eq!(group.password, None);
    }

    #[test]
    fn included_files_count_where_they_are_included() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        fs::create_dir(folder.path().join("more")).unwrap();
        write(
            "main.cnf",
            "[client]\nuser=first\nport=1\n!include one.cnf\n!includedir more\nhost=last\n",
        );
        write("one.cnf", "[client]\nuser=second\nhost=h\n");
        write("more/b.cnf", "[client]\nport=3\n");
        write("more/a.cnf", "[client]\nport=2\n");
        write("more/c.txt", "[client]\nport=9\n");
        let fields = read(&folder.path().join("main.cnf")).unwrap().fields;
        assert_eq!(fields.username.as_deref(), Some("second"));
        assert_eq!(fields.host.as_deref(), Some("last"));
        assert_eq!(fields.port, Some(3));
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
