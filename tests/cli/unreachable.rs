//! A control database that does not answer.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use crate::home::Home;

/// Longest wait for something that should happen at once.
const PATIENCE: Duration = Duration::from_secs(60);

/// A home whose settings point at a port where nobody listens.
fn home() -> (Home, u16) {
    let home = Home::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    home.write(
        "config.yaml",
        &format!(
            "database:\n  host: 127.0.0.1\n  port: {port}\n  password: canary-51c2\n\
             \x20 connect_timeout: 2s\n"
        ),
    );
    (home, port)
}

#[test]
fn commands_exit_with_3_and_name_the_address() {
    let (home, port) = home();
    for args in [
        &["status"][..],
        &["run", "a"],
        &["run", "--all", "-q"],
        &["plan", "a"],
        &["verify", "a"],
        &["connections", "list"],
        &["configs", "list"],
        &["jobs", "list"],
        &["mappings", "export"],
        &["migrate"],
        &["migrate", "--status"],
    ] {
        let ended = home.expect(3, args);
        assert!(
            ended.stderr.contains(&format!("127.0.0.1:{port}")),
            "{args:?}: {ended:?}"
        );
        assert!(!ended.stderr.contains("canary"), "{ended:?}");
        assert_eq!(ended.stdout, "", "{args:?}");
    }
}

#[test]
fn json_gives_the_error_body_of_the_rest_api() {
    let (home, _) = home();
    let ended = home.expect(3, &["connections", "list", "--json"]);
    let body: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(body["error"]["code"], "database_unavailable");
}

/// The service, killed when dropped.
struct Service {
    child: Child,
    address: SocketAddr,
    lines: mpsc::Receiver<String>,
}

impl Service {
    fn start(home: &Home) -> Self {
        let mut child = home
            .command(&["--headless", "--listen", "127.0.0.1:0"])
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let (send, lines) = mpsc::channel();
        std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                let _ = send.send(line);
            }
        });
        let mut address = None;
        let deadline = Instant::now() + PATIENCE;
        while address.is_none() {
            let line = lines.recv_timeout(deadline - Instant::now()).unwrap();
            address = line
                .split_once("listening on http://")
                .map(|(_, rest)| rest.split('"').next().unwrap().parse().unwrap());
        }
        Self {
            child,
            address: address.unwrap(),
            lines,
        }
    }

    fn get(&self, path: &str) -> (u16, serde_json::Value) {
        let mut stream = TcpStream::connect(self.address).unwrap();
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let body = answer.split("\r\n\r\n").nth(1).unwrap();
        (
            answer[9..12].parse().unwrap(),
            serde_json::from_str(body).unwrap(),
        )
    }

    fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, signal).unwrap();
    }

    /// Waits for the end; gives the exit code and what was logged meanwhile.
    fn wait(mut self) -> (i32, String) {
        let deadline = Instant::now() + PATIENCE;
        let mut log = String::new();
        // Ends when stderr does, and that when the process does.
        while let Ok(line) = self
            .lines
            .recv_timeout(deadline.saturating_duration_since(Instant::now()))
        {
            log.push_str(&line);
            log.push('\n');
        }
        assert!(Instant::now() < deadline, "the service did not end:\n{log}");
        (self.child.wait().unwrap().code().unwrap_or(-1), log)
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn the_service_starts_without_its_database_and_says_so() {
    let (home, _) = home();
    let service = Service::start(&home);
    let deadline = Instant::now() + PATIENCE;
    let degraded = serde_json::json!({"status": "degraded"});
    assert_eq!(service.get("/health"), (200, degraded.clone()));
    assert_eq!(service.get("/health/live"), (200, degraded));
    let unavailable = serde_json::json!({"status": "not_ready", "reason": "database_unavailable"});
    loop {
        let (status, body) = service.get("/health/ready");
        assert_eq!(status, 503);
        if body == unavailable {
            break;
        }
        assert_eq!(body["reason"], "starting");
        assert!(Instant::now() < deadline, "{body}");
    }
}

#[test]
fn the_service_stops_in_order_on_sigterm_and_sigint() {
    for (signal, code) in [
        (rustix::process::Signal::TERM, 143),
        (rustix::process::Signal::INT, 130),
    ] {
        let (home, _) = home();
        let service = Service::start(&home);
        let deadline = Instant::now() + PATIENCE;
        while service.get("/health/ready").1["reason"] == "starting" {
            assert!(Instant::now() < deadline);
        }
        service.signal(signal);
        let (ended, log) = service.wait();
        assert_eq!(ended, code, "{log}");
        let places: Vec<usize> = [
            "no more connections are taken",
            "sync system stopped",
            "the HTTP server has stopped",
        ]
        .into_iter()
        .map(|line| {
            log.find(line)
                .unwrap_or_else(|| panic!("no {line:?} in:\n{log}"))
        })
        .collect();
        assert!(places.is_sorted(), "{log}");
    }
}

#[test]
fn a_password_is_in_no_argument_and_no_line_of_the_service() {
    let (home, _) = home();
    let service = Service::start(&home);
    let arguments = std::fs::read(format!("/proc/{}/cmdline", service.child.id()));
    if let Ok(arguments) = arguments {
        assert!(!String::from_utf8_lossy(&arguments).contains("canary"));
    }
    service.signal(rustix::process::Signal::TERM);
    let (_, log) = service.wait();
    assert!(!log.contains("canary"), "{log}");
}
