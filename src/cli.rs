//! The command line: arguments → services → output → exit code.
//!
//! Owns the command tree, what is printed where, and the exit codes. Holds no rules of syncing:
//! every command asks the services and shows what they say. Called by `main` only.

pub mod args;
pub mod exit;
pub mod failure;
pub mod output;
pub mod shell;

pub use args::Cli;
pub use exit::{Exit, Signal};
pub use failure::Failure;
pub use output::Output;

use args::Command;

/// Carries out a command that needs neither settings nor a database; `None` for any other.
#[must_use]
pub fn offline(typed: &Cli) -> Option<Result<(), Failure>> {
    match typed.command.as_ref()? {
        Command::Completions(args) => Some(shell::completions(args)),
        Command::Man(args) => Some(shell::man(args)),
        _ => None,
    }
}
