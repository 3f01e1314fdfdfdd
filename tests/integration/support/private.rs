//! Servers of one test's own, for tests that kill, restart or reconfigure them.

use std::process::Command;

use super::servers::{Server, Servers};
use super::{Flavour, Pair};

/// A server with its own data folder; ended and removed with the value.
#[derive(Debug)]
pub struct PrivateServer {
    /// Where it is.
    pub server: Server,
    options: Vec<String>,
    // Removed after the server has ended: fields drop after `drop`.
    _folder: tempfile::TempDir,
}

impl PrivateServer {
    /// Starts one on a free port; `None`, said loudly, when the flavour can't be had. `options` are
    /// added to those of the shared servers (row binlog, local_infile, GTIDs on MySQL).
    pub fn start(flavour: Flavour, options: &[&str]) -> Option<Self> {
        let servers = Servers::get()?;
        // Says why, if it is missing.
        drop(Pair::shared(flavour)?);
        let folder = tempfile::Builder::new().prefix("taxi").tempdir().unwrap();
        let mut all: Vec<String> = [
            "--log-bin=binlog",
            "--binlog-format=ROW",
            "--local-infile=ON",
            "--max-allowed-packet=128M",
        ]
        .map(str::to_owned)
        .to_vec();
        if flavour == Flavour::Mysql {
            all.extend(["--gtid-mode=ON", "--enforce-gtid-consistency=ON"].map(str::to_owned));
        }
        all.extend(options.iter().map(|&o| o.to_owned()));
        let mut private = Self {
            server: Server {
                flavour,
                port: 0,
                data: folder.path().to_owned(),
                client: servers.program(flavour, "CLIENT"),
            },
            options: all,
            _folder: folder,
        };
        private.launch(&[]);
        let port = std::fs::read_to_string(private.server.data.join("port")).unwrap();
        private.server.port = port.trim().parse().unwrap();
        Some(private)
    }

    /// Ends it as a crash would.
    pub fn kill(&self) {
        self.script(&["kill"]);
    }

    /// Ends it in order.
    pub fn stop(&self) {
        self.script(&["stop"]);
    }

    /// Stops it between two instructions; its connections stay open.
    pub fn freeze(&self) {
        self.signal(rustix::process::Signal::STOP);
    }

    /// Lets it go on after [`Self::freeze`].
    pub fn thaw(&self) {
        self.signal(rustix::process::Signal::CONT);
    }

    fn signal(&self, signal: rustix::process::Signal) {
        let pid = i32::try_from(self.server.pid()).unwrap();
        let pid = rustix::process::Pid::from_raw(pid).unwrap();
        rustix::process::kill_process(pid, signal).unwrap();
    }

    /// Starts it again with the same data on the same port.
    pub fn restart(&self) {
        self.launch(&[]);
    }

    /// The same with further options, this once.
    pub fn restart_with(&self, options: &[&str]) {
        self.launch(options);
    }

    fn launch(&self, options: &[&str]) {
        let servers = Servers::get().unwrap();
        let program = servers.program(self.server.flavour, "PROGRAM");
        let port = self.server.port.to_string();
        let mut command = self.command("start");
        command
            .arg(port)
            .arg(program)
            .arg("--")
            .args(&self.options)
            .args(options);
        succeed(command);
    }

    fn script(&self, verbs: &[&str]) {
        for verb in verbs {
            succeed(self.command(verb));
        }
    }

    fn command(&self, verb: &str) -> Command {
        let servers = Servers::get().unwrap();
        let mut command = Command::new("bash");
        command
            .arg(servers.value("SERVER_SCRIPT").unwrap())
            .arg(verb)
            .arg(&self.server.data)
            .env("SERVER_TEMPLATE", servers.value("SERVER_TEMPLATE").unwrap());
        command
    }
}

fn succeed(mut command: Command) {
    // To a file, not a pipe: the server keeps what the script had open.
    let log = tempfile::tempfile().unwrap();
    let status = command
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .status()
        .unwrap();
    assert!(status.success(), "{command:?} failed");
}

impl Drop for PrivateServer {
    fn drop(&mut self) {
        let _ended = self.command("kill").status();
    }
}

/// A pair on two private servers.
#[derive(Debug)]
pub struct PrivatePair {
    /// Databases; dropped first, with the servers still up or not.
    pub pair: Pair,
    /// The remote side.
    pub source: PrivateServer,
    /// The local side.
    pub local: PrivateServer,
}

impl PrivatePair {
    /// Starts both.
    pub fn start(flavour: Flavour) -> Option<Self> {
        let source = PrivateServer::start(flavour, &[])?;
        let local = PrivateServer::start(flavour, &[])?;
        Some(Self {
            pair: Pair::on(source.server.clone(), local.server.clone()),
            source,
            local,
        })
    }
}
