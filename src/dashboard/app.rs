//! The dashboard's memory and its rules: [`State`], [`Msg`], [`update()`], [`Effect`].
//!
//! Owns what is selected, open, filtered and scrolled, the key map and every text of the overlays.
//! Must not know: clocks (the runtime sets [`state::Clock`]), ratatui, tokio, the services. Called by
//! `runtime`, read by `ui`, and tested without a terminal.

pub mod action;
pub mod clipboard;
pub mod configs;
pub mod confirm;
pub mod connection_form;
pub mod detail;
pub mod differences;
pub mod effect;
pub mod entry;
pub mod form;
pub mod format;
pub mod fuzzy;
pub mod geometry;
pub mod job_command;
pub mod job_pages;
pub mod key;
pub mod keymap;
pub mod limits_form;
pub mod list;
pub mod log_query;
pub mod log_save;
pub mod log_view;
pub mod mouse;
pub mod msg;
pub mod night;
pub mod notices;
pub mod overlay;
pub mod overview;
pub mod pace;
pub mod palette;
pub mod picker;
pub mod purpose;
pub mod request;
pub mod sheets;
pub mod state;
pub mod text;
pub mod trail;
pub mod update;

pub use action::Action;
pub use effect::{Effect, Load, QuitHow};
pub use key::Key;
pub use msg::Msg;
pub use state::{State, Tab};
pub use update::update;
