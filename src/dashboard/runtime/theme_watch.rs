//! The theme of the options, read again when the file of it changes.

use super::options::DashboardOptions;
use crate::dashboard::ui::theme::{Depth, Theme};
use crate::settings::FileWatch;

/// A theme as it was read, or why it can't be used.
pub type Read = Result<Theme, String>;

/// Watches the file that the theme of `options` has, or would have, in the user's folder; `None`
/// where there is no folder.
#[must_use]
pub fn watch(options: &DashboardOptions) -> Option<FileWatch<Read>> {
    let file = Theme::file(&options.theme, options.theme_folder.as_deref())?;
    let options = options.clone();
    Some(FileWatch::start(file, move || load(&options)))
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
    use std::time::Duration;

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
        let watch = watch(&options).unwrap();
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
