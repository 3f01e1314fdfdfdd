//! The real dashboard in a real terminal: tmux. Skipped, loudly, where there is none.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// How long a screen may take to show something; a busy machine is slow.
const PATIENCE: Duration = Duration::from_secs(30);

/// A tmux server of its own with one window and a shell in it.
struct Terminal {
    folder: tempfile::TempDir,
}

impl Terminal {
    #[expect(clippy::print_stderr, reason = "a skip must be seen")]
    fn open() -> Option<Self> {
        if Command::new("tmux").arg("-V").output().is_err() {
            let words = "SKIPPED: tmux is not installed, so nothing was tried in a real terminal";
            eprintln!("{words}");
            return None;
        }
        let terminal = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        terminal.tmux(&[
            "new-session",
            "-d",
            "-x",
            "100",
            "-y",
            "30",
            "env",
            "PS1=READY> ",
            "ENV=",
            "RUST_BACKTRACE=0",
            "TERM=tmux-256color",
            "sh",
            "-i",
        ]);
        terminal.wait("READY>");
        Some(terminal)
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

    /// Starts the dashboard over the made-up shop, in the way that `what` says.
    fn start(&self, what: &str) {
        let program = std::env::current_exe().unwrap();
        self.line(&format!(
            "DBT_SHOW={what} DBT_SHOW_TOLD={} {} --ignored --nocapture show_the_shop",
            self.told().display(),
            program.display()
        ));
        self.wait("1 Connections");
    }

    fn line(&self, text: &str) {
        self.tmux(&["send-keys", "-l", text]);
        self.key("Enter");
    }

    fn key(&self, key: &str) {
        self.tmux(&["send-keys", key]);
    }

    fn told(&self) -> PathBuf {
        self.folder.path().join("told")
    }

    fn screen(&self) -> String {
        self.tmux(&["capture-pane", "-p"])
    }

    fn wait(&self, wanted: &str) {
        self.until(wanted, |screen| screen.contains(wanted));
    }

    fn until(&self, what: &str, holds: impl Fn(&str) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let screen = self.screen();
            if holds(&screen) {
                return;
            }
            assert!(Instant::now() < deadline, "no {what:?} on:\n{screen}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// The shell has its terminal back: no alternate screen, echo, cooked lines.
    fn assert_restored(&self) {
        self.until("the shell", |screen| !screen.contains("1 Connections"));
        let screen = self.tmux(&["display-message", "-p", "#{alternate_on}#{cursor_flag}"]);
        assert_eq!(screen.trim(), "01", "alternate screen and cursor");
        self.line("stty -a | grep -c -- ' -icanon\\| -echo ' ; echo MO''DES");
        self.wait("MODES");
        let screen = self.screen();
        let counted = screen.lines().rev().find(|line| line.trim() == "0");
        assert!(counted.is_some(), "the terminal is still raw:\n{screen}");
    }

    fn process(&self) -> String {
        let tty = self.tmux(&["display-message", "-p", "#{pane_tty}"]);
        let tty = tty.trim().trim_start_matches("/dev/");
        let output = Command::new("ps")
            .args(["-t", tty, "-o", "pid=,args="])
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let line = text.lines().find(|line| line.contains("show_the_shop"));
        line.unwrap().split_whitespace().next().unwrap().to_owned()
    }

    fn signal(&self, name: &str) {
        let done = Command::new("kill")
            .args([name, &self.process()])
            .status()
            .unwrap();
        assert!(done.success());
    }

    fn wait_told(&self) -> String {
        let deadline = Instant::now() + PATIENCE;
        // It is there for a moment before it says anything.
        while std::fs::read_to_string(self.told()).is_ok_and(|told| told.is_empty())
            || !self.told().exists()
        {
            assert!(
                Instant::now() < deadline,
                "it did not end:\n{}",
                self.screen()
            );
            std::thread::sleep(Duration::from_millis(50));
        }
        std::fs::read_to_string(self.told()).unwrap()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.tmux(&["kill-server"]);
    }
}

/// Seconds of processor time that a process took; `None` once it has ended.
fn seconds_of(pid: &str) -> Option<u64> {
    let text = std::fs::read_to_string(Path::new("/proc").join(pid).join("stat")).ok()?;
    let after = text.rsplit(')').next()?;
    let fields: Vec<&str> = after.split_whitespace().collect();
    let ticks: u64 = fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?;
    Some(ticks / 100)
}

#[test]
fn leaving_gives_the_terminal_back_and_hands_jobs_over() {
    let Some(terminal) = Terminal::open() else {
        return;
    };
    terminal.start("moving");
    terminal.wait("shop-nightly");
    terminal.key("q");
    terminal.key("q");
    terminal.wait("Leave?");
    // A fresh question is deaf for a moment; its mark moves when it hears.
    terminal.until("the mark to move", |_| {
        terminal.key("Right");
        terminal.screen().contains("[ hand back and quit ]")
    });
    terminal.key("Enter");
    assert!(
        terminal
            .wait_told()
            .contains("Ok(0), asked: [\"shutdown Release\"]")
    );
    terminal.wait("waiting for the batch in hand of shop-nightly");
    terminal.assert_restored();
}

#[test]
fn sigterm_gives_the_terminal_back() {
    let Some(terminal) = Terminal::open() else {
        return;
    };
    terminal.start("moving");
    terminal.signal("-TERM");
    assert!(terminal.wait_told().contains("Ok(143)"));
    terminal.assert_restored();
}

#[test]
fn a_panic_of_what_paints_gives_the_terminal_back_with_its_message() {
    let Some(terminal) = Terminal::open() else {
        return;
    };
    terminal.start("panic");
    assert!(terminal.wait_told().contains("Err(Panicked)"));
    terminal.wait("painting panicked on purpose");
    terminal.assert_restored();
}

#[test]
fn a_panic_of_a_worker_leaves_the_screen_alone() {
    let Some(terminal) = Terminal::open() else {
        return;
    };
    terminal.start("worker-panic");
    terminal.wait("a worker has panicked");
    let screen = terminal.screen();
    assert!(!screen.contains("on purpose"), "{screen}");
    terminal.key("?");
    terminal.wait("┌ Help");
}

#[test]
fn suspended_it_comes_back_with_its_screen_and_hears_keys() {
    let Some(terminal) = Terminal::open() else {
        return;
    };
    terminal.start("empty");
    terminal.wait("Nothing is set up yet");
    terminal.key("C-z");
    terminal.assert_restored();
    terminal.line("fg");
    terminal.wait("Nothing is set up yet");
    terminal.key("?");
    terminal.wait("┌ Help");
}

#[test]
fn with_jobs_it_hands_them_back_before_it_is_suspended_and_goes_on_after_fg() {
    let Some(terminal) = Terminal::open() else {
        return;
    };
    terminal.start("moving");
    terminal.wait("shop-nightly");
    terminal.key("C-z");
    terminal.wait("Suspend?");
    terminal.until("the mark to move", |_| {
        terminal.key("Right");
        terminal.screen().contains("[ hand back and suspend ]")
    });
    terminal.key("Enter");
    terminal.assert_restored();
    let stopped = Command::new("ps")
        .args(["-o", "state=", "-p", &terminal.process()])
        .output()
        .unwrap();
    assert!(stopped.stdout.starts_with(b"T"), "it is stopped");
    terminal.line("fg");
    terminal.wait("1 Connections");
    terminal.key("?");
    terminal.wait("┌ Help");
    terminal.key("Escape");
    terminal.signal("-TERM");
    let told = terminal.wait_told();
    assert!(
        told.contains("asked: [\"park\", \"unpark\", \"shutdown Release\"]"),
        "{told}"
    );
}

#[test]
fn an_esc_right_behind_a_resize_is_heard() {
    let Some(terminal) = Terminal::open() else {
        return;
    };
    terminal.start("still");
    for (width, height) in [("80", "24"), ("120", "40"), ("90", "26"), ("100", "30")] {
        terminal.key("?");
        terminal.wait("┌ Help");
        terminal.tmux(&["resize-window", "-x", width, "-y", height]);
        terminal.key("Escape");
        terminal.until("no help", |screen| !screen.contains("┌ Help"));
    }
}

#[test]
fn a_terminal_that_vanishes_ends_it_without_spinning() {
    let Some(terminal) = Terminal::open() else {
        return;
    };
    terminal.start("moving");
    let pid = terminal.process();
    terminal.tmux(&["kill-session"]);
    let told = terminal.wait_told();
    assert!(
        told.contains("Ok(129), asked: [\"shutdown Release\"]"),
        "{told}"
    );
    assert!(seconds_of(&pid).is_none_or(|seconds| seconds < 2));
}
