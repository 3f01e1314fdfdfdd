//! The real program with a home, a settings file and a control database of its own.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::{Finished, Pair, Running};

/// Longest time a one-shot command of a test may take.
const PATIENCE: Duration = Duration::from_secs(180);

/// An installation of db-taxi. Several on one control database are instances of it.
#[derive(Debug)]
pub struct DbTaxi {
    home: tempfile::TempDir,
    sets: Vec<String>,
}

impl DbTaxi {
    /// An installation on the pair's local server; migrates the control database.
    pub fn new(pair: &Pair) -> Self {
        let taxi = Self::unmigrated(pair);
        taxi.run(&["migrate"]).expect_code(0);
        pair.number_helpers();
        taxi
    }

    /// The same, but nothing has touched the control database yet.
    pub fn unmigrated(pair: &Pair) -> Self {
        let taxi = Self {
            home: tempfile::tempdir().unwrap(),
            sets: Vec::new(),
        };
        let mut settings = String::new();
        let home = taxi.home.path().display();
        writeln!(
            settings,
            "database:\n  host: 127.0.0.1\n  port: {}\n  username: root\n  database: {}\n\
             security:\n  key_file: {home}/secret.key\n\
             logging:\n  directory: {home}/logs\n\
             sync:\n  retry_delay: 500ms\n  lease_ttl: 5s\n",
            pair.local.port,
            pair.control_db()
        )
        .unwrap();
        taxi.write("config.yaml", &settings);
        taxi
    }

    /// Another instance on the same control database, with the same key.
    pub fn sibling(&self) -> Self {
        let sibling = Self {
            home: tempfile::tempdir().unwrap(),
            sets: self.sets.clone(),
        };
        let settings = std::fs::read_to_string(self.path("config.yaml")).unwrap();
        sibling.write("config.yaml", &settings);
        sibling
    }

    /// Overrides one setting (`sync.lease_ttl=5s`) for every later command.
    pub fn set(mut self, key_value: &str) -> Self {
        self.sets.push(key_value.to_owned());
        self
    }

    /// A path in its home.
    pub fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// Its home: settings, key, logs.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// Writes a file in its home.
    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    /// A command with nothing of this machine's environment but PATH.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_db-taxi"));
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.home.path())
            .env("RUST_BACKTRACE", "1")
            .env("DBT_CONFIG", self.path("config.yaml"))
            .current_dir(self.home.path());
        for set in &self.sets {
            command.args(["--set", set]);
        }
        command.args(args);
        command
    }

    /// Starts a command.
    pub fn start(&self, args: &[&str]) -> Running {
        Running::start(self.command(args))
    }

    /// Runs a command to its end.
    pub fn run(&self, args: &[&str]) -> Finished {
        self.start(args).wait(PATIENCE)
    }

    /// Imports a mapping that must be good.
    pub fn import(&self, mapping: &str) -> Finished {
        let path = self.write("mapping.yaml", mapping);
        let path = path.to_string_lossy();
        self.run(&["-y", "mappings", "import", &path])
            .expect_code(0)
    }

    /// Imports connection `source` and config `everything` with these table rules, as they stand
    /// under `tables:`, and these options (`{batch_size: 100}`).
    pub fn import_tables(&self, pair: &Pair, tables: &str, options: &str) -> Finished {
        self.import(&format!(
            "version: 1\n\
             connections:\n\
             - name: source\n  host: 127.0.0.1\n  port: {}\n  username: root\n  database: {}\n  local_db_name: {}\n\
             configs:\n\
             - name: everything\n  connection: source\n  tables: {tables}\n  options: {options}\n",
            pair.source.port,
            pair.source_db(),
            pair.target_db()
        ))
    }
}
