//! Mapping documents in files, for fronts that have no shell around them.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::Mappings;
use crate::model::command::Refusal;
use crate::model::finding::Finding;
use crate::model::mapping::{Format, ImportOutcome, MappingFile};
use crate::services::refusal::{conflict, invalid};

/// The largest document that is read, in bytes.
const MOST: u64 = 16 << 20;

impl Mappings {
    /// Reads a document and says what its import would do. What is imported afterwards is the text
    /// that is given back, whatever has become of the file meanwhile.
    ///
    /// # Errors
    /// `Invalid` when the file can't be read, and with every finding of the document.
    pub async fn read_file(&self, path: &str) -> Result<(MappingFile, ImportOutcome), Refusal> {
        let path = expanded(path);
        let file = blocking(move || read(&path)).await?;
        let outcome = self.import(&file.text, file.format, true).await?;
        Ok((file, outcome))
    }

    /// Writes the canonical document of `names` (of everything where there are none) into a file
    /// that only its owner can read. Passwords that are text are left out.
    ///
    /// # Errors
    /// `Conflict` `file_exists` unless `overwrite`; `Invalid` when the file can't be written;
    /// `NotFound` for a name.
    pub async fn write_file(
        &self,
        names: &[String],
        path: &str,
        overwrite: bool,
    ) -> Result<PathBuf, Refusal> {
        let path = expanded(path);
        let text = self.export(names, false, Format::of_path(&path)).await?;
        blocking(move || write(&path, &text, overwrite).map(|()| path)).await
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Refusal> + Send + 'static,
) -> Result<T, Refusal> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| Refusal::Internal(format!("the file was not reached: {error}")))?
}

/// `~` as a shell would read it.
pub fn expanded(path: &str) -> PathBuf {
    let path = path.trim();
    match (path.strip_prefix("~/"), std::env::var_os("HOME")) {
        (Some(rest), Some(home)) => PathBuf::from(home).join(rest),
        _ => PathBuf::from(path),
    }
}

fn failed(doing: &str, path: &Path, error: &io::Error) -> Refusal {
    invalid(Finding::new(
        "",
        format!("can't {doing} {}: {error}", path.display()),
    ))
}

fn read(path: &Path) -> Result<MappingFile, Refusal> {
    let mut text = String::new();
    // Not a pipe or a device: those may never end.
    let read = File::open(path).and_then(|file| {
        if !file.metadata()?.is_file() {
            return Err(io::Error::other("it is not a plain file"));
        }
        file.take(MOST + 1).read_to_string(&mut text)
    });
    read.map_err(|error| failed("read", path, &error))?;
    if text.len() as u64 > MOST {
        let message = format!("{} is larger than {} MiB", path.display(), MOST >> 20);
        return Err(invalid(Finding::new("", message)));
    }
    Ok(MappingFile {
        text,
        format: Format::of_path(path),
    })
}

/// Writes beside the file and renames, so that a full disk leaves what was there.
fn write(path: &Path, text: &str, overwrite: bool) -> Result<(), Refusal> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    let put = |path: &Path| {
        let mut file = options.open(path)?;
        let written = file
            .write_all(text.as_bytes())
            .and_then(|()| file.sync_all());
        written.inspect_err(|_| {
            // What is half written is of no use; that it stays when this fails too is told.
            let _gone = fs::remove_file(path);
        })
    };
    if !overwrite {
        return put(path).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => {
                conflict("file_exists", format!("{} exists already", path.display()))
            }
            _ => failed("write", path, &error),
        });
    }
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    let beside = path.with_file_name(name);
    put(&beside)
        .and_then(|()| fs::rename(&beside, path))
        .map_err(|error| failed("write", path, &error))
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn what_cannot_be_read_or_written_names_its_path() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("none").join("x.yaml");
        for refused in [
            read(&missing).unwrap_err(),
            read(folder.path()).unwrap_err(),
            write(&missing, "", false).unwrap_err(),
            write(&missing, "", true).unwrap_err(),
        ] {
            let told = refused.to_string();
            let named = folder.path().display().to_string();
            assert!(told.contains(&named), "{told}");
        }
    }
}
