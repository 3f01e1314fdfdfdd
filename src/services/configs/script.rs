//! Statements that repair, written into a file.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;

use super::Configs;
use crate::model::command::Refusal;
use crate::model::finding::Finding;
use crate::model::ids::ConfigId;
use crate::model::report::RepairScript;
use crate::services::files::expanded;
use crate::services::refusal::{conflict, invalid};

impl Configs {
    /// Compares tables of a config with their sources and writes the statements that repair them
    /// into a new file that only its owner can read; changes nothing else. Where it fails nothing is
    /// left of the file.
    ///
    /// # Errors
    /// `Conflict` `file_exists`; `Invalid` when the file can't be written; `NotFound`;
    /// `SourceUnavailable`.
    pub async fn repair_file(
        &self,
        id: ConfigId,
        tables: &[String],
        path: &str,
    ) -> Result<RepairScript, Refusal> {
        let path = expanded(path);
        let path = std::path::absolute(&path).unwrap_or(path);
        let failed = |error: io::Error| match error.kind() {
            io::ErrorKind::AlreadyExists => {
                conflict("file_exists", format!("{} exists already", path.display()))
            }
            _ => invalid(Finding::new(
                "path",
                format!("can't write {}: {error}", path.display()),
            )),
        };
        let made = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
            .map_err(failed)?;
        let mut out = BufWriter::new(Unfinished(Some((made, path.clone()))));
        let told = self.repair_sql(id, tables, &mut out).await?;
        out.flush().map_err(failed)?;
        let mut made = out
            .into_inner()
            .map_err(|error| failed(error.into_error()))?;
        made.finish().map_err(failed)?;
        Ok(RepairScript {
            file: path.display().to_string(),
            tables: told,
        })
    }
}

/// A file that goes away when it was not finished, however that came.
struct Unfinished(Option<(File, std::path::PathBuf)>);

impl Unfinished {
    fn finish(&mut self) -> io::Result<()> {
        if let Some((file, _)) = &self.0 {
            file.sync_all()?;
        }
        self.0 = None;
        Ok(())
    }
}

impl Write for Unfinished {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.0 {
            Some((file, _)) => file.write(bytes),
            None => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.0 {
            Some((file, _)) => file.flush(),
            None => Ok(()),
        }
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if let Some((_, path)) = &self.0 {
            // Why it was not finished is told already.
            let _gone = fs::remove_file(path);
        }
    }
}
