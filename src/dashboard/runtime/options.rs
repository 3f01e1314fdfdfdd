//! What the dashboard is opened with.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use crate::logging::RingHandle;
use crate::model::cron::Zone;
use crate::settings::{DashboardSettings, Settings};

pub use crate::dashboard::ui::theme::ColorChoice;
pub use crate::settings::OnDisconnect;

/// What the dashboard is opened with; flags and settings are merged by the caller.
#[derive(Debug, Clone)]
pub struct DashboardOptions {
    /// Name of the theme, embedded or in `theme_folder`.
    pub theme: String,
    /// Folder with the user's own themes.
    pub theme_folder: Option<PathBuf>,
    /// When colours are used.
    pub color: ColorChoice,
    /// Draw with ASCII only.
    pub ascii: bool,
    /// Paint at most four times a second.
    pub low_bandwidth: bool,
    /// Take the mouse; off, it selects text as in every terminal.
    pub mouse: bool,
    /// Refuse everything that changes something.
    pub read_only: bool,
    /// Most frames per second that facts may cause; keys are drawn sooner.
    pub max_fps: u32,
    /// What becomes of running jobs when the terminal goes away.
    pub on_disconnect: OnDisconnect,
    /// Lines of the live log that are kept.
    pub log_lines: usize,
    /// The zone of schedules that name none.
    pub zone: Zone,
    /// Keys of single actions; the others keep theirs.
    pub keys: BTreeMap<String, Vec<String>>,
    /// The lines that this process writes.
    pub logs: Option<RingHandle>,
    /// Where is remembered when somebody last looked; `None` remembers nothing.
    pub visit_file: Option<PathBuf>,
    /// Reads the settings again when their file changes.
    pub reload: Option<Reload>,
}

/// Settings that were read again.
#[derive(Debug)]
pub struct Reloaded {
    /// What the dashboard takes over.
    pub options: DashboardOptions,
    /// All of them.
    pub settings: Arc<Settings>,
}

/// How settings are read again.
#[derive(Clone)]
pub struct Reload {
    /// Their file.
    pub file: PathBuf,
    read: Arc<dyn Fn() -> Result<Reloaded, String> + Send + Sync>,
}

impl Reload {
    /// By `read`, when `file` changes.
    pub fn new(
        file: PathBuf,
        read: impl Fn() -> Result<Reloaded, String> + Send + Sync + 'static,
    ) -> Self {
        Self {
            file,
            read: Arc::new(read),
        }
    }

    /// The same, and `also` takes the settings.
    #[must_use]
    pub fn and(self, also: impl Fn(&Settings) + Send + Sync + 'static) -> Self {
        let read = self.read;
        Self::new(self.file, move || {
            let reloaded = read()?;
            also(&reloaded.settings);
            Ok(reloaded)
        })
    }

    /// Reads them.
    ///
    /// # Errors
    /// What is wrong with them, in words.
    pub fn read(&self) -> Result<Reloaded, String> {
        (self.read)()
    }
}

impl fmt::Debug for Reload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.file.fmt(f)
    }
}

impl DashboardOptions {
    /// What the settings say; what they can't know is left at its default.
    #[must_use]
    pub fn of_settings(settings: &DashboardSettings) -> Self {
        Self {
            theme: settings.theme.clone(),
            ascii: settings.ascii,
            low_bandwidth: settings.low_bandwidth,
            mouse: settings.mouse,
            read_only: settings.read_only,
            max_fps: settings.max_fps,
            on_disconnect: settings.on_disconnect,
            log_lines: settings.log_lines,
            keys: settings.keys.clone(),
            ..Self::default()
        }
    }

    /// Frames a second with `low_bandwidth` taken into account.
    #[must_use]
    pub fn frame_rate(&self) -> u32 {
        const LOW_BANDWIDTH: u32 = 4;
        if self.low_bandwidth {
            self.max_fps.min(LOW_BANDWIDTH)
        } else {
            self.max_fps
        }
    }
}

impl Default for DashboardOptions {
    fn default() -> Self {
        Self {
            theme: "default".to_owned(),
            theme_folder: None,
            color: ColorChoice::Auto,
            ascii: false,
            low_bandwidth: false,
            mouse: false,
            read_only: false,
            max_fps: 10,
            on_disconnect: OnDisconnect::Release,
            log_lines: 10_000,
            zone: Zone::UTC,
            keys: BTreeMap::new(),
            logs: None,
            visit_file: None,
            reload: None,
        }
    }
}
