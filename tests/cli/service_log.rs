//! What the service logs: for the journal of systemd, and at levels that change while it runs.

use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::child::Running;
use crate::home::Home;

/// Longest wait for something that should happen at once.
const PATIENCE: Duration = Duration::from_secs(60);

/// A home whose settings point at a port where nobody listens.
fn home(logging: &str) -> Home {
    let home = Home::new();
    write(&home, logging);
    home
}

fn write(home: &Home, logging: &str) {
    let text = format!(
        "database: {{host: 127.0.0.1, port: 1, connect_timeout: 1s}}\nlogging: {logging}\n"
    );
    home.write("config.yaml", &text);
}

/// The service with stderr in a file, killed when dropped.
struct Service {
    child: Running,
    log: std::path::PathBuf,
}

impl Service {
    fn start(home: &Home, change: impl FnOnce(&mut Command, &Path)) -> Self {
        let log = home.path().join("stderr");
        let file = File::create(&log).unwrap();
        let mut command = home.command(&["--headless", "--listen", "127.0.0.1:0"]);
        command.stdout(Stdio::null()).stderr(file);
        change(&mut command, &log);
        let child = command.spawn().unwrap();
        let child = Running(child);
        Self { child, log }
    }

    fn text(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    fn wait_to_say(&self, words: &str) {
        let deadline = Instant::now() + PATIENCE;
        while !self.text().contains(words) {
            assert!(
                Instant::now() < deadline,
                "no {words:?} in:\n{}",
                self.text()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

#[test]
fn the_journal_gets_priorities_and_no_times() {
    let home = home("{level: info}");
    let service = Service::start(&home, |command, log| {
        let file = log.metadata().unwrap();
        command.env("JOURNAL_STREAM", format!("{}:{}", file.dev(), file.ino()));
    });
    service.wait_to_say("<6>http: listening on http://");
    // The control database does not answer.
    service.wait_to_say("<4>system: ");
    for line in service.text().lines() {
        assert!(
            line.starts_with('<') && line[2..].starts_with('>'),
            "{line}"
        );
        assert!(!line.contains("Z "), "a time: {line}");
    }
}

#[test]
fn what_is_not_the_journal_gets_json() {
    let home = home("{level: info}");
    let service = Service::start(&home, |command, _| {
        command.env("JOURNAL_STREAM", "1:1");
    });
    service.wait_to_say("listening on http://");
    assert!(
        service.text().starts_with("{\"timestamp\""),
        "{}",
        service.text()
    );
}

#[test]
fn changed_settings_are_told_key_by_key_and_wrong_ones_change_nothing() {
    let home = home("{level: info, format: text}");
    let service = Service::start(&home, |_, _| {});
    service.wait_to_say("listening on http://");
    // Nobody says that the file has changed.
    write(&home, "{level: debug, format: text}");
    service.wait_to_say("settings file: logging.level: debug, was info");
    assert!(!service.text().contains("needs a restart"));

    write(&home, "{level: debug, format: text, keep_files: 3}");
    service.child.signal(Signal::HUP);
    service.wait_to_say("logging.keep_files: 3, was 14; needs a restart");

    // Half of a file.
    home.write("config.yaml", "database: {host: 127.0.0.1, po");
    service.wait_to_say("the settings stay as they are");
    service.wait_to_say("is not YAML");

    write(&home, "{level: debug, format: text, keep_files: 3}");
    service.wait_to_say("the settings are right again");

    let secret = "{level: debug, format: text, keep_files: 3}\nsecurity: {api_token: canary-token-0123456789}";
    write(&home, secret);
    service.wait_to_say("security.api_token has changed");
    service.child.signal(Signal::TERM);
    service.wait_to_say("SIGTERM");
    assert!(!service.text().contains("canary"), "{}", service.text());
}
