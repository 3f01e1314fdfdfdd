//! Whether stderr is the journal of systemd.

use std::ffi::OsStr;
use std::io;

/// Whether the journal reads what goes to stderr: systemd names its device and inode.
pub(super) fn is_stderr() -> bool {
    std::env::var_os("JOURNAL_STREAM").is_some_and(|stream| {
        rustix::fs::fstat(io::stderr()).is_ok_and(|stat| names(&stream, stat.st_dev, stat.st_ino))
    })
}

/// Whether `device:inode` is this file.
fn names(stream: &OsStr, device: u64, inode: u64) -> bool {
    stream
        .to_str()
        .and_then(|text| text.split_once(':'))
        .is_some_and(|(dev, ino)| dev.parse() == Ok(device) && ino.parse() == Ok(inode))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_stream_that_systemd_names_is_the_journal() {
        assert!(names(OsStr::new("9:12345"), 9, 12345));
        for other in ["9:12346", "8:12345", "9", "", "x:y", "9:12345:1"] {
            assert!(!names(OsStr::new(other), 9, 12345), "{other}");
        }
    }
}
