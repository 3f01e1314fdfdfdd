//! Daily files: `db-taxi.2026-01-02.log`, by UTC days, the newest kept.
//!
//! Nothing here prints: while the dashboard runs the terminal is its own. A line that can't be
//! written is counted. Several processes may write the same file, each line by one append.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use chrono::{NaiveDate, Utc};

const PREFIX: &str = "db-taxi.";
const SUFFIX: &str = ".log";
const DATE: &str = "%Y-%m-%d";

/// The file of the day.
pub(super) struct DailyFiles {
    directory: PathBuf,
    keep: usize,
    failed: Arc<AtomicU64>,
    today: fn() -> NaiveDate,
    day: NaiveDate,
    file: File,
}

impl DailyFiles {
    /// Creates the folder if it is missing, opens the file of the day and removes files that are too old.
    pub(super) fn open(directory: &Path, keep: usize, failed: Arc<AtomicU64>) -> io::Result<Self> {
        Self::with_clock(directory, keep, failed, || Utc::now().date_naive())
    }

    fn with_clock(
        directory: &Path,
        keep: usize,
        failed: Arc<AtomicU64>,
        today: fn() -> NaiveDate,
    ) -> io::Result<Self> {
        // Lines may hold keys and values of rows.
        DirBuilder::new()
            .recursive(true)
            .mode(0o750)
            .create(directory)?;
        let day = today();
        let file = open_day(directory, day)?;
        remove_old(directory, keep);
        Ok(Self {
            directory: directory.to_owned(),
            keep,
            failed,
            today,
            day,
            file,
        })
    }

    fn turn_the_page(&mut self) {
        let day = (self.today)();
        // Where the next file can't be opened the last one goes on, and the next line tries again.
        if day != self.day
            && let Ok(file) = open_day(&self.directory, day)
        {
            self.day = day;
            self.file = file;
            remove_old(&self.directory, self.keep);
        }
    }
}

impl Write for DailyFiles {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.turn_the_page();
        if self.file.write_all(line).is_err() {
            self.failed.fetch_add(1, Ordering::Relaxed);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn open_day(directory: &Path, day: NaiveDate) -> io::Result<File> {
    let name = format!("{PREFIX}{}{SUFFIX}", day.format(DATE));
    OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o640)
        .open(directory.join(name))
}

/// Removes all but the newest `keep` files of ours; others are left alone.
fn remove_old(directory: &Path, keep: usize) {
    let Ok(entries) = std::fs::read_dir(directory) else {
        return;
    };
    let mut ours: Vec<_> = entries
        .flatten()
        .filter_map(|entry| Some((day_of(entry.file_name().to_str()?)?, entry.path())))
        .collect();
    ours.sort();
    let surplus = ours.len().saturating_sub(keep.max(1));
    for (_, path) in &ours[..surplus] {
        // Another process may have been faster.
        let _ = std::fs::remove_file(path);
    }
}

fn day_of(name: &str) -> Option<NaiveDate> {
    let date = name.strip_prefix(PREFIX)?.strip_suffix(SUFFIX)?;
    NaiveDate::parse_from_str(date, DATE).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    thread_local! {
        static DAY: Cell<u32> = const { Cell::new(1) };
    }

    fn today() -> NaiveDate {
        NaiveDate::from_ymd_opt(2026, 1, DAY.get()).unwrap()
    }

    fn names(directory: &Path) -> Vec<String> {
        let mut names: Vec<_> = std::fs::read_dir(directory)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn each_day_has_its_file_and_only_our_oldest_are_removed() {
        let dir = tempfile::tempdir().unwrap();
        let logs = dir.path().join("a/b");
        let failed = Arc::new(AtomicU64::new(0));
        let mut files = DailyFiles::with_clock(&logs, 2, Arc::clone(&failed), today).unwrap();
        std::fs::write(logs.join("db-taxi.notes.log"), "").unwrap();
        std::fs::write(logs.join("other.2020-01-01.log"), "").unwrap();
        for day in 1..=4 {
            DAY.set(day);
            files.write_all(format!("day {day}\n").as_bytes()).unwrap();
        }
        assert_eq!(
            names(&logs),
            [
                "db-taxi.2026-01-03.log",
                "db-taxi.2026-01-04.log",
                "db-taxi.notes.log",
                "other.2020-01-01.log"
            ]
        );
        let last = std::fs::read_to_string(logs.join("db-taxi.2026-01-04.log")).unwrap();
        assert_eq!(last, "day 4\n");
        assert_eq!(failed.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn a_second_start_on_the_same_day_appends() {
        let dir = tempfile::tempdir().unwrap();
        for line in ["one\n", "two\n"] {
            let mut files = DailyFiles::open(dir.path(), 14, Arc::default()).unwrap();
            files.write_all(line.as_bytes()).unwrap();
        }
        let names = names(dir.path());
        assert_eq!(names.len(), 1, "{names:?}");
        let text = std::fs::read_to_string(dir.path().join(&names[0])).unwrap();
        assert_eq!(text, "one\ntwo\n");
    }

    #[test]
    fn a_line_that_can_not_be_written_is_counted() {
        let dir = tempfile::tempdir().unwrap();
        let failed = Arc::new(AtomicU64::new(0));
        let mut files = DailyFiles::open(dir.path(), 1, Arc::clone(&failed)).unwrap();
        files.file = OpenOptions::new().write(true).open("/dev/full").unwrap();
        files.write_all(b"line\n").unwrap();
        assert_eq!(failed.load(Ordering::Relaxed), 1);
    }
}
