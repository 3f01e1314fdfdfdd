//! One write per frame: what the terminal library writes piece by piece is gathered, put between
//! the brackets of a synchronized update and sent at once.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Begin and end of a synchronized update (DEC 2026). Terminals that don't know it ignore it, so
/// nobody is asked.
const BEGIN: &[u8] = b"\x1b[?2026h";
const END: &[u8] = b"\x1b[?2026l";
/// Room for a full repaint of a large screen without growing.
const ROOM: usize = 64 * 1024;

/// The writer that ratatui's backend gets; clones share the frame.
pub struct Frames<W>(Arc<Mutex<Inner<W>>>);

struct Inner<W> {
    frame: Vec<u8>,
    out: W,
}

impl<W> Clone for Frames<W> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<W: Write> Frames<W> {
    /// Frames for `out`.
    pub fn new(out: W) -> Self {
        Self(Arc::new(Mutex::new(Inner {
            frame: Vec::with_capacity(ROOM),
            out,
        })))
    }

    /// Sends what was gathered since the last call; nothing for an empty frame.
    ///
    /// # Errors
    /// When the terminal can't be written to.
    pub fn send(&self) -> io::Result<()> {
        let inner = &mut *self.lock();
        if inner.frame.is_empty() {
            return Ok(());
        }
        inner.frame.splice(0..0, BEGIN.iter().copied());
        inner.frame.extend_from_slice(END);
        let sent = inner
            .out
            .write_all(&inner.frame)
            .and_then(|()| inner.out.flush());
        inner.frame.clear();
        sent
    }

    fn lock(&self) -> MutexGuard<'_, Inner<W>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<W: Write> Write for Frames<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.lock().frame.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    /// Does nothing: the backend flushes several times a frame.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default, Clone)]
    struct Writes(Arc<Mutex<Vec<Vec<u8>>>>);
    impl Write for Writes {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().push(bytes.to_vec());
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_frame_is_one_write_between_brackets_and_no_frame_is_none() {
        let writes = Writes::default();
        let mut frames = Frames::new(writes.clone());
        frames.send().unwrap();
        frames.write_all(b"ab").unwrap();
        frames.flush().unwrap();
        frames.write_all(b"c").unwrap();
        frames.send().unwrap();
        frames.send().unwrap();
        let seen = writes.0.lock().unwrap();
        assert_eq!(*seen, [b"\x1b[?2026habc\x1b[?2026l".to_vec()]);
    }
}
