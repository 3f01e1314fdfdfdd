//! Tells the service manager (systemd, or whoever set `NOTIFY_SOCKET`) how the service stands:
//! `READY=1`, `RELOADING=1`, `STOPPING=1`, `STATUS=…`, and `WATCHDOG=1` while it lives.
//!
//! The protocol is sd_notify(3): lines in one datagram to a Unix socket, whose name begins with `@`
//! when it is an abstract one. Without the variable nothing is done; a message that can't be sent is
//! no reason to stop.

use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// The service manager, if there is one.
#[derive(Debug, Default)]
pub struct ServiceManager {
    socket: Option<(UnixDatagram, SocketAddr)>,
    /// How often it wants a sign of life, at least.
    watchdog: Option<Duration>,
    /// What was told last.
    status: Mutex<String>,
}

impl ServiceManager {
    /// The one that started this process.
    #[must_use]
    pub fn of_process() -> Self {
        Self::from(|name| std::env::var(name).ok())
    }

    /// The one that these variables name.
    fn from(variable: impl Fn(&str) -> Option<String>) -> Self {
        let Some(name) = variable("NOTIFY_SOCKET") else {
            return Self::default();
        };
        let address = match name.strip_prefix('@') {
            Some(name) => SocketAddr::from_abstract_name(name),
            None => SocketAddr::from_pathname(&name),
        };
        let socket = address.and_then(|address| {
            let socket = UnixDatagram::unbound()?;
            // A manager that does not read must not hold the service up.
            socket.set_nonblocking(true)?;
            Ok((socket, address))
        });
        let socket = socket
            .inspect_err(|error| {
                tracing::warn!("NOTIFY_SOCKET {name} can't be used: {error}");
            })
            .ok();
        let meant =
            variable("WATCHDOG_PID").is_none_or(|pid| pid.trim().parse() == Ok(std::process::id()));
        let watchdog = variable("WATCHDOG_USEC")
            .and_then(|text| text.trim().parse().ok())
            .filter(|micros| meant && *micros > 0)
            .map(Duration::from_micros);
        Self {
            socket,
            watchdog,
            status: Mutex::default(),
        }
    }

    /// One at this path, for tests.
    #[cfg(test)]
    pub fn with_socket(path: &std::path::Path, watchdog: Duration) -> Self {
        let path = path.display().to_string();
        let micros = watchdog.as_micros().to_string();
        Self::from(|name| match name {
            "NOTIFY_SOCKET" => Some(path.clone()),
            "WATCHDOG_USEC" => Some(micros.clone()),
            _ => None,
        })
    }

    /// Whether there is one.
    #[must_use]
    pub fn is_there(&self) -> bool {
        self.socket.is_some()
    }

    /// How often signs of life are to be given: twice in the time that it waits for one.
    #[must_use]
    pub fn sign_of_life_every(&self) -> Option<Duration> {
        self.watchdog.map(|watchdog| watchdog / 2)
    }

    /// The service does its work, also again after [`Self::reloading`].
    pub fn ready(&self) {
        self.send("READY=1");
    }

    /// The settings are being read again.
    pub fn reloading(&self) {
        let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
        let micros = i128::from(now.tv_sec) * 1_000_000 + i128::from(now.tv_nsec) / 1_000;
        self.send(&format!("RELOADING=1\nMONOTONIC_USEC={micros}"));
    }

    /// The service ends.
    pub fn stopping(&self) {
        self.send("STOPPING=1");
    }

    /// The service lives.
    pub fn sign_of_life(&self) {
        self.send("WATCHDOG=1");
    }

    /// One line about how it stands; sent when it is another one than before.
    pub fn status(&self, text: &str) {
        let line = text.replace(char::is_control, " ");
        let mut told = self.status.lock().unwrap_or_else(PoisonError::into_inner);
        if *told != line {
            self.send(&format!("STATUS={line}"));
            *told = line;
        }
    }

    fn send(&self, message: &str) {
        let Some((socket, address)) = &self.socket else {
            return;
        };
        if let Err(error) = socket.send_to_addr(message.as_bytes(), address) {
            tracing::debug!("the service manager was not told {message:?}: {error}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn received(socket: &UnixDatagram) -> String {
        socket
            .set_read_timeout(Some(Duration::from_secs(10)))
            .unwrap();
        let mut bytes = [0; 4096];
        let length = socket.recv(&mut bytes).unwrap();
        String::from_utf8_lossy(&bytes[..length]).into_owned()
    }

    fn manager(name: &str, more: &[(&str, &str)]) -> ServiceManager {
        ServiceManager::from(|wanted| {
            let given = [("NOTIFY_SOCKET", name)];
            let mut all = given.iter().chain(more);
            let found = all.find(|(name, _)| *name == wanted);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn messages_arrive_at_a_socket_with_a_path() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        let manager = manager(path.to_str().unwrap(), &[]);
        manager.ready();
        assert_eq!(received(&socket), "READY=1");
        manager.reloading();
        let reloading = received(&socket);
        let (first, second) = reloading.split_once('\n').unwrap();
        assert_eq!(first, "RELOADING=1");
        let micros: u64 = second
            .strip_prefix("MONOTONIC_USEC=")
            .unwrap()
            .parse()
            .unwrap();
        assert!(micros > 0);
        manager.status("two\nlines");
        assert_eq!(received(&socket), "STATUS=two lines");
        manager.status("two lines");
        manager.stopping();
        assert_eq!(
            received(&socket),
            "STOPPING=1",
            "the same status is not sent again"
        );
    }

    #[test]
    fn messages_arrive_at_an_abstract_socket() {
        let name = format!("db-taxi-test-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        let socket = UnixDatagram::bind_addr(&address).unwrap();
        manager(&format!("@{name}"), &[]).sign_of_life();
        assert_eq!(received(&socket), "WATCHDOG=1");
    }

    #[test]
    fn without_a_manager_nothing_happens_and_one_that_is_gone_does_no_harm() {
        let none = ServiceManager::from(|_| None);
        assert!(!none.is_there());
        none.ready();
        manager("/no/such/folder/notify", &[]).ready();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        let deaf = manager(path.to_str().unwrap(), &[]);
        for _ in 0..10_000 {
            deaf.sign_of_life();
        }
        drop(socket);
    }

    #[test]
    fn the_watchdog_is_meant_for_this_process_or_for_none() {
        let own = std::process::id().to_string();
        let every = |more: &[(&str, &str)]| manager("@x", more).sign_of_life_every();
        assert_eq!(every(&[]), None);
        assert_eq!(
            every(&[("WATCHDOG_USEC", "30000000")]),
            Some(Duration::from_secs(15))
        );
        let both = [
            ("WATCHDOG_USEC", "30000000"),
            ("WATCHDOG_PID", own.as_str()),
        ];
        assert_eq!(every(&both), Some(Duration::from_secs(15)));
        let other = [("WATCHDOG_USEC", "30000000"), ("WATCHDOG_PID", "1")];
        assert_eq!(every(&other), None);
        assert_eq!(every(&[("WATCHDOG_USEC", "soon")]), None);
    }
}
