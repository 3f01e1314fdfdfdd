//! Rows of a range between their reader and their writer.

use bytes::Bytes;

use crate::mysql::rows::{RowEncoder, has_enum_zero};
use crate::mysql::stream::RawRow;
use crate::sync::ahead::Room;
use crate::sync::key::KeyTuple;

/// Rows that are read and not written yet.
pub(super) struct Segment {
    pub(super) encoder: Box<dyn RowEncoder>,
    pub(super) pieces: Vec<Bytes>,
    /// Rows that the writer can't carry: an ENUM's index 0.
    pub(super) odd: Vec<Vec<Option<Vec<u8>>>>,
    pub(super) rows: u64,
    pub(super) bytes: u64,
    pub(super) last: Option<KeyTuple>,
    /// Whether the range ends with it.
    pub(super) ends: bool,
    pub(super) room: Room,
}

impl Segment {
    pub(super) fn new(encoder: Box<dyn RowEncoder>, room: Room) -> Self {
        Self {
            encoder,
            ends: false,
            room,
            pieces: Vec::new(),
            odd: Vec::new(),
            rows: 0,
            bytes: 0,
            last: None,
        }
    }

    pub(super) fn push(&mut self, row: &RawRow, width: usize, enums: &[usize]) {
        self.rows += 1;
        if has_enum_zero(row, enums) {
            self.odd.push(
                (0..width)
                    .map(|at| row.get(at).map(<[u8]>::to_vec))
                    .collect(),
            );
            self.bytes += 64;
            return;
        }
        self.bytes += self.encoder.push(row) as u64;
        self.room.grow(self.bytes);
        while let Some(piece) = self.encoder.take(false) {
            self.pieces.push(piece);
        }
    }
}
