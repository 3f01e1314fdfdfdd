//! Sync configs as they are looked at and changed: what is asked for, the text editor, what is shown
//! before something is stored.
//!
//! Owns the steps from a wish to a stored config. Must not know: how a config is stored or planned,
//! how anything is painted. Called by `update`, read by `ui`.

pub mod ask;
pub mod diff;
pub mod draft;
pub mod editor;
pub mod plan_view;
pub mod review;
pub mod words;

pub use ask::{Base, ConfigAsk, ConfigTold, Saving};
pub use editor::Editor;
pub use review::Review;
