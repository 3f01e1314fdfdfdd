//! A terminal with the dashboard in it, and a person who knows only what it shows.

use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::support::DbTaxi;
use crate::support::servers::skipped;

/// How long a screen may take to show something; a busy machine is slow.
const PATIENCE: Duration = Duration::from_secs(90);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(50);

/// A tmux server of its own, whose only window is the dashboard.
pub struct Terminal {
    folder: tempfile::TempDir,
    /// Everything that was ever looked at.
    seen: std::cell::RefCell<String>,
}

/// How the dashboard is opened.
#[derive(Default)]
pub struct Opening<'a> {
    /// Columns and rows; 80x24 without.
    pub size: Option<(u16, u16)>,
    /// Further environment.
    pub env: &'a [(&'a str, &'a str)],
    /// A program that starts it.
    pub by: &'a [&'a str],
}

impl Terminal {
    /// Opens the dashboard of an installation at 80x24.
    pub fn open(taxi: &DbTaxi) -> Option<Self> {
        Self::open_as(taxi, &Opening::default())
    }

    /// Opens the dashboard of an installation; `None`, said loudly, where there is no tmux.
    pub fn open_as(taxi: &DbTaxi, opening: &Opening<'_>) -> Option<Self> {
        if Command::new("tmux").arg("-V").output().is_err() {
            skipped("tmux is not installed, so nothing was tried in a real terminal");
            return None;
        }
        let terminal = Self {
            folder: tempfile::tempdir().unwrap(),
            seen: std::cell::RefCell::default(),
        };
        let program = taxi.command(&[]);
        let (width, height) = opening.size.unwrap_or((80, 24));
        let (width, height) = (width.to_string(), height.to_string());
        let mut args: Vec<String> = [
            "new-session",
            "-d",
            "-x",
            &width,
            "-y",
            &height,
            "env",
            "-i",
        ]
        .map(str::to_owned)
        .to_vec();
        for (name, value) in program.get_envs() {
            if let Some(value) = value {
                let (name, value) = (name.to_string_lossy(), value.to_string_lossy());
                args.push(format!("{name}={value}"));
            }
        }
        for (name, value) in opening.env {
            args.push(format!("{name}={value}"));
        }
        args.push("TERM=tmux-256color".to_owned());
        args.push("LANG=C.UTF-8".to_owned());
        args.extend(opening.by.iter().map(|word| (*word).to_owned()));
        args.push(program.get_program().to_string_lossy().into_owned());
        args.extend(program.get_args().map(|a| a.to_string_lossy().into_owned()));
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

    /// Presses a key of the dashboard that stands on the screen with these words, once it does.
    pub fn press(&self, key: &str, words: &str) {
        let wanted = format!("{key} {words}");
        self.until(&format!("a key {wanted:?}"), |screen| {
            screen.lines().any(|line| names(&squeezed(line), &wanted))
        });
        let key = match key {
            "enter" => "Enter".to_owned(),
            "esc" => "Escape".to_owned(),
            "tab" => "Tab".to_owned(),
            "space" => "Space".to_owned(),
            key => key.replace("ctrl-", "C-"),
        };
        self.tmux(&["send-keys", &key]);
    }

    /// Presses a key, as tmux names it, until the screen shows a text: what has just opened is deaf
    /// to keys for a moment.
    pub fn insist(&self, key: &str, wanted: &str) -> String {
        let mut last = Instant::now();
        self.keys(key);
        self.until(wanted, |screen| {
            let shown = squeezed(screen).contains(wanted);
            if !shown && last.elapsed() > Duration::from_millis(700) {
                last = Instant::now();
                self.keys(key);
            }
            shown
        })
    }

    /// Goes to a field of a form by the key that the footer names, and types.
    pub fn field(&self, label: &str, text: &str) {
        self.go_to(label);
        self.text(text);
        self.wait(text);
    }

    /// Goes to a field of a form by the key that the footer names.
    pub fn go_to(&self, label: &str) {
        for _ in 0..30 {
            // A list marks its selected row in the same way.
            let form = |screen: &str| screen.contains("next field") && focus(screen).is_some();
            let screen = self.until("a form", form);
            let before = focus(&screen);
            if before
                .as_deref()
                .is_some_and(|field| field.starts_with(label))
            {
                return;
            }
            self.press("tab", "next field");
            self.until("the next field", |screen| {
                focus(screen).is_some_and(|field| Some(field) != before)
            });
        }
        panic!("no field {label:?} on:\n{}", self.screen());
    }

    /// Pastes a text, as a terminal does it that knows of pasting.
    pub fn paste(&self, text: &str) {
        self.tmux(&["set-buffer", text]);
        self.tmux(&["paste-buffer", "-p"]);
    }

    /// Gives it another size.
    pub fn resize(&self, width: u16, height: u16) {
        let (width, height) = (width.to_string(), height.to_string());
        self.tmux(&["resize-window", "-x", &width, "-y", &height]);
    }

    /// What it shows.
    pub fn screen(&self) -> String {
        let screen = self.tmux(&["capture-pane", "-p"]);
        self.seen.borrow_mut().push_str(&screen);
        screen
    }

    /// Waits until the screen shows a text; blanks count as one.
    pub fn wait(&self, wanted: &str) -> String {
        self.until(wanted, |screen| squeezed(screen).contains(wanted))
    }

    /// Waits until the screen is as wanted.
    pub fn until(&self, wanted: &str, mut holds: impl FnMut(&str) -> bool) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let screen = self.screen();
            if holds(&screen) {
                return screen;
            }
            assert!(Instant::now() < deadline, "no {wanted:?} on:\n{screen}");
            std::thread::sleep(LOOK);
        }
    }

    /// Waits until the program has ended.
    pub fn wait_for_end(&self) {
        let deadline = Instant::now() + PATIENCE;
        while !self.tmux(&["list-sessions"]).is_empty() {
            assert!(Instant::now() < deadline, "it goes on:\n{}", self.screen());
            std::thread::sleep(LOOK);
        }
    }

    /// Every screen that was looked at, one behind the other.
    pub fn seen(&self) -> String {
        self.seen.borrow().clone()
    }

    /// The dashboard's process.
    pub fn program(&self) -> Process {
        let pane = self.tmux(&["display-message", "-p", "#{pane_pid}"]);
        let pane = Process(pane.trim().parse().unwrap());
        let deadline = Instant::now() + PATIENCE;
        loop {
            let mut below = vec![pane];
            while let Some(process) = below.pop() {
                if process.name().as_deref() == Some("db-taxi") {
                    return process;
                }
                below.extend(process.children());
            }
            assert!(Instant::now() < deadline, "no db-taxi in the terminal");
            std::thread::sleep(LOOK);
        }
    }

    /// Takes the terminal away as a dropped line does: its session is ended.
    pub fn drop_line(&self) {
        self.tmux(&["kill-session"]);
    }

    /// Takes the terminal away without a word: its other side dies.
    pub fn crash(&self) {
        let server = self.tmux(&["display-message", "-p", "#{pid}"]);
        let done = Command::new("kill").args(["-KILL", server.trim()]).status();
        assert!(done.unwrap().success());
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

/// A process, looked at from outside.
#[derive(Debug, Clone, Copy)]
pub struct Process(u32);

impl Process {
    /// Whether it has not ended.
    pub fn is_alive(self) -> bool {
        // One that has ended stays until its parent asks for it.
        let state = self.file("stat").and_then(|stat| {
            let (_, rest) = stat.rsplit_once(") ")?;
            rest.chars().next()
        });
        state.is_some_and(|state| state != 'Z')
    }

    /// Ticks (10 ms) of processor time that its threads called `name` took; `None` without any.
    pub fn ticks(self, name: &str) -> Option<u64> {
        let threads = std::fs::read_dir(self.path("task")).ok()?;
        threads
            .filter_map(|thread| {
                let folder = thread.ok()?.path();
                let comm = std::fs::read_to_string(folder.join("comm")).ok()?;
                let stat = std::fs::read_to_string(folder.join("stat")).ok()?;
                (comm.trim() == name).then_some(())?;
                let (_, rest) = stat.rsplit_once(") ")?;
                let fields: Vec<&str> = rest.split(' ').collect();
                let user: u64 = fields.get(11)?.parse().ok()?;
                let system: u64 = fields.get(12)?.parse().ok()?;
                Some(user + system)
            })
            .reduce(|a, b| a + b)
    }

    fn children(self) -> Vec<Self> {
        let told = self.file(&format!("task/{}/children", self.0));
        let words = told.as_deref().unwrap_or_default().split_whitespace();
        words.filter_map(|id| id.parse().ok()).map(Self).collect()
    }

    fn name(self) -> Option<String> {
        self.file("comm").map(|comm| comm.trim().to_owned())
    }

    fn file(self, name: &str) -> Option<String> {
        std::fs::read_to_string(self.path(name)).ok()
    }

    fn path(self, name: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/{name}", self.0))
    }
}

/// A text with runs of blanks as one.
fn squeezed(text: &str) -> String {
    let mut squeezed = String::with_capacity(text.len());
    for c in text.chars() {
        if c != ' ' || !squeezed.ends_with(' ') {
            squeezed.push(c);
        }
    }
    squeezed
}

/// The field of a form that has the keys, and what stands in it.
fn focus(screen: &str) -> Option<String> {
    let line = screen.lines().find_map(|line| line.split_once("▌ "))?.1;
    // The columns of its label; what is typed behind them does not make it another field.
    Some(line.chars().take(15).collect())
}

/// Whether a line has `wanted` as words of their own.
fn names(line: &str, wanted: &str) -> bool {
    line.match_indices(wanted).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + wanted.len()..].chars().next();
        let apart = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric());
        apart(before) && apart(after)
    })
}
