//! The dashboard's engine room: the loop, the terminal, the input thread, signals, effects.
//!
//! Owns when something is painted, how the terminal is taken and given back, and what becomes of
//! the jobs of this process when the dashboard ends. Must not know: what a key means (`app`), how
//! anything looks (`ui`).

pub mod backend;
mod effects;
pub mod event_loop;
pub mod frames;
pub mod input;
pub mod limiter;
mod live;
pub mod options;
mod process;
pub mod screen;
mod system_requests;
mod system_world;
pub mod terminal;
mod theme_watch;
mod visit_file;

use std::io;

pub use process::{check, run, run_with};
pub use system_world::SystemWorld;

/// Why the dashboard could not be shown, or ended badly.
#[derive(Debug, thiserror::Error)]
pub enum DashboardError {
    /// Input or output is not a terminal.
    #[error(
        "the dashboard needs a terminal for input and output; use --headless for the service, \
         or a command (--help lists them)"
    )]
    NoTerminal,
    /// The theme can't be used.
    #[error("theme: {0}")]
    Theme(String),
    /// The keys of the settings can't be used; the sentence names them.
    #[error("{0}")]
    Keys(String),
    /// The terminal can't be set up.
    #[error("the terminal can't be used: {0}")]
    Terminal(#[from] io::Error),
    /// A fault of this program; jobs were handed back to the queue.
    #[error(
        "the dashboard ended by a fault of this program; its jobs went back to the queue. \
         Please report the message above"
    )]
    Panicked,
}
