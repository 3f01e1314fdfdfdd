//! The program's command line as a person or a script meets it. None of these tests needs a server.

#![expect(clippy::unwrap_used, reason = "a test says what went wrong by failing")]

mod child;
mod endings;
mod help;
mod home;
mod service_log;
mod service_manager;
mod settings;
mod shell;
mod unreachable;
