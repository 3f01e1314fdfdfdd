//! Logs and differences of jobs.

use super::transaction::{at, json, marks, opt_id, parsed, values, word};
use super::{Store, StoreError};
use crate::model::ids::JobId;
use crate::model::log::{Difference, DifferencePage, Level, LogEntry, LogFilter};
use crate::mysql::{Row, Value};

/// Rows of one INSERT.
const BATCH: usize = 200;
/// Lines of one page where no limit is given.
const PAGE: u32 = 500;

impl Store {
    /// Stores lines in their order; their `id` is given here.
    ///
    /// # Errors
    /// When the control database does not answer.
    pub async fn append_logs(&self, lines: &[LogEntry]) -> Result<(), StoreError> {
        for batch in lines.chunks(BATCH) {
            let mut params = Vec::with_capacity(batch.len() * 7);
            for line in batch {
                params.extend(values![
                    line.job_id.map(|id| id.to_string()),
                    at(line.time),
                    line.level.as_str(),
                    line.table.as_deref(),
                    line.instance.as_str(),
                    line.message.as_str(),
                    json(&line.fields)?,
                ]);
            }
            let sql = format!(
                "INSERT INTO sync_logs \
                 (job_id, logged_at, level, target_table, instance, message, fields) VALUES {}",
                rows_of(batch.len(), 7)
            );
            self.exec(&sql, params).await?;
        }
        Ok(())
    }

    /// Lines of a job's log, oldest first; see [`LogFilter`].
    ///
    /// # Errors
    /// When the control database does not answer.
    pub async fn job_logs(
        &self,
        job: JobId,
        filter: &LogFilter,
    ) -> Result<Vec<LogEntry>, StoreError> {
        let mut sql = "SELECT id, job_id, logged_at, level, target_table, instance, message, \
                       fields FROM sync_logs WHERE job_id = ?"
            .to_owned();
        let mut params = values![job.to_string()];
        if let Some(threshold) = filter.level {
            let levels: Vec<&str> = Level::WORDS
                .iter()
                .copied()
                .filter(|word| Level::parse(word).is_some_and(|level| level.passes(threshold)))
                .collect();
            sql.push_str(&format!(" AND level IN ({})", marks(levels.len())));
            params.extend(levels.into_iter().map(Value::from));
        }
        if let Some(table) = &filter.table {
            sql.push_str(" AND target_table = ?");
            params.push(table.into());
        }
        if let Some(before) = filter.before {
            sql.push_str(" AND id < ?");
            params.push(before.into());
        }
        if let Some(after) = filter.after {
            sql.push_str(" AND id > ?");
            params.push(after.into());
        }
        for text in filter.contains.iter().filter(|text| !text.is_empty()) {
            // Both sides by the server's rules for case; INSTR knows no wildcards.
            let wanted = text.to_lowercase();
            sql.push_str(
                " AND (INSTR(LOWER(message), ?) > 0 OR INSTR(LOWER(fields), ?) > 0 \
                 OR INSTR(LOWER(target_table), ?) > 0)",
            );
            params.extend(values![wanted.as_str(), wanted.as_str(), wanted.as_str()]);
        }
        let forward = filter.after.is_some();
        sql.push_str(if forward {
            " ORDER BY id LIMIT ?"
        } else {
            " ORDER BY id DESC LIMIT ?"
        });
        params.push(filter.limit.unwrap_or(PAGE).into());
        let mut lines: Vec<LogEntry> = self
            .rows(&sql, params)
            .await?
            .iter()
            .map(read)
            .collect::<Result<_, _>>()?;
        if !forward {
            lines.reverse();
        }
        Ok(lines)
    }

    /// Stores differences that a job found.
    ///
    /// # Errors
    /// When the control database does not answer.
    pub async fn save_differences(
        &self,
        job: JobId,
        found: &[Difference],
    ) -> Result<(), StoreError> {
        for batch in found.chunks(BATCH) {
            let mut params = Vec::with_capacity(batch.len() * 4);
            for difference in batch {
                params.extend(values![
                    job.to_string(),
                    difference.table.as_str(),
                    difference.kind.as_str(),
                    json(difference)?
                ]);
            }
            let sql = format!(
                "INSERT INTO sync_differences (job_id, target_table, kind, found) VALUES {}",
                rows_of(batch.len(), 4)
            );
            self.exec(&sql, params).await?;
        }
        Ok(())
    }

    /// A page of the differences that a job found, each with its number, in the order they were
    /// stored.
    ///
    /// # Errors
    /// When the control database does not answer.
    pub async fn job_differences(
        &self,
        job: JobId,
        page: DifferencePage,
    ) -> Result<Vec<(u64, Difference)>, StoreError> {
        let mut sql = "SELECT id, found FROM sync_differences WHERE job_id = ?".to_owned();
        let mut params = values![job.to_string()];
        if let Some(table) = page.table {
            sql.push_str(" AND target_table = ?");
            params.push(table.into());
        }
        if let Some(after) = page.after {
            sql.push_str(" AND id > ?");
            params.push(after.into());
        }
        if let Some(before) = page.before {
            sql.push_str(" AND id < ?");
            params.push(before.into());
        }
        let backward = page.before.is_some() && page.after.is_none();
        sql.push_str(if backward {
            " ORDER BY id DESC LIMIT ?"
        } else {
            " ORDER BY id LIMIT ?"
        });
        params.push(page.limit.into());
        let mut found: Vec<(u64, Difference)> = self
            .rows(&sql, params)
            .await?
            .iter()
            .map(|row| {
                let difference = parsed(&row.text("found")?, "sync_differences.found")?;
                Ok((row.u64("id")?, difference))
            })
            .collect::<Result<_, StoreError>>()?;
        if backward {
            found.reverse();
        }
        Ok(found)
    }
}

/// `(?, ?), (?, ?)`.
fn rows_of(rows: usize, columns: usize) -> String {
    vec![format!("({})", marks(columns)); rows].join(", ")
}

fn read(row: &Row) -> Result<LogEntry, StoreError> {
    Ok(LogEntry {
        id: row.u64("id")?,
        time: row.time("logged_at")?,
        level: word(row, "level", Level::parse)?,
        job_id: opt_id(row, "job_id")?,
        table: row.opt_text("target_table")?,
        instance: row.text("instance")?,
        message: row.text("message")?,
        fields: parsed(&row.text("fields")?, "sync_logs.fields")?,
    })
}
