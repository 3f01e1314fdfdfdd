//! The stored log of a job written into a file, page by page.

use super::Jobs;
use crate::model::command::Refusal;
use crate::model::ids::JobId;
use crate::model::log::{LogEntry, LogFilter};
use crate::services::files::{NewFile, TextFile, blocking, expanded};

/// Lines that are read and written at a time.
const PAGE: u32 = 5000;

impl Jobs {
    /// Writes the lines of a job's log that fit `filter` into a file, as `line` puts them; its
    /// `after`, `before` and `limit` don't count. Tells `progress` how many lines are there.
    /// Dropped meanwhile it leaves no file, and one that was there as it was.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` `file_exists` unless `overwrite`; `Invalid` when the file can't be
    /// written.
    pub async fn save_log(
        &self,
        id: JobId,
        filter: &LogFilter,
        path: &str,
        overwrite: bool,
        line: fn(&LogEntry) -> String,
        progress: impl Fn(u64),
    ) -> Result<TextFile, Refusal> {
        self.known(id).await?;
        let path = expanded(path);
        let to = path.clone();
        let mut file = blocking(move || NewFile::create(&to, overwrite)).await?;
        let (mut lines, mut last) = (0, 0);
        loop {
            let page = LogFilter {
                after: Some(last),
                before: None,
                limit: Some(PAGE),
                ..filter.clone()
            };
            let entries = self.logs(id, &page).await?;
            let (count, newest) = (entries.len(), entries.last().map(|entry| entry.id));
            file = blocking(move || {
                for entry in &entries {
                    file.write(&format!("{}\n", line(entry)))?;
                }
                Ok(file)
            })
            .await?;
            lines += count as u64;
            progress(lines);
            match newest {
                Some(newest) if count as u64 == u64::from(PAGE) => last = newest,
                _ => break,
            }
        }
        blocking(move || file.finish()).await?;
        Ok(TextFile { path, lines })
    }
}
