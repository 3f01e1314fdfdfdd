//! Looks whether a file changed, and has it read again. By its time and length once a second: that
//! works on every file system, and costs nothing that could be measured.

use std::fs::Metadata;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::task::JoinHandle;

/// Between two looks at the file.
const LOOK: Duration = Duration::from_secs(1);

/// What tells one state of a file from another.
type Stamp = Option<(SystemTime, u64)>;

/// Watches until it is dropped.
pub struct FileWatch<T> {
    read: Arc<Mutex<Option<T>>>,
    task: JoinHandle<()>,
}

impl<T: Send + 'static> FileWatch<T> {
    /// Watches `file`, which need not be there yet; `again` reads it. Must be called within a
    /// runtime.
    #[must_use]
    pub fn start(file: PathBuf, again: impl Fn() -> T + Send + Sync + 'static) -> Self {
        let read = Arc::new(Mutex::new(None));
        let known = stamp(std::fs::metadata(&file));
        let task = tokio::spawn(watch(file, known, Arc::new(again), Arc::clone(&read)));
        Self { read, task }
    }

    /// What was read since the last call.
    #[must_use]
    pub fn take(&self) -> Option<T> {
        self.read
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }
}

impl<T> Drop for FileWatch<T> {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn watch<T: Send + 'static>(
    file: PathBuf,
    mut known: Stamp,
    again: Arc<dyn Fn() -> T + Send + Sync>,
    read: Arc<Mutex<Option<T>>>,
) {
    loop {
        tokio::time::sleep(LOOK).await;
        let now = stamp(tokio::fs::metadata(&file).await);
        if now == known {
            continue;
        }
        known = now;
        // An editor may be between emptying the file and filling it.
        if known.is_some_and(|(_, length)| length == 0) {
            continue;
        }
        let again = Arc::clone(&again);
        if let Ok(again) = tokio::task::spawn_blocking(move || again()).await {
            *read.lock().unwrap_or_else(PoisonError::into_inner) = Some(again);
        }
    }
}

fn stamp(found: std::io::Result<Metadata>) -> Stamp {
    let found = found.ok()?;
    Some((found.modified().ok()?, found.len()))
}
