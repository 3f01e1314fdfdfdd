//! What the service tells the service manager: in order, and only while it lives.

use std::os::unix::net::UnixDatagram;
use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::child::Running;
use crate::home::Home;

/// Longest wait for something that should happen soon.
const PATIENCE: Duration = Duration::from_secs(60);

/// A service that tells `manager`; killed when dropped.
struct Service {
    child: Running,
    manager: UnixDatagram,
    _home: Home,
}

impl Service {
    /// The control database of it does not answer.
    fn start(watchdog: &str) -> Self {
        let home = Home::new();
        home.write(
            "config.yaml",
            "database: {host: 127.0.0.1, port: 1, connect_timeout: 1s}\n",
        );
        let path = home.path().join("notify");
        let manager = UnixDatagram::bind(&path).unwrap();
        manager
            .set_read_timeout(Some(Duration::from_millis(50)))
            .unwrap();
        let child = home
            .command(&["--headless", "--listen", "127.0.0.1:0"])
            .env("NOTIFY_SOCKET", &path)
            .env("WATCHDOG_USEC", watchdog)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self {
            child: Running(child),
            manager,
            _home: home,
        }
    }

    /// The next message; `None` when there is none for a moment.
    fn message(&self) -> Option<String> {
        let mut bytes = [0; 4096];
        let length = self.manager.recv(&mut bytes).ok()?;
        Some(String::from_utf8_lossy(&bytes[..length]).into_owned())
    }

    /// Messages up to the first that begins with `words`.
    fn until(&self, words: &str) -> Vec<String> {
        let deadline = Instant::now() + PATIENCE;
        let mut messages = Vec::new();
        loop {
            messages.extend(self.message());
            if messages.last().is_some_and(|last| last.starts_with(words)) {
                return messages;
            }
            assert!(Instant::now() < deadline, "no {words} in {messages:?}");
        }
    }
}

#[test]
fn it_is_ready_reloads_and_stops_in_order_without_a_control_database() {
    let mut service = Service::start("");
    let before = service.until("READY=1");
    assert_eq!(before, ["READY=1"], "nothing before it is ready");
    service.until("STATUS=waiting for the control database: ");
    service.child.signal(Signal::HUP);
    let reload = service.until("READY=1");
    let [.., reloading, _] = reload.as_slice() else {
        panic!("{reload:?}")
    };
    assert!(
        reloading.starts_with("RELOADING=1\nMONOTONIC_USEC="),
        "{reload:?}"
    );
    service.child.signal(Signal::TERM);
    let rest = service.until("STOPPING=1");
    assert!(
        !rest.iter().any(|one| one.starts_with("WATCHDOG")),
        "{rest:?}"
    );
    assert_eq!(service.child.0.wait().unwrap().code(), Some(143));
}

#[test]
fn a_service_that_is_frozen_gives_no_more_signs_of_life() {
    let service = Service::start("100000");
    service.until("WATCHDOG=1");
    service.until("WATCHDOG=1");
    service.child.signal(Signal::STOP);
    // What was sent before is read; from then on there is silence.
    while service.message().is_some() {}
    let silence = Instant::now();
    while silence.elapsed() < Duration::from_millis(500) {
        assert_eq!(service.message(), None);
    }
    service.child.signal(Signal::CONT);
    service.until("WATCHDOG=1");
}
