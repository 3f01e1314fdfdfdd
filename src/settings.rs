//! Settings: four layers (flags over environment over file over defaults), merged key by key.
//!
//! Owns the table of keys ([`keys::KEYS`]), the settings file and where it lies, the origin of each
//! value, and the resolving of references to secrets. Must not know: databases, logging, fronts;
//! nothing here prints. `main` and the fronts call [`load`] and hand plain values down; a process
//! that stays calls it again when the file changes.

mod build;
mod changes;
mod document;
mod errors;
mod file;
mod file_watch;
mod given;
pub mod keys;
mod layers;
mod load;
mod nearest;
mod notifications;
mod origin;
pub mod secrets;
mod show;
mod types;
mod value;
mod web;

pub use changes::{Change, changes};
pub use errors::{SettingError, SettingsErrors};
pub use file::{PathEntry, paths};
pub use file_watch::FileWatch;
pub use given::{FlagValue, LoadOptions, Loaded, Warning};
pub use load::load;
pub use origin::Origin;
pub use show::{ShownKey, show, template};
pub use types::{
    DashboardSettings, DatabaseSettings, InstanceSettings, LoggingSettings, OnDisconnect,
    SecuritySettings, ServerSettings, Settings, SyncSettings,
};
pub use value::Value;

#[cfg(test)]
mod tests;
