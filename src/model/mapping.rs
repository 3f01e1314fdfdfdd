//! The mapping document: connections and configs as YAML or JSON, read with every finding and
//! printed in one canonical form.
//!
//! Owns the names, types, ranges and exclusive fields of every public field of a connection, a
//! config and a table rule; the same objects are the REST bodies and the control database's `spec`.
//! Must not know: servers, files, stored objects (names that are stored are handed in). Called by
//! `store` (its `spec` columns), `services` and every front that reads or shows these objects.

mod check;
mod condition;
mod config;
mod connection;
mod diff;
mod document;
mod file;
mod incremental;
mod mask;
mod notification;
mod options;
mod reader;
mod rule;
mod schedule;
mod spec;
mod stored;
#[cfg(test)]
mod tests;
mod throttle;
mod tree;
mod writer;

pub use check::{Claims, check_identifier};
pub use diff::diff;
pub use document::{Document, Source, parse_document, parse_object, print_document, print_object};
pub use file::{ImportOutcome, MappingFile};
pub use notification::parse_notifications;
pub use reader::suggestion;
pub use schedule::{parse_schedule, schedule_text};
pub use spec::{Spec, parse_config, parse_connection, spec_from_json, spec_to_json};
pub use stored::{config_to_json, connection_to_json, time_text};
pub use throttle::{parse_throttle, throttle_to_json};
pub use writer::{Format, Passwords};
