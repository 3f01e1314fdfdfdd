//! A terminal to paint on, whatever is behind it: the real one, or a buffer of a test.

use std::io::{self, Write};

use crossterm::clipboard::CopyToClipboard;
use ratatui::backend::Backend as TerminalBackend;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::{Frame, Terminal};

use super::frames::Frames;

/// A terminal and the way its frames leave.
pub struct Screen<T: TerminalBackend> {
    terminal: Terminal<T>,
    send: Box<dyn FnMut() -> io::Result<()>>,
    tell: Tell,
    /// What is on the terminal; `None` when that is not known.
    painted: Option<Buffer>,
}

/// Sends bytes that are no picture, between two frames.
type Tell = Box<dyn FnMut(&[u8]) -> io::Result<()>>;

impl<T> Screen<T>
where
    T: TerminalBackend,
    T::Error: std::error::Error + Send + Sync + 'static,
{
    /// A screen whose frames need no sending.
    ///
    /// # Errors
    /// When the backend can't tell its size.
    pub fn new(backend: T) -> io::Result<Self> {
        Self::with_sender(backend, Box::new(|| Ok(())), Box::new(|_| Ok(())))
    }

    /// A screen whose backend writes into `frames`.
    ///
    /// # Errors
    /// When the backend can't tell its size.
    pub fn framed<W: io::Write + 'static>(backend: T, frames: Frames<W>) -> io::Result<Self> {
        let mut words = frames.clone();
        Self::with_sender(
            backend,
            Box::new(move || frames.send()),
            Box::new(move |bytes| {
                words.write_all(bytes)?;
                words.send()
            }),
        )
    }

    fn with_sender(
        backend: T,
        send: Box<dyn FnMut() -> io::Result<()>>,
        tell: Tell,
    ) -> io::Result<Self> {
        Ok(Self {
            terminal: Terminal::new(backend).map_err(io::Error::other)?,
            send,
            tell,
            painted: None,
        })
    }

    /// Columns and rows.
    #[must_use]
    pub fn size(&self) -> (u16, u16) {
        let size = self.terminal.size().unwrap_or_default();
        (size.width, size.height)
    }

    /// The terminal behind it.
    #[must_use]
    pub fn terminal(&self) -> &Terminal<T> {
        &self.terminal
    }

    /// Paints one frame and sends what differs from the last one; nothing when nothing does. Not
    /// `Terminal::draw`: that one writes to the terminal even then.
    ///
    /// # Errors
    /// When the terminal can't be written to.
    pub fn paint(&mut self, render: impl FnOnce(&mut Frame<'_>)) -> io::Result<()> {
        let terminal = &mut self.terminal;
        terminal.autoresize().map_err(io::Error::other)?;
        render(&mut terminal.get_frame());
        let picture = terminal.current_buffer_mut();
        if self.painted.as_ref() == Some(picture) {
            picture.reset();
            return Ok(());
        }
        self.painted = Some(picture.clone());
        terminal.flush().map_err(io::Error::other)?;
        terminal.swap_buffers();
        terminal.backend_mut().flush().map_err(io::Error::other)?;
        (self.send)()
    }

    /// Puts a text on the clipboard of the terminal, by the same writer as the frames: between two
    /// of them, never inside one.
    ///
    /// # Errors
    /// When the terminal can't be written to.
    pub fn copy(&mut self, text: &str) -> io::Result<()> {
        let mut bytes = Vec::new();
        crossterm::queue!(bytes, CopyToClipboard::to_clipboard_from(text))?;
        (self.tell)(&bytes)
    }

    /// Makes the next frame paint every cell. Not `Terminal::clear`: that one asks the terminal
    /// for its cursor, and the answer can be late or missing.
    ///
    /// # Errors
    /// When the terminal can't be written to.
    pub fn forget(&mut self) -> io::Result<()> {
        self.painted = None;
        let (width, height) = self.size();
        self.terminal
            .resize(Rect::new(0, 0, width, height))
            .map_err(io::Error::other)
    }
}
