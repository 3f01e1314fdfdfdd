//! Looks whether a file changed, and has it read again. By its time, length and number, once a
//! second: that works on every file system, also where an editor puts another file in its place or
//! a link in the path is turned to another folder, and costs nothing that could be measured.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::sync::Notify;
use tokio::task::JoinHandle;

/// Between two looks at the file.
const LOOK: Duration = Duration::from_secs(1);
/// A file is read when it has been left alone for as long: whoever writes it may not be done.
const SETTLED: Duration = Duration::from_millis(250);

/// What tells one state of a file from another.
type Stamp = Option<(SystemTime, u64, (u64, u64))>;

/// Watches until it is dropped.
pub struct FileWatch<T> {
    read: Arc<Slot<T>>,
    task: JoinHandle<()>,
}

struct Slot<T> {
    value: Mutex<Option<T>>,
    filled: Notify,
}

impl<T: Send + 'static> FileWatch<T> {
    /// Watches `file`, which need not be there yet; `again` reads it. Must be called within a
    /// runtime.
    #[must_use]
    pub fn start(file: PathBuf, again: impl Fn() -> T + Send + Sync + 'static) -> Self {
        let read = Arc::new(Slot {
            value: Mutex::new(None),
            filled: Notify::new(),
        });
        let known = stamp(std::fs::metadata(&file));
        let task = tokio::spawn(watch(file, known, Arc::new(again), Arc::clone(&read)));
        Self { read, task }
    }

    /// What was read since the last call.
    #[must_use]
    pub fn take(&self) -> Option<T> {
        let mut value = self
            .read
            .value
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        value.take()
    }

    /// What is read next; of several readings since the last call, the last.
    pub async fn next(&self) -> T {
        loop {
            if let Some(value) = self.take() {
                return value;
            }
            self.read.filled.notified().await;
        }
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
    read: Arc<Slot<T>>,
) {
    loop {
        tokio::time::sleep(LOOK).await;
        let mut now = stamp(tokio::fs::metadata(&file).await);
        if now == known {
            continue;
        }
        loop {
            tokio::time::sleep(SETTLED).await;
            let later = stamp(tokio::fs::metadata(&file).await);
            if later == now {
                break;
            }
            now = later;
        }
        known = now;
        // An editor may be between emptying the file and filling it.
        if known.is_some_and(|(_, length, _)| length == 0) {
            continue;
        }
        let again = Arc::clone(&again);
        if let Ok(again) = tokio::task::spawn_blocking(move || again()).await {
            *read.value.lock().unwrap_or_else(PoisonError::into_inner) = Some(again);
            read.filled.notify_one();
        }
    }
}

fn stamp(found: std::io::Result<Metadata>) -> Stamp {
    let found = found.ok()?;
    let number = (found.dev(), found.ino());
    Some((found.modified().ok()?, found.len(), number))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    const PATIENCE: Duration = Duration::from_secs(30);

    fn read(file: &Path) -> FileWatch<String> {
        let path = file.to_owned();
        FileWatch::start(file.to_owned(), move || {
            std::fs::read_to_string(&path).unwrap_or_else(|error| error.kind().to_string())
        })
    }

    async fn next(watch: &FileWatch<String>) -> String {
        tokio::time::timeout(PATIENCE, watch.next()).await.unwrap()
    }

    #[tokio::test]
    async fn another_file_in_its_place_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config.yaml");
        std::fs::write(&file, "one").unwrap();
        let written = std::fs::metadata(&file).unwrap().modified().unwrap();
        let watch = read(&file);
        // The same time and length: only the number tells them apart.
        let other = folder.path().join("config.yaml~");
        std::fs::write(&other, "two").unwrap();
        let handle = std::fs::File::open(&other).unwrap();
        handle.set_modified(written).unwrap();
        std::fs::rename(&other, &file).unwrap();
        assert_eq!(next(&watch).await, "two");
    }

    #[tokio::test]
    async fn a_link_that_is_turned_to_another_folder_is_followed() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        for name in ["a", "b"] {
            std::fs::create_dir(path(name)).unwrap();
            std::fs::write(path(name).join("config.yaml"), name).unwrap();
        }
        // As a mounted ConfigMap is laid out, and replaced.
        std::os::unix::fs::symlink("a", path("..data")).unwrap();
        std::os::unix::fs::symlink("..data/config.yaml", path("config.yaml")).unwrap();
        let watch = read(&path("config.yaml"));
        std::os::unix::fs::symlink("b", path("..data_tmp")).unwrap();
        std::fs::rename(path("..data_tmp"), path("..data")).unwrap();
        assert_eq!(next(&watch).await, "b");
    }

    #[tokio::test]
    async fn a_file_that_is_gone_is_told_and_one_that_comes_back_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config.yaml");
        std::fs::write(&file, "one").unwrap();
        let watch = read(&file);
        std::fs::remove_file(&file).unwrap();
        assert_eq!(next(&watch).await, "entity not found");
        std::fs::write(&file, "again").unwrap();
        assert_eq!(next(&watch).await, "again");
    }
}
