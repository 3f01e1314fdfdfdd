//! Mapping documents in files, for fronts that have no shell around them.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::Mappings;
use crate::model::command::Refusal;
use crate::model::finding::Finding;
use crate::model::mapping::{Format, ImportOutcome, MappingFile};
use crate::services::files::{NewFile, blocking, expanded, failed};
use crate::services::refusal::invalid;

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
        blocking(move || {
            let mut file = NewFile::create(&path, overwrite)?;
            file.write(&text)?;
            file.finish().map(|()| path)
        })
        .await
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_read_names_its_path() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("none").join("x.yaml");
        for refused in [
            read(&missing).unwrap_err(),
            read(folder.path()).unwrap_err(),
        ] {
            let told = refused.to_string();
            let named = folder.path().display().to_string();
            assert!(told.contains(&named), "{told}");
        }
    }
}
