//! Looks whether the file of the user's theme changed, and reads it again.

use std::fs::Metadata;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::task::JoinHandle;

use super::options::DashboardOptions;
use crate::dashboard::ui::theme::{Depth, Theme};

/// Between two looks at the file.
const LOOK: Duration = Duration::from_secs(1);

/// A theme as it was read, or why it can't be used.
pub type Read = Result<Theme, String>;

/// What tells one state of a file from another.
type Stamp = Option<(SystemTime, u64)>;

/// Watches until it is dropped.
pub struct ThemeWatch {
    read: Arc<Mutex<Option<Read>>>,
    task: JoinHandle<()>,
}

impl ThemeWatch {
    /// Watches the file that the theme of `options` has, or would have, in the user's folder;
    /// `None` where there is no folder.
    #[must_use]
    pub fn start(options: &DashboardOptions) -> Option<Self> {
        let file = Theme::file(&options.theme, options.theme_folder.as_deref())?;
        let read = Arc::new(Mutex::new(None));
        let known = std::fs::metadata(&file)
            .ok()
            .and_then(|found| stamp(&found));
        let task = tokio::spawn(watch(file, known, options.clone(), Arc::clone(&read)));
        Some(Self { read, task })
    }

    /// The theme, if it was read again since the last call.
    #[must_use]
    pub fn take(&self) -> Option<Read> {
        self.read
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }
}

impl Drop for ThemeWatch {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn watch(
    file: PathBuf,
    mut known: Stamp,
    options: DashboardOptions,
    read: Arc<Mutex<Option<Read>>>,
) {
    loop {
        tokio::time::sleep(LOOK).await;
        let found = tokio::fs::metadata(&file).await.ok();
        let now = found.and_then(|found| stamp(&found));
        if now == known {
            continue;
        }
        known = now;
        // An editor may be between emptying the file and filling it.
        if known.is_some_and(|(_, length)| length == 0) {
            continue;
        }
        let options = options.clone();
        let again = tokio::task::spawn_blocking(move || load(&options)).await;
        if let Ok(again) = again {
            *read.lock().unwrap_or_else(PoisonError::into_inner) = Some(again);
        }
    }
}

fn stamp(metadata: &Metadata) -> Stamp {
    Some((metadata.modified().ok()?, metadata.len()))
}

/// The theme that the options ask for, brought down to what the terminal shows.
///
/// # Errors
/// A sentence, as [`Theme::load`].
pub fn load(options: &DashboardOptions) -> Read {
    let depth = Depth::detect(options.color, |name| std::env::var(name).ok());
    let folder = options.theme_folder.as_deref();
    Theme::load(&options.theme, folder, depth, options.ascii)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_theme_that_is_written_while_it_is_shown_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("mine.yaml");
        let text = include_str!("../../../themes/dark.yaml");
        std::fs::write(&file, text).unwrap();
        let options = DashboardOptions {
            theme: "mine".to_owned(),
            theme_folder: Some(folder.path().to_owned()),
            color: super::super::options::ColorChoice::Always,
            ..DashboardOptions::default()
        };
        let before = load(&options).unwrap();
        let watch = ThemeWatch::start(&options).unwrap();
        let again = async || {
            let deadline = std::time::Instant::now() + Duration::from_secs(30);
            loop {
                if let Some(read) = watch.take() {
                    return read;
                }
                assert!(std::time::Instant::now() < deadline, "not read again");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        std::fs::write(
            &file,
            text.replace("good: \"#7fd18b\"", "good: \"#00ff00 bold\""),
        )
        .unwrap();
        let after = again().await.unwrap();
        assert_ne!(after.good, before.good);
        std::fs::write(&file, "good: nothing\n").unwrap();
        assert!(again().await.unwrap_err().contains("mine.yaml"));
    }
}
