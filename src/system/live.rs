//! The settings of a process that stays: read again, told of key by key, taken over as far as that
//! needs no restart. What is wrong leaves the old ones in force.
//!
//! Who reads them and what takes effect at once is handed in by `main`; when they are read again is
//! decided by the fronts.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use chrono::Utc;

use crate::jobs::Tuning;
use crate::services::{Defaults, SettingsCell};
use crate::settings::{Loaded, Settings, changes};

/// Reads the settings anew; an error says what is wrong with them, in words.
type Read = dyn Fn() -> Result<Loaded, String> + Send + Sync;

/// The settings of a process that stays.
pub struct LiveSettings {
    started: Loaded,
    read: Box<Read>,
    /// As they were read last, when they were right.
    last: Mutex<Loaded>,
    cell: SettingsCell,
}

impl LiveSettings {
    /// The settings that the process began with, and how they are read anew.
    pub fn new(
        started: Loaded,
        read: impl Fn() -> Result<Loaded, String> + Send + Sync + 'static,
    ) -> Self {
        let cell = SettingsCell::default();
        cell.change(|status| status.loaded_at = Some(Utc::now()));
        Self {
            last: Mutex::new(started.clone()),
            started,
            read: Box::new(read),
            cell,
        }
    }

    /// The settings that the process began with.
    #[must_use]
    pub fn started(&self) -> &Settings {
        &self.started.settings
    }

    /// The file that is worth watching.
    #[must_use]
    pub fn file(&self) -> Option<PathBuf> {
        self.started.file.clone()
    }

    /// How they stand.
    #[must_use]
    pub fn cell(&self) -> SettingsCell {
        self.cell.clone()
    }

    /// Reads them again because of `why`, and tells what changed; what the process began with,
    /// changed as far as that needs no restart.
    ///
    /// # Errors
    /// What is wrong with them; the old ones stay.
    pub fn reload(&self, why: &str) -> Result<Settings, String> {
        let new = self.there().and_then(|()| (self.read)());
        let new = new.inspect_err(|wrong| {
            tracing::error!("{why}: the settings stay as they are: {wrong}");
            self.cell
                .change(|status| status.error = Some(wrong.clone()));
        })?;
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let changed = changes(&last, &new);
        for change in &changed {
            if change.live {
                tracing::info!("{why}: {change}");
            } else {
                tracing::warn!("{why}: {change}; needs a restart");
            }
        }
        let was_wrong = self.cell.get().error.is_some();
        match (changed.is_empty(), was_wrong) {
            (true, true) => tracing::info!("{why}: the settings are right again"),
            (true, false) => tracing::info!("{why}: no setting has changed"),
            (false, _) => {}
        }
        let waiting = changes(&self.started, &new);
        let waiting = waiting.iter().filter(|change| !change.live);
        let waiting: Vec<String> = waiting.map(|change| change.key.to_owned()).collect();
        self.cell.change(|status| {
            status.loaded_at = Some(Utc::now());
            status.error = None;
            status.restart_needed = waiting;
        });
        let settings = self.started.settings.with_live_of(&new.settings);
        *last = new;
        Ok(settings)
    }

    /// A file that is gone would be as good as one with defaults only.
    fn there(&self) -> Result<(), String> {
        match &self.started.file {
            Some(file) if !file.exists() => Err(format!("{} is not there", file.display())),
            _ => Ok(()),
        }
    }
}

/// What of the settings the engine takes over while it runs.
pub fn tuning(settings: &Settings) -> Tuning {
    let sync = &settings.sync;
    Tuning {
        max_concurrency: sync.max_concurrency,
        retry_attempts: sync.retry_attempts,
        retry_delay: sync.retry_delay,
        job_timeout: sync.job_timeout,
        batch_size: sync.batch_size,
        throttle: sync.throttle.clone(),
        timezone: sync.timezone,
        stop_timeout: settings.server.shutdown_timeout,
        cleanup_age: sync.cleanup_age,
    }
}

/// What of the settings the services go by.
pub fn defaults(settings: &Settings) -> Defaults {
    Defaults {
        batch_size: settings.sync.batch_size,
        timezone: settings.sync.timezone,
        throttle: settings.sync.throttle.clone(),
    }
}

/// How long the engine's slowest loop may take for a round while nothing is wrong with it: what
/// it waits for at the control database ends by itself, each in less than a minute, and connecting
/// when every address had its time.
pub fn longest_round(settings: &Settings) -> Duration {
    const WORK: Duration = Duration::from_secs(300);
    let database = &settings.database;
    let addresses = database.host.split(',').count().max(1);
    let addresses = u32::try_from(addresses).unwrap_or(1);
    WORK + settings.sync.lease_ttl + database.connect_timeout.saturating_mul(addresses)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{LoadOptions, load};
    use std::path::Path;

    fn live(folder: &Path, text: &str) -> LiveSettings {
        std::fs::write(folder.join("config.yaml"), text).unwrap();
        let options = LoadOptions {
            cwd: folder.to_owned(),
            ..LoadOptions::default()
        };
        let read = move || load(&options).map_err(|errors| errors.to_string());
        LiveSettings::new(read().unwrap(), read)
    }

    #[test]
    fn what_needs_no_restart_is_taken_and_the_rest_is_noted_until_it_is_changed_back() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config.yaml");
        let live = live(folder.path(), "sync:\n  batch_size: 500\n");
        let both = "sync:\n  batch_size: 700\nserver:\n  port: 9999\n";
        std::fs::write(&file, both).unwrap();
        let settings = live.reload("test").unwrap();
        assert_eq!(settings.sync.batch_size, 700);
        assert_eq!(settings.server.port, 8080, "a port is not changed live");
        assert_eq!(live.cell().get().restart_needed, ["server.port"]);
        std::fs::write(&file, "sync:\n  batch_size: 700\n").unwrap();
        live.reload("test").unwrap();
        assert!(live.cell().get().restart_needed.is_empty());
    }

    #[test]
    fn a_file_that_is_wrong_or_gone_leaves_all_as_it_was_until_it_is_mended() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config.yaml");
        let live = live(folder.path(), "sync:\n  batch_size: 500\n");
        let before = live.cell().get().loaded_at;
        // Half of it is written, and two lines at once are wrong.
        for wrong in [
            "sync:\n  batch_si",
            "sync: [",
            "sync:\n  batch_size: many\n",
        ] {
            std::fs::write(&file, wrong).unwrap();
            assert!(live.reload("test").is_err(), "{wrong}");
            let status = live.cell().get();
            assert!(status.error.unwrap().contains("config.yaml"), "{wrong}");
            assert_eq!(status.loaded_at, before, "{wrong}");
        }
        std::fs::remove_file(&file).unwrap();
        let error = live.reload("test").unwrap_err();
        assert!(error.contains("is not there"), "{error}");
        std::fs::write(&file, "sync:\n  batch_size: 600\n").unwrap();
        assert_eq!(live.reload("test").unwrap().sync.batch_size, 600);
        assert_eq!(live.cell().get().error, None);
    }
}
