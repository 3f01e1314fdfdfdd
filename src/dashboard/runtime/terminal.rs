//! The terminal is borrowed and always given back: on exit, on a panic of the thread that paints,
//! on a signal, before suspending.

use std::io::{self, Write};
use std::panic::PanicHookInfo;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, ThreadId};

use crossterm::cursor::{Hide, Show};
use crossterm::queue;
use crossterm::style::Print;
use crossterm::terminal::{
    EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode,
    enable_raw_mode,
};

/// Pasted text comes between marks, so that it is never taken for keys.
const PASTE_ON: &str = "\x1b[?2004h";
/// Buttons and wheel, told in the form that has no limit of columns; no movements.
const MOUSE_ON: &str = "\x1b[?1000h\x1b[?1006h";
const MOUSE_OFF: &str = "\x1b[?1006l\x1b[?1000l";
const PASTE_OFF: &str = "\x1b[?2004l";

/// Whether this process holds the terminal; a process has one.
static HELD: AtomicBool = AtomicBool::new(false);
/// Whether the mouse is asked for; without it the terminal selects and copies as ever.
static MOUSE: AtomicBool = AtomicBool::new(false);

/// Asks for the mouse from the next [`enter`] on, or not.
pub fn use_mouse(wanted: bool) {
    MOUSE.store(wanted, Ordering::SeqCst);
}

/// Asks for the mouse, or gives it back, while the terminal is held.
///
/// # Errors
/// When the terminal can't be written to.
pub fn switch_mouse(wanted: bool) -> io::Result<()> {
    if MOUSE.swap(wanted, Ordering::SeqCst) == wanted || !is_held() {
        return Ok(());
    }
    write_out(if wanted { MOUSE_ON } else { MOUSE_OFF }.as_bytes())
}

/// Takes the terminal: raw mode, alternate screen. Does nothing when it is held already.
///
/// # Errors
/// When there is no terminal.
pub fn enter() -> io::Result<()> {
    if HELD.swap(true, Ordering::SeqCst) {
        return Ok(());
    }
    let entered = enable_raw_mode().and_then(|()| {
        let mut bytes = Vec::new();
        queue!(bytes, EnterAlternateScreen, Print(PASTE_ON), Hide)?;
        if MOUSE.load(Ordering::SeqCst) {
            queue!(bytes, Print(MOUSE_ON))?;
        }
        write_out(&bytes)
    });
    if entered.is_err() {
        leave();
    }
    entered
}

/// Takes the terminal again after somebody else may have had it.
///
/// # Errors
/// When the terminal is gone.
pub fn retake() -> io::Result<()> {
    leave();
    enter()
}

/// Gives the terminal back. Does nothing when it is not held; errors don't matter, since a
/// terminal that is gone needs nothing back.
pub fn leave() {
    if !HELD.swap(false, Ordering::SeqCst) {
        return;
    }
    let mut bytes = Vec::new();
    let mouse = if MOUSE.load(Ordering::SeqCst) {
        MOUSE_OFF
    } else {
        ""
    };
    let queued = queue!(
        bytes,
        EndSynchronizedUpdate,
        Print(mouse),
        Print(PASTE_OFF),
        LeaveAlternateScreen,
        Show
    );
    if queued.is_ok() {
        let _ = write_out(&bytes);
    }
    let _ = disable_raw_mode();
}

/// Forgets the terminal without touching it: it is gone, and writing to it could block.
pub fn forget() {
    HELD.store(false, Ordering::SeqCst);
}

/// Whether the terminal is held.
#[must_use]
pub fn is_held() -> bool {
    HELD.load(Ordering::SeqCst)
}

fn write_out(bytes: &[u8]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(bytes)?;
    out.flush()
}

/// The hook that is in force, until it is dropped: a panic of the thread that paints gives the
/// terminal back first; a panic of another one is logged and leaves the screen alone.
pub struct PanicGuard {
    before: Arc<Hook>,
}

type Hook = Box<dyn Fn(&PanicHookInfo<'_>) + Send + Sync + 'static>;

impl PanicGuard {
    /// Sets the hook for `painter`.
    #[must_use]
    pub fn set(painter: ThreadId) -> Self {
        let before: Arc<Hook> = Arc::new(std::panic::take_hook());
        let kept = Arc::clone(&before);
        std::panic::set_hook(Box::new(move |info| {
            if !is_held() {
                before(info);
            } else if thread::current().id() == painter {
                leave();
                before(info);
            } else {
                let place = info.location().map_or(String::new(), ToString::to_string);
                let name = thread::current().name().unwrap_or("unnamed").to_owned();
                tracing::error!(thread = name, place, "a thread panicked: {}", words(info));
            }
        }));
        Self { before: kept }
    }
}

impl Drop for PanicGuard {
    fn drop(&mut self) {
        // While unwinding the hook can't be changed; the process is about to end then anyway.
        if !thread::panicking() {
            let before = Arc::clone(&self.before);
            std::panic::set_hook(Box::new(move |info| before(info)));
        }
    }
}

fn words<'a>(info: &'a PanicHookInfo<'_>) -> &'a str {
    let payload = info.payload();
    payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message")
}
