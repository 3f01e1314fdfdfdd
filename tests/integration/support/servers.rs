//! The servers that `scripts/servers.sh up` started, found by `DB_TAXI_TEST_SERVERS`.

use std::collections::HashMap;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use db_taxi::model::connection::Ssl;
use db_taxi::mysql::endpoint::Address;
use db_taxi::mysql::srv::NameServer;
use db_taxi::mysql::{Endpoint, Session, SessionKind};
use secrecy::SecretString;

use super::Flavour;

/// Everything in `servers.env`.
pub struct Servers(HashMap<String, String>);

impl Servers {
    /// The servers of this run; `None`, said loudly, when nobody started any.
    ///
    /// # Panics
    /// When `DB_TAXI_TEST_REQUIRED` is set and there are none: scripts must not pass by skipping.
    pub fn get() -> Option<&'static Self> {
        static SERVERS: OnceLock<Option<Servers>> = OnceLock::new();
        SERVERS
            .get_or_init(|| {
                let path = std::env::var_os("DB_TAXI_TEST_SERVERS");
                let Some(path) = path else {
                    assert!(
                        std::env::var_os("DB_TAXI_TEST_REQUIRED").is_none(),
                        "DB_TAXI_TEST_SERVERS is not set"
                    );
                    skipped("no servers; see the head of tests/integration/main.rs");
                    return None;
                };
                let text = std::fs::read_to_string(&path)
                    .unwrap_or_else(|e| panic!("can't read {}: {e}", path.display()));
                Some(Self(parse(&text)))
            })
            .as_ref()
    }

    /// One value of the file.
    pub fn value(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }

    /// Why there is no server of this flavour.
    pub fn missing(&self, flavour: Flavour) -> Option<String> {
        let prefix = prefix(flavour);
        if self.value(&format!("{prefix}_SOURCE_PORT")).is_some() {
            return None;
        }
        let why = self.value(&format!("{prefix}_MISSING"));
        Some(why.unwrap_or("it was not started").to_owned())
    }

    /// A program of this flavour: `PROGRAM` (the server), `CLIENT`, `DUMP`, `BINLOG`.
    pub fn program(&self, flavour: Flavour, name: &str) -> PathBuf {
        let key = format!("{}_{name}", prefix(flavour));
        PathBuf::from(self.value(&key).unwrap_or_else(|| panic!("no {key}")))
    }

    /// The server of a role: `SOURCE` or `LOCAL`.
    pub fn server(&self, flavour: Flavour, role: &str) -> Server {
        let key = |name: &str| format!("{}_{role}_{name}", prefix(flavour));
        let value = |name: &str| {
            self.value(&key(name))
                .unwrap_or_else(|| panic!("no {}", key(name)))
        };
        Server {
            flavour,
            port: value("PORT").parse().unwrap(),
            data: PathBuf::from(value("DATA")),
            client: self.program(flavour, "CLIENT"),
        }
    }
}

/// Says loudly that the running test did not do its work; `scripts/test.sh` counts these.
pub fn skipped(why: &str) {
    // Not by `eprintln!`, which the test runner swallows when a test passes.
    let _written = writeln!(std::io::stderr(), "SKIPPED: {why}");
    if let Some(path) = std::env::var_os("DB_TAXI_SKIP_LOG") {
        let thread = std::thread::current();
        let log = std::fs::OpenOptions::new()
            .append(true)
            .create(true)
            .open(path);
        let line = format!("{}\t{why}\n", thread.name().unwrap_or("a test"));
        let _written = log.and_then(|mut log| log.write_all(line.as_bytes()));
    }
}

fn prefix(flavour: Flavour) -> &'static str {
    match flavour {
        Flavour::Mariadb => "MARIADB",
        Flavour::Mysql => "MYSQL",
    }
}

/// `NAME='value'` lines as a shell would read them.
fn parse(text: &str) -> HashMap<String, String> {
    text.lines()
        .filter_map(|line| line.split_once('='))
        .map(|(key, value)| {
            let value = value.trim().trim_matches('\'').replace("'\\''", "'");
            (key.trim().to_owned(), value)
        })
        .collect()
}

/// A running server; root has no password on it.
#[derive(Debug, Clone)]
pub struct Server {
    /// Its family.
    pub flavour: Flavour,
    /// On 127.0.0.1.
    pub port: u16,
    /// Its folder: `sock`, `pid`, `error.log`, `db/`.
    pub data: PathBuf,
    /// The flavour's own command-line client.
    pub client: PathBuf,
}

impl Server {
    /// Path of the Unix socket.
    pub fn socket(&self) -> PathBuf {
        self.data.join("sock")
    }

    /// Process id of the server, as it wrote it.
    pub fn pid(&self) -> u32 {
        std::fs::read_to_string(self.data.join("pid"))
            .unwrap()
            .trim()
            .parse()
            .unwrap()
    }

    /// Where it is, for library code: root over TCP.
    pub fn endpoint(&self) -> Arc<Endpoint> {
        self.endpoint_as("root", "")
    }

    /// The same with another account.
    pub fn endpoint_as(&self, username: &str, password: &str) -> Arc<Endpoint> {
        Arc::new(Endpoint {
            label: format!("{} on {}", self.flavour.as_str(), self.port),
            addresses: vec![Address::Tcp("127.0.0.1".to_owned(), self.port)],
            username: username.to_owned(),
            password: SecretString::from(password.to_owned()),
            database: None,
            ssl: Ssl::default(),
            connect_timeout: Duration::from_secs(10),
            compression: false,
            hides_values: false,
            mask_key: None,
            name_server: NameServer::System,
            budget: None,
        })
    }

    /// A session of root.
    pub async fn session(&self) -> Session {
        Session::open(
            &self.endpoint(),
            SessionKind::Probe,
            Duration::from_secs(60),
        )
        .await
        .unwrap()
    }

    /// The client, logged in as root over TCP, ready for statements on stdin.
    pub fn client(&self) -> Command {
        let mut command = Command::new(&self.client);
        command
            .arg("--no-defaults")
            .args(["-h127.0.0.1", "-uroot", "-N", "-B", "--raw"])
            .args(["--default-character-set=utf8mb4", "--max-allowed-packet=1G"])
            .arg(format!("-P{}", self.port));
        command
    }

    /// Runs statements; the rows as tab-separated lines.
    ///
    /// # Panics
    /// When the server refuses one.
    pub fn sql(&self, sql: &str) -> String {
        let shown: String = sql.chars().take(300).collect();
        self.try_sql(sql)
            .unwrap_or_else(|error| panic!("{error}\nin: {shown}"))
    }

    /// The same, with the server's refusal as the error.
    pub fn try_sql(&self, sql: &str) -> Result<String, String> {
        let mut child = self
            .client()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let text = sql.to_owned();
        // From another thread: the client may answer before it has read everything.
        let writer = std::thread::spawn(move || stdin.write_all(text.as_bytes()));
        let output = child.wait_with_output().unwrap();
        let _closed_early = writer.join().unwrap();
        if output.status.success() {
            Ok(String::from_utf8_lossy(&output.stdout)
                .trim_end_matches('\n')
                .to_owned())
        } else {
            Err(String::from_utf8_lossy(&output.stderr).into_owned())
        }
    }

    /// Runs a query for one number.
    pub fn count(&self, sql: &str) -> u64 {
        let text = self.sql(sql);
        text.parse()
            .unwrap_or_else(|_| panic!("{text:?} is no count: {sql}"))
    }

    /// Names of the databases that match a LIKE pattern.
    pub fn databases(&self, like: &str) -> Vec<String> {
        let sql = format!(
            "SELECT schema_name FROM information_schema.schemata WHERE schema_name LIKE '{like}' ORDER BY 1"
        );
        self.sql(&sql).lines().map(str::to_owned).collect()
    }

    /// The row events that the binlog holds for tables of `database` since `from` (see
    /// [`Server::binlog_position`]), by the server's own binlog program. Equal counts before and
    /// after prove that nothing was written.
    pub fn row_events(&self, from: &(String, u64), database: &str) -> usize {
        let program = Servers::get().unwrap().program(self.flavour, "BINLOG");
        let output = Command::new(program)
            .arg("--no-defaults")
            .args(["-h127.0.0.1", "-uroot", "--read-from-remote-server"])
            .args(["--base64-output=DECODE-ROWS", "--verbose", "--to-last-log"])
            .arg(format!("-P{}", self.port))
            .arg(format!("--start-position={}", from.1))
            .arg(&from.0)
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let needle = format!("`{database}`.");
        String::from_utf8_lossy(&output.stdout)
            .lines()
            .filter(|line| {
                let statement = line.trim_start_matches('#').trim_start();
                ["INSERT INTO ", "UPDATE ", "DELETE FROM "]
                    .iter()
                    .any(|verb| {
                        statement
                            .strip_prefix(verb)
                            .is_some_and(|t| t.starts_with(&needle))
                    })
            })
            .count()
    }

    /// The end of the binlog: file and position.
    pub fn binlog_position(&self) -> (String, u64) {
        let sql = match self.flavour {
            Flavour::Mariadb => "SHOW MASTER STATUS",
            Flavour::Mysql => "SHOW BINARY LOG STATUS",
        };
        let line = self
            .try_sql(sql)
            .or_else(|_| self.try_sql("SHOW MASTER STATUS"))
            .unwrap();
        let mut fields = line.split('\t');
        let file = fields.next().unwrap().to_owned();
        (file, fields.next().unwrap().parse().unwrap())
    }
}
