//! Processes under test: frozen, continued, killed, waited for; and waiting for conditions.

use std::fs::File;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// How often a condition is looked at.
const LOOK: Duration = Duration::from_millis(20);

/// Waits until `condition` holds.
///
/// # Panics
/// When it does not within `limit`; `what` says what was waited for.
pub fn wait_until(limit: Duration, what: &str, mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < limit, "not within {limit:?}: {what}");
        std::thread::sleep(LOOK);
    }
}

/// The same for a condition that asks a server for its open transactions: it tells them anew only
/// when nobody has asked for a tenth of a second.
pub fn wait_rarely(limit: Duration, what: &str, mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < limit, "not within {limit:?}: {what}");
        // Tests that run beside this one ask too, so not in step with them.
        let jitter = start.elapsed().subsec_micros() % 300;
        std::thread::sleep(Duration::from_millis(250 + u64::from(jitter)));
    }
}

/// The same for a condition that talks to a server through the library.
pub async fn eventually(limit: Duration, what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let start = Instant::now();
    while !condition().await {
        assert!(start.elapsed() < limit, "not within {limit:?}: {what}");
        tokio::time::sleep(LOOK).await;
    }
}

/// A process that ended.
#[derive(Debug)]
pub struct Finished {
    /// What was run.
    pub command: String,
    /// How it ended.
    pub status: ExitStatus,
    /// What it wrote.
    pub stdout: String,
    /// What it wrote to the error stream.
    pub stderr: String,
}

impl Finished {
    /// Exit code; `None` after a signal that it did not handle.
    pub fn code(&self) -> Option<i32> {
        self.status.code()
    }

    /// Goes on only with this exit code; a failure shows everything that was written.
    pub fn expect_code(self, code: i32) -> Self {
        assert!(
            self.code() == Some(code),
            "{} ended with {}, not {code}\n--- stdout\n{}\n--- stderr\n{}",
            self.command,
            self.status,
            self.stdout,
            self.stderr
        );
        self
    }

    /// stdout as JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|e| panic!("{e}: {}\n--- stderr\n{}", self.stdout, self.stderr))
    }
}

/// A process under test; killed with the value.
#[derive(Debug)]
pub struct Running {
    child: Child,
    command: String,
    // Files, not pipes: a full pipe would stop the process at a moment the test did not choose.
    out: PathBuf,
    err: PathBuf,
    _folder: tempfile::TempDir,
}

impl Running {
    /// Starts `command`, without input.
    pub fn start(mut command: Command) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (out, err) = (folder.path().join("stdout"), folder.path().join("stderr"));
        command
            .stdin(Stdio::null())
            .stdout(File::create(&out).unwrap())
            .stderr(File::create(&err).unwrap());
        let child = command
            .spawn()
            .unwrap_or_else(|e| panic!("{command:?}: {e}"));
        Self {
            child,
            command: format!("{command:?}"),
            out,
            err,
            _folder: folder,
        }
    }

    /// Process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Whether it has not ended.
    pub fn is_alive(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// What it has written to stdout so far.
    pub fn stdout(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.out).unwrap()).into_owned()
    }

    /// What it has written to the error stream so far.
    pub fn stderr(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.err).unwrap()).into_owned()
    }

    /// Waits until it has written one of `words` to the error stream.
    ///
    /// # Panics
    /// When it does not within `limit`; with everything that it wrote.
    pub fn wait_to_say(&self, limit: Duration, words: &[&str]) {
        let start = Instant::now();
        while !words.iter().any(|word| self.stderr().contains(word)) {
            assert!(
                start.elapsed() < limit,
                "not said within {limit:?}: {words:?}\n--- stderr\n{}",
                self.stderr()
            );
            std::thread::sleep(LOOK);
        }
    }

    /// Stops it between two instructions; its connections stay open (SIGSTOP).
    pub fn freeze(&self) {
        self.signal(Signal::STOP);
    }

    /// Lets it go on after [`Running::freeze`] (SIGCONT).
    pub fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    /// Ends it as a crash would (SIGKILL) and waits for its end.
    pub fn crash(mut self) -> Finished {
        self.signal(Signal::KILL);
        self.child.wait().unwrap();
        self.finished()
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap();
        // One that has ended meanwhile, and was not waited for yet, still takes signals.
        kill_process(pid, signal).unwrap();
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// When it does not end within `limit`; it is killed then.
    pub fn wait(mut self, limit: Duration) -> Finished {
        let start = Instant::now();
        while self.is_alive() {
            assert!(
                start.elapsed() < limit,
                "{} did not end within {limit:?}\n--- stdout\n{}\n--- stderr\n{}",
                self.command,
                self.stdout(),
                self.stderr()
            );
            std::thread::sleep(LOOK);
        }
        self.finished()
    }

    fn finished(&mut self) -> Finished {
        Finished {
            command: self.command.clone(),
            status: self.child.wait().unwrap(),
            stdout: self.stdout(),
            stderr: self.stderr(),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.child.try_wait().is_ok_and(|ended| ended.is_none()) {
            let _killed = self.child.kill();
            let _ended = self.child.wait();
        }
    }
}
