//! A terminal with the dashboard in it.

use std::process::Command;
use std::time::{Duration, Instant};

use crate::support::DbTaxi;
use crate::support::servers::skipped;

/// How long a screen may take to show something; a busy machine is slow.
const PATIENCE: Duration = Duration::from_secs(90);

/// A tmux server of its own, whose only window is the dashboard.
pub struct Terminal {
    folder: tempfile::TempDir,
    /// Everything that was ever looked at.
    seen: std::cell::RefCell<String>,
}

impl Terminal {
    /// Opens the dashboard of an installation at 80x24.
    pub fn open(taxi: &DbTaxi) -> Option<Self> {
        if Command::new("tmux").arg("-V").output().is_err() {
            skipped("tmux is not installed, so nothing was tried in a real terminal");
            return None;
        }
        let terminal = Self {
            folder: tempfile::tempdir().unwrap(),
            seen: std::cell::RefCell::default(),
        };
        let program = taxi.command(&[]);
        let mut args: Vec<String> = ["new-session", "-d", "-x", "80", "-y", "24", "env", "-i"]
            .map(str::to_owned)
            .to_vec();
        for (name, value) in program.get_envs() {
            if let Some(value) = value {
                let (name, value) = (name.to_string_lossy(), value.to_string_lossy());
                args.push(format!("{name}={value}"));
            }
        }
        args.push("TERM=tmux-256color".to_owned());
        args.push("LANG=C.UTF-8".to_owned());
        args.push(program.get_program().to_string_lossy().into_owned());
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        terminal.tmux(&args);
        Some(terminal)
    }

    /// Types a text.
    pub fn text(&self, text: &str) {
        self.tmux(&["send-keys", "-l", text]);
    }

    /// Presses keys, as tmux names them.
    pub fn keys(&self, keys: &str) {
        for key in keys.split_whitespace() {
            self.tmux(&["send-keys", key]);
        }
    }

    /// Pastes a text, as a terminal does it that knows of pasting.
    pub fn paste(&self, text: &str) {
        self.tmux(&["set-buffer", text]);
        self.tmux(&["paste-buffer", "-p"]);
    }

    /// Waits until the screen shows a text.
    pub fn wait(&self, wanted: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let screen = self.tmux(&["capture-pane", "-p"]);
            self.seen.borrow_mut().push_str(&screen);
            if screen.contains(wanted) {
                return screen;
            }
            assert!(Instant::now() < deadline, "no {wanted:?} on:\n{screen}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Waits until the program has ended.
    pub fn wait_for_end(&self) {
        let deadline = Instant::now() + PATIENCE;
        while !self.tmux(&["list-sessions"]).is_empty() {
            assert!(Instant::now() < deadline, "it goes on");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Every screen that was looked at, one behind the other.
    pub fn seen(&self) -> String {
        self.seen.borrow().clone()
    }

    fn tmux(&self, args: &[&str]) -> String {
        let output = Command::new("tmux")
            .args(["-f", "/dev/null", "-S"])
            .arg(self.folder.path().join("tmux"))
            .args(args)
            .output()
            .unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.tmux(&["kill-server"]);
    }
}
