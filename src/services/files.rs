//! Files that a front asks for by a path that somebody typed: only their owner can read them, and
//! one that is there is replaced whole or not at all.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::refusal::{conflict, invalid};
use crate::model::command::Refusal;
use crate::model::finding::Finding;

/// A text file that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextFile {
    /// Where it is.
    pub path: PathBuf,
    /// How many lines it has.
    pub lines: u64,
}

/// Writes the lines that `each` gives into a file; needs no control database.
///
/// # Errors
/// `Conflict` `file_exists` unless `overwrite`; `Invalid` when the file can't be written.
pub async fn write_lines(
    path: &str,
    overwrite: bool,
    each: impl FnOnce(&mut dyn FnMut(&str) -> Result<(), Refusal>) -> Result<(), Refusal>
    + Send
    + 'static,
) -> Result<TextFile, Refusal> {
    let path = expanded(path);
    blocking(move || {
        let mut file = NewFile::create(&path, overwrite)?;
        let mut lines = 0;
        each(&mut |line| {
            lines += 1;
            file.write(line)?;
            file.write("\n")
        })?;
        file.finish()?;
        Ok(TextFile { path, lines })
    })
    .await
}

/// Does what may wait for a disk beside the tasks that must not.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Refusal> + Send + 'static,
) -> Result<T, Refusal> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| Refusal::Internal(format!("the file was not reached: {error}")))?
}

/// `~` as a shell would read it.
pub(super) fn expanded(path: &str) -> PathBuf {
    let path = path.trim();
    match (path.strip_prefix("~/"), std::env::var_os("HOME")) {
        (Some(rest), Some(home)) => PathBuf::from(home).join(rest),
        _ => PathBuf::from(path),
    }
}

/// A refusal that names the path.
pub(super) fn failed(doing: &str, path: &Path, error: &io::Error) -> Refusal {
    invalid(Finding::new(
        "",
        format!("can't {doing} {}: {error}", path.display()),
    ))
}

/// A file that is being written. Dropped before [`Self::finish`] it is removed again, and what was
/// there before stays.
pub(super) struct NewFile {
    /// Its name in the end.
    path: PathBuf,
    /// Where it is written: beside a file that it replaces, so that a full disk leaves that one.
    written: PathBuf,
    file: BufWriter<File>,
    finished: bool,
}

impl NewFile {
    /// Begins a file.
    ///
    /// # Errors
    /// `Conflict` `file_exists` unless `overwrite`; `Invalid` when it can't be written.
    pub fn create(path: &Path, overwrite: bool) -> Result<Self, Refusal> {
        let mut written = path.to_owned();
        if overwrite {
            let mut name = path.file_name().unwrap_or_default().to_owned();
            name.push(format!(".{}.new", std::process::id()));
            written = path.with_file_name(name);
        }
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(0o600);
        let file = options.open(&written).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists if !overwrite => {
                conflict("file_exists", format!("{} exists already", path.display()))
            }
            _ => failed("write", path, &error),
        })?;
        Ok(Self {
            path: path.to_owned(),
            written,
            file: BufWriter::new(file),
            finished: false,
        })
    }

    /// Adds text.
    ///
    /// # Errors
    /// `Invalid` when it can't be written.
    pub fn write(&mut self, text: &str) -> Result<(), Refusal> {
        let written = self.file.write_all(text.as_bytes());
        written.map_err(|error| failed("write", &self.path, &error))
    }

    /// Puts it in its place.
    ///
    /// # Errors
    /// `Invalid` when it can't be written.
    pub fn finish(mut self) -> Result<(), Refusal> {
        let flushed = self.file.flush();
        flushed
            .and_then(|()| self.file.get_ref().sync_all())
            .and_then(|()| {
                if self.written == self.path {
                    return Ok(());
                }
                fs::rename(&self.written, &self.path)
            })
            .map_err(|error| failed("write", &self.path, &error))?;
        self.finished = true;
        Ok(())
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if !self.finished {
            // What is half written is of no use; what is wrong with the disk was told by the write.
            let _gone = fs::remove_file(&self.written);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(path: &Path, text: &str, overwrite: bool) -> Result<(), Refusal> {
        let mut file = NewFile::create(path, overwrite)?;
        file.write(text)?;
        file.finish()
    }

    #[test]
    fn a_file_is_only_overwritten_when_that_was_said() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("shop.yaml");
        write(&path, "a", false).unwrap();
        let refused = write(&path, "b", false).unwrap_err();
        assert_eq!(refused.code(), "file_exists");
        assert_eq!(fs::read_to_string(&path).unwrap(), "a");
        write(&path, "b", true).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "b");
        let left: Vec<_> = fs::read_dir(folder.path()).unwrap().collect();
        assert_eq!(left.len(), 1, "nothing is left beside it");
    }

    #[test]
    fn what_is_given_up_leaves_what_was_there_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let (new, old) = (folder.path().join("new"), folder.path().join("old"));
        write(&old, "as it was", false).unwrap();
        for (path, overwrite) in [(&new, false), (&old, true)] {
            let mut file = NewFile::create(path, overwrite).unwrap();
            file.write("half").unwrap();
            drop(file);
        }
        assert!(!new.exists());
        assert_eq!(fs::read_to_string(&old).unwrap(), "as it was");
        let left: Vec<_> = fs::read_dir(folder.path()).unwrap().collect();
        assert_eq!(left.len(), 1);
    }

    #[test]
    fn what_cannot_be_written_names_its_path() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("none").join("x.yaml");
        for overwrite in [false, true] {
            let told = write(&missing, "", overwrite).unwrap_err().to_string();
            assert!(told.contains(&missing.display().to_string()), "{told}");
        }
    }
}
