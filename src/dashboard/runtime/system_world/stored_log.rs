//! Stored logs of jobs, page by page: every answer is bounded, however long the log is.

use crate::dashboard::app::log_query::{LogPart, LogQuery, PAGE};
use crate::dashboard::app::log_save::{LogSave, SavedFile};
use crate::dashboard::app::log_view::{Taken, plain};
use crate::dashboard::runtime::backend::Progress;
use crate::model::command::Refusal;
use crate::model::log::{LogEntry, LogFilter};
use crate::services::{Jobs, TextFile, write_lines};

/// The lines that a query asks for, oldest first.
pub async fn read(jobs: &Jobs, query: &LogQuery) -> Result<Vec<LogEntry>, Refusal> {
    let page = |after, before, limit: usize| LogFilter {
        after,
        before,
        limit: u32::try_from(limit).ok(),
        ..filter(query)
    };
    let one = match query.part {
        LogPart::Newest => page(None, None, PAGE),
        LogPart::Oldest => page(Some(0), None, PAGE),
        LogPart::After(id) => page(Some(id), None, PAGE),
        LogPart::Before(id) => page(None, Some(id), PAGE),
        LogPart::Around(id) => {
            let before = page(None, Some(id.saturating_add(1)), PAGE / 2);
            let mut lines = jobs.logs(query.job, &before).await?;
            let after = page(Some(id), None, PAGE / 2);
            lines.extend(jobs.logs(query.job, &after).await?);
            return Ok(lines);
        }
    };
    jobs.logs(query.job, &one).await
}

/// Id of the first line in the direction of the query.
pub async fn find(jobs: &Jobs, query: &LogQuery) -> Result<Option<u64>, Refusal> {
    let (after, before) = match query.part {
        LogPart::After(id) => (Some(id), None),
        LogPart::Before(id) => (None, Some(id)),
        LogPart::Oldest => (Some(0), None),
        LogPart::Newest | LogPart::Around(_) => (None, None),
    };
    let one = LogFilter {
        after,
        before,
        limit: Some(1),
        ..filter(query)
    };
    let found = jobs.logs(query.job, &one).await?;
    Ok(found.first().map(|line| line.id))
}

/// Writes the lines that a query asks for, whichever part it names, into a file.
pub async fn save(
    jobs: &Jobs,
    query: &LogQuery,
    save: &LogSave,
    progress: Progress,
) -> Result<SavedFile, Refusal> {
    let (path, overwrite) = (&save.path, save.overwrite);
    let file = jobs
        .save_log(query.job, &filter(query), path, overwrite, plain, progress)
        .await?;
    Ok(saved(file))
}

/// Writes lines that are kept into a file.
pub async fn write(lines: Taken, save: &LogSave) -> Result<SavedFile, Refusal> {
    let each = move |put: &mut dyn FnMut(&str) -> Result<(), Refusal>| {
        lines.lines().try_for_each(|line| put(&plain(line)))
    };
    let file = write_lines(&save.path, save.overwrite, each).await?;
    Ok(saved(file))
}

fn saved(file: TextFile) -> SavedFile {
    // As it was typed, it says nothing about where that is.
    let path = std::fs::canonicalize(&file.path).unwrap_or(file.path);
    SavedFile {
        path: path.display().to_string(),
        lines: file.lines,
    }
}

fn filter(query: &LogQuery) -> LogFilter {
    LogFilter {
        level: Some(query.level),
        table: query.table.clone(),
        contains: query.texts.clone(),
        ..LogFilter::default()
    }
}
