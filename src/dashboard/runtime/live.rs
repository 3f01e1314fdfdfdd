//! What changes while the dashboard is shown: its theme's file, and its settings with everything
//! that they say about it.

use std::sync::{Arc, Mutex, PoisonError};

use super::event_loop::Live;
use super::options::{DashboardOptions, OnDisconnect, Reloaded};
use super::{terminal, theme_watch};
use crate::dashboard::app::keymap::Keymap;
use crate::dashboard::app::state::Setup;
use crate::settings::FileWatch;

/// Watches both.
pub struct LiveSettings {
    theme: Option<FileWatch<theme_watch::Read>>,
    settings: Option<FileWatch<Result<Reloaded, String>>>,
    policy: Arc<Mutex<OnDisconnect>>,
}

impl LiveSettings {
    /// Begins to watch; `policy` becomes what the settings say. Must be called within a runtime.
    #[must_use]
    pub fn new(options: &DashboardOptions, policy: Arc<Mutex<OnDisconnect>>) -> Self {
        let reload = options.reload.clone();
        Self {
            theme: theme_watch::watch(options),
            settings: reload
                .map(|reload| FileWatch::start(reload.file.clone(), move || reload.read())),
            policy,
        }
    }

    /// The theme, if its file was read again.
    pub fn theme(&mut self) -> Option<theme_watch::Read> {
        self.theme.as_ref()?.take()
    }

    /// What the settings say, if they were read again. All of it is in force, or nothing.
    pub fn take(&mut self) -> Option<Result<Live, String>> {
        let read = self.settings.as_ref()?.take()?;
        Some(read.and_then(|reloaded| self.change(&reloaded.options)))
    }

    fn change(&mut self, options: &DashboardOptions) -> Result<Live, String> {
        let keymap = Keymap::with(&options.keys).map_err(|mistakes| mistakes.to_string())?;
        let theme = theme_watch::load(options)?;
        terminal::switch_mouse(options.mouse).map_err(|error| error.to_string())?;
        self.theme = theme_watch::watch(options);
        *self.policy.lock().unwrap_or_else(PoisonError::into_inner) = options.on_disconnect;
        if let Some(logs) = &options.logs {
            logs.resize(options.log_lines);
        }
        Ok(Live {
            theme,
            setup: setup(options, keymap),
            max_fps: options.frame_rate(),
        })
    }
}

/// What the dashboard decides by.
#[must_use]
pub fn setup(options: &DashboardOptions, keymap: Keymap) -> Setup {
    Setup {
        keymap,
        read_only: options.read_only,
        log_lines: options.log_lines,
        zone: options.zone,
    }
}
