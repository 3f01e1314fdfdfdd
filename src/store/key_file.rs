//! The key file: read only while nobody else can, made only where none is.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use secrecy::zeroize::Zeroizing;

use super::StoreError;

/// The environment variable that holds the key where there is no key file.
pub const KEY_VARIABLE: &str = "DBT_SECRET_KEY";

/// The file's text; `None` when there is no such file.
pub(super) fn read(path: &Path) -> Result<Option<Zeroizing<String>>, StoreError> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed("read", path, &error)),
    };
    let mode = file
        .metadata()
        .map_err(|e| failed("read", path, &e))?
        .permissions()
        .mode();
    if mode & 0o077 != 0 {
        return Err(StoreError::WrongKey(format!(
            "the key file {path} can be used by others (mode {mode:04o}): chmod 600 {path}, and \
             change the passwords it seals if somebody may have read it",
            path = path.display(),
            mode = mode & 0o7777
        )));
    }
    let mut text = Zeroizing::new(String::new());
    file.read_to_string(&mut text)
        .map_err(|e| failed("read", path, &e))?;
    if text.trim().is_empty() {
        return Err(StoreError::WrongKey(format!(
            "the key file {} is empty: put the key back, or remove the file if nothing is sealed yet",
            path.display()
        )));
    }
    Ok(Some(text))
}

/// Makes the file with mode 0600, whole or not at all. `false`: there is one already.
pub(super) fn create(path: &Path, text: &str) -> Result<bool, StoreError> {
    if let Some(folder) = path.parent() {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .map_err(|e| failed("make", folder, &e))?;
    }
    let draft = path.with_extension(format!("{}.tmp", std::process::id()));
    write(&draft, text).map_err(|e| failed("write", &draft, &e))?;
    // A link appears with the whole content and never over another file.
    let made = match fs::hard_link(&draft, path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
        // Some file systems have no hard links.
        Err(_) => match write(path, text) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
            Err(error) => Err(failed("write", path, &error)),
        },
    };
    fs::remove_file(&draft).map_err(|e| failed("remove", &draft, &e))?;
    made
}

/// Puts another text in the place of the file's, whole or not at all; its owner stays. Through a
/// link the file itself is replaced.
pub(super) fn replace(path: &Path, text: &str) -> Result<(), StoreError> {
    let place = fs::canonicalize(path).map_err(|e| failed("find", path, &e))?;
    let found = fs::metadata(&place).map_err(|e| failed("read", &place, &e))?;
    let draft = place.with_extension(format!("{}.tmp", std::process::id()));
    let put = || {
        // One that a killed process of the same number left.
        match fs::remove_file(&draft) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        write(&draft, text)?;
        let now = fs::metadata(&draft)?;
        if (now.uid(), now.gid()) != (found.uid(), found.gid()) {
            std::os::unix::fs::chown(&draft, Some(found.uid()), Some(found.gid()))?;
        }
        fs::rename(&draft, &place)?;
        let folder = place.parent().unwrap_or(Path::new("/"));
        File::open(folder)?.sync_all()
    };
    put().map_err(|error| {
        // What the error was about is told; the draft holds keys and must not stay.
        let _gone = fs::remove_file(&draft);
        StoreError::WrongKey(format!(
            "can't replace {}: {error}; nothing was changed. Where it is on a read-only mount, change the \
             key of a copy (--set security.key_file=COPY) and put the copy in its place",
            place.display()
        ))
    })
}

fn write(path: &Path, text: &str) -> std::io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

fn failed(verb: &str, path: &Path, error: &std::io::Error) -> StoreError {
    StoreError::WrongKey(format!(
        "can't {verb} {}: {error}; name another place with security.key_file, or give the key in {}",
        path.display(),
        KEY_VARIABLE
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_others_can_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret.key");
        assert!(read(&path).unwrap().is_none());
        assert!(create(&path, "text").unwrap());
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
        assert_eq!(read(&path).unwrap().unwrap().as_str(), "text");
        for mode in [0o644, 0o640, 0o604, 0o620] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let error = read(&path).unwrap_err().to_string();
            assert!(error.contains("chmod 600"), "{mode:o}: {error}");
        }
    }

    #[test]
    fn another_text_takes_the_place_of_the_first_and_nothing_else_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret.key");
        let link = folder.path().join("link.key");
        assert!(create(&path, "first").unwrap());
        std::os::unix::fs::symlink("secret.key", &link).unwrap();
        replace(&link, "second").unwrap();
        assert_eq!(read(&path).unwrap().unwrap().as_str(), "second");
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
        let error = replace(&folder.path().join("none"), "x").unwrap_err();
        assert!(error.to_string().contains("none"), "{error}");
    }

    #[test]
    fn an_existing_file_is_left_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret.key");
        assert!(create(&path, "first").unwrap());
        assert!(!create(&path, "second").unwrap());
        assert_eq!(read(&path).unwrap().unwrap().as_str(), "first");
        assert_eq!(
            fs::read_dir(folder.path()).unwrap().count(),
            1,
            "no draft is left"
        );
    }
}
