//! The input thread: waits with `poll(2)` on stdin itself, and ends when the terminal does.
//!
//! The terminal library alone would spin on a terminal that vanished
//! (<https://github.com/crossterm-rs/crossterm/issues/793>): it is only called when `poll` says
//! that there is something to read, and never after a hang-up.

use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crossterm::event::{
    self, Event as TerminalEvent, KeyCode, KeyEvent, KeyEventKind, KeyModifiers,
};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use crate::dashboard::app::key::{Code, Key};

/// What comes from the terminal, or about it.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// A key was pressed.
    Key(Key),
    /// Text was pasted.
    Paste(String),
    /// The terminal has this size.
    Resize(u16, u16),
    /// The terminal is gone.
    Lost,
    /// Somebody asked this process to end.
    Signal(Signal),
}

/// Signals that end the dashboard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// SIGTERM.
    Terminate,
    /// SIGINT from outside; the key is read as a key.
    Interrupt,
    /// SIGHUP.
    HangUp,
}

/// The thread; stopped when dropped.
pub struct InputThread {
    wake: UnixStream,
    thread: Option<JoinHandle<()>>,
}

impl InputThread {
    /// Begins to read stdin. A full channel makes the thread wait: keys are never thrown away.
    ///
    /// # Errors
    /// When the thread can't be made.
    pub fn start(to: mpsc::Sender<Input>) -> io::Result<Self> {
        let (wake, woken) = UnixStream::pair()?;
        let thread = thread::Builder::new()
            .name("input".to_owned())
            .spawn(move || read_until_stopped(woken, &to))?;
        Ok(Self {
            wake,
            thread: Some(thread),
        })
    }
}

impl Drop for InputThread {
    fn drop(&mut self) {
        let _ = self.wake.write_all(b"x");
        let _ = self.wake.shutdown(std::net::Shutdown::Both);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn read_until_stopped(mut woken: UnixStream, to: &mpsc::Sender<Input>) {
    let stdin = io::stdin();
    loop {
        let mut fds = [
            PollFd::new(&stdin, PollFlags::IN),
            PollFd::from_borrowed_fd(woken.as_fd(), PollFlags::IN),
        ];
        match poll(&mut fds, None) {
            Err(Errno::INTR) => continue,
            Err(_) => return lost(to),
            Ok(_) => {}
        }
        let (terminal, wake) = (fds[0].revents(), fds[1].revents());
        if !wake.is_empty() {
            let _ = woken.read(&mut [0; 8]);
            return;
        }
        if terminal.intersects(PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL) {
            return lost(to);
        }
        if !terminal.contains(PollFlags::IN) {
            continue;
        }
        match drain(to, &woken) {
            Ok(true) => {}
            Ok(false) => return,
            Err(_) => return lost(to),
        }
    }
}

/// Passes on everything that can be read without waiting; `false` when nobody listens any more.
fn drain(to: &mpsc::Sender<Input>, woken: &UnixStream) -> io::Result<bool> {
    while event::poll(Duration::ZERO)? {
        if let Some(input) = translate(event::read()?)
            && !pass(to, input, woken)
        {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Passes one input on, waiting for room; `false` when nobody listens or the thread is to stop.
fn pass(to: &mpsc::Sender<Input>, mut input: Input, woken: &UnixStream) -> bool {
    const LOOK_AGAIN: Timespec = Timespec {
        tv_sec: 0,
        tv_nsec: 10_000_000,
    };
    loop {
        match to.try_send(input) {
            Ok(()) => return true,
            Err(TrySendError::Closed(_)) => return false,
            Err(TrySendError::Full(back)) => input = back,
        }
        let mut wake = [PollFd::new(woken, PollFlags::IN)];
        match poll(&mut wake, Some(&LOOK_AGAIN)) {
            Ok(0) | Err(Errno::INTR) => {}
            Ok(_) | Err(_) => return false,
        }
    }
}

fn lost(to: &mpsc::Sender<Input>) {
    // The receiver reads until this comes; a full channel means that it reads something else first.
    let _ = to.blocking_send(Input::Lost);
}

/// A terminal event in the dashboard's own words; `None` for what has no meaning here.
#[must_use]
pub fn translate(event: TerminalEvent) -> Option<Input> {
    match event {
        TerminalEvent::Key(key) => key_of(key).map(Input::Key),
        TerminalEvent::Paste(text) => Some(Input::Paste(text)),
        TerminalEvent::Resize(width, height) => Some(Input::Resize(width, height)),
        TerminalEvent::FocusGained | TerminalEvent::FocusLost | TerminalEvent::Mouse(_) => None,
    }
}

fn key_of(event: KeyEvent) -> Option<Key> {
    let foreign =
        KeyModifiers::ALT | KeyModifiers::SUPER | KeyModifiers::HYPER | KeyModifiers::META;
    if event.kind == KeyEventKind::Release || event.modifiers.intersects(foreign) {
        return None;
    }
    let code = match event.code {
        KeyCode::Char(c) => Code::Char(c),
        KeyCode::Enter => Code::Enter,
        KeyCode::Esc => Code::Esc,
        KeyCode::Tab => Code::Tab,
        KeyCode::BackTab => Code::BackTab,
        KeyCode::Backspace => Code::Backspace,
        KeyCode::Delete => Code::Delete,
        KeyCode::Up => Code::Up,
        KeyCode::Down => Code::Down,
        KeyCode::Left => Code::Left,
        KeyCode::Right => Code::Right,
        KeyCode::Home => Code::Home,
        KeyCode::End => Code::End,
        KeyCode::PageUp => Code::PageUp,
        KeyCode::PageDown => Code::PageDown,
        _ => return None,
    };
    let ctrl = event.modifiers.contains(KeyModifiers::CONTROL);
    Some(Key { code, ctrl })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terminal_keys_become_the_dashboards_keys() {
        let key = |code, modifiers| translate(TerminalEvent::Key(KeyEvent::new(code, modifiers)));
        assert_eq!(
            key(KeyCode::Char('G'), KeyModifiers::SHIFT),
            Some(Input::Key(Key::char('G')))
        );
        assert_eq!(
            key(KeyCode::Char('c'), KeyModifiers::CONTROL),
            Some(Input::Key(Key::ctrl('c')))
        );
        assert_eq!(key(KeyCode::Char('x'), KeyModifiers::ALT), None);
        assert_eq!(key(KeyCode::F(1), KeyModifiers::NONE), None);
    }
}
