//! A small file that remembers when somebody last looked. What it holds may be lost at any time:
//! then a day is looked back.

use std::fs;
use std::io;
use std::path::PathBuf;

use chrono::{DateTime, SecondsFormat, Utc};

/// The file.
#[derive(Debug, Clone)]
pub struct VisitFile {
    path: PathBuf,
}

impl VisitFile {
    /// The file at this path; it and its folder need not be there.
    #[must_use]
    pub fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// What it says; `None` when it can't be read or says no time.
    #[must_use]
    pub fn read(&self) -> Option<DateTime<Utc>> {
        let text = fs::read_to_string(&self.path).ok()?;
        text.trim().parse().ok()
    }

    /// Writes a time; a reader sees the one before or this one.
    ///
    /// # Errors
    /// When folder or file can't be written; the path is named.
    pub fn write(&self, at: DateTime<Utc>) -> io::Result<()> {
        let named = |error: io::Error| {
            io::Error::new(error.kind(), format!("{}: {error}", self.path.display()))
        };
        let folder = self.path.parent().unwrap_or(&self.path);
        fs::create_dir_all(folder).map_err(named)?;
        let mut name = self.path.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{}.new", std::process::id()));
        let beside = self.path.with_file_name(name);
        let text = at.to_rfc3339_opts(SecondsFormat::Millis, true) + "\n";
        fs::write(&beside, text)
            .and_then(|()| fs::rename(&beside, &self.path))
            .map_err(named)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_visit_is_remembered_and_what_is_no_time_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let file = VisitFile::new(folder.path().join("new").join("visit"));
        assert_eq!(file.read(), None);
        let at: DateTime<Utc> = "2026-11-21T02:14:07.120Z".parse().unwrap();
        file.write(at).unwrap();
        file.write(at).unwrap();
        assert_eq!(file.read(), Some(at));
        let left = fs::read_dir(folder.path().join("new")).unwrap().count();
        assert_eq!(left, 1, "nothing is left beside it");
        fs::write(folder.path().join("new").join("visit"), "half").unwrap();
        assert_eq!(file.read(), None);
    }

    #[test]
    fn a_place_that_cannot_be_written_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let taken = folder.path().join("file");
        fs::write(&taken, "").unwrap();
        let error = VisitFile::new(taken.join("visit"))
            .write(Utc::now())
            .unwrap_err();
        assert!(error.to_string().contains("file"), "{error}");
    }
}
