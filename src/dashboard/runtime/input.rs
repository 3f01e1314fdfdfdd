//! The input thread: waits with `poll(2)` on stdin, reads, and ends when the terminal does.
//!
//! The terminal library's own reader is not used. It spins on a terminal that vanished
//! (<https://github.com/crossterm-rs/crossterm/issues/793>), and when a resize and a key come
//! together it forgets that the key can be read.

mod decode;

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::thread::{self, JoinHandle};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{Errno, read};
use rustix::stdio::stdin;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

pub use decode::Decoder;

use crate::dashboard::app::key::Key;
use crate::dashboard::app::mouse::Mouse;

/// How long the rest of a key's bytes may take; an Esc alone is told by it.
const REST: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 40_000_000,
};
/// Between two looks for room in a full channel.
const LOOK_AGAIN: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 10_000_000,
};

/// What comes from the terminal, or about it.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// A key was pressed.
    Key(Key),
    /// Text was pasted.
    Paste(String),
    /// The mouse was used.
    Mouse(Mouse),
    /// The terminal has this size.
    Resize(u16, u16),
    /// This process was stopped and goes on; the terminal may be in another state.
    Continued,
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
        let reader = Reader {
            to,
            woken,
            decoder: Decoder::default(),
        };
        let thread = thread::Builder::new()
            .name("input".to_owned())
            .spawn(move || reader.run())?;
        Ok(Self {
            wake,
            thread: Some(thread),
        })
    }
}

impl Drop for InputThread {
    fn drop(&mut self) {
        // Either one wakes the thread.
        let _ = self.wake.write_all(b"x");
        let _ = self.wake.shutdown(std::net::Shutdown::Both);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Why the thread ends.
enum End {
    /// It was told to, or nobody listens.
    Stopped,
    /// The terminal is gone.
    Lost,
}

struct Reader {
    to: mpsc::Sender<Input>,
    woken: UnixStream,
    decoder: Decoder,
}

impl Reader {
    fn run(mut self) {
        loop {
            match self.step() {
                Ok(()) => {}
                Err(End::Stopped) => return,
                Err(End::Lost) => {
                    let _ = self.pass(Input::Lost);
                    return;
                }
            }
        }
    }

    /// Waits for bytes, once, and passes on what they are.
    fn step(&mut self) -> Result<(), End> {
        let mut fds = [
            PollFd::from_borrowed_fd(stdin(), PollFlags::IN),
            PollFd::new(&self.woken, PollFlags::IN),
        ];
        let rest = self.decoder.waits().then_some(&REST);
        match poll(&mut fds, rest) {
            Err(Errno::INTR) => return Ok(()),
            Err(_) => return Err(End::Lost),
            Ok(0) => {
                if let Some(input) = self.decoder.idle() {
                    self.pass(input)?;
                }
                return Ok(());
            }
            Ok(_) => {}
        }
        let (terminal, wake) = (fds[0].revents(), fds[1].revents());
        if !wake.is_empty() {
            let _ = self.woken.read(&mut [0; 8]);
            return Err(End::Stopped);
        }
        if terminal.intersects(PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL) {
            return Err(End::Lost);
        }
        if !terminal.contains(PollFlags::IN) {
            return Ok(());
        }
        let mut bytes = [0; 1024];
        let count = match read(stdin(), &mut bytes) {
            Ok(0) => return Err(End::Lost),
            Ok(count) => count,
            Err(Errno::INTR | Errno::AGAIN) => return Ok(()),
            Err(_) => return Err(End::Lost),
        };
        for input in self.decoder.feed(&bytes[..count]) {
            self.pass(input)?;
        }
        Ok(())
    }

    /// Passes one input on, waiting for room, unless the thread is to stop meanwhile.
    fn pass(&self, mut input: Input) -> Result<(), End> {
        loop {
            match self.to.try_send(input) {
                Ok(()) => return Ok(()),
                Err(TrySendError::Closed(_)) => return Err(End::Stopped),
                Err(TrySendError::Full(back)) => input = back,
            }
            let mut wake = [PollFd::new(&self.woken, PollFlags::IN)];
            match poll(&mut wake, Some(&LOOK_AGAIN)) {
                Ok(0) | Err(Errno::INTR) => {}
                Ok(_) | Err(_) => return Err(End::Stopped),
            }
        }
    }
}
