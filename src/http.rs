//! Front: the service that runs without a terminal, and what it answers on HTTP.
//!
//! Owns the listener, the routes and the order in which the service stops. Holds no rules of
//! syncing. Must not know: the two other fronts. Called by `main` for `--headless`.

mod headless;
mod health;
mod listener;

pub use headless::{Ended, ServeError, serve};
pub use health::{Readiness, router};
