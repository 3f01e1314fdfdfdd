//! Front: the terminal dashboard.
//!
//! Three rooms, each of which sees only the ones before it:
//!
//! - [`app`]: what is on the screen and what a key or a fact changes. Pure: `update(&mut State, Msg)`
//!   gives effects; no clock, no terminal, no async.
//! - [`ui`]: paints a state. Never changes it.
//! - [`runtime`]: the loop, the terminal, the input thread, signals; carries effects out through
//!   its `Backend` and gives their results back as messages.
//!
//! Owns nothing that another front needs; asks the services for everything that is stored.

pub mod app;
pub mod runtime;
pub mod ui;

pub use app::keymap::{ActionRow, KeyMistake, KeyMistakes, actions};
pub use runtime::options::{ColorChoice, DashboardOptions, OnDisconnect, Reload, Reloaded};
pub use runtime::{DashboardError, check, run, run_with};
