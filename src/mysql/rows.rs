//! The row path: what reads rows and what writes them, each behind one small trait.
//!
//! Whoever decides about rows (chunks, transactions, checkpoints) knows only these traits; how
//! rows are carried can change without them.

use bytes::Bytes;

use super::error::{ErrorClass, MysqlError};
use super::ident::{Ident, TableRef};
use super::load;
use super::session::{Done, Session, Warning};
use super::stream::RawRow;
use super::value::{ColumnPair, ENUM_ZERO};
use crate::model::error::ErrorCode;

/// Encoded rows travel in pieces of about this many bytes.
pub const PIECE: usize = 1 << 20;

/// Turns rows into the bytes that a writer sends.
pub trait RowEncoder: Send {
    /// Adds a row; returns its size in bytes, as rendered.
    fn push(&mut self, row: &RawRow) -> usize;
    /// A piece that is ready to be sent; with `all`, whatever there is.
    fn take(&mut self, all: bool) -> Option<Bytes>;
}

/// Puts encoded rows into one table, inside the caller's transaction.
pub trait RowWriter: Send + Sync + Clone + 'static {
    /// An encoder for this writer.
    fn encoder(&self) -> Box<dyn RowEncoder>;
    /// Writes the pieces, in order. They are all there before it begins, so a slow source never
    /// keeps a transaction of the target waiting.
    fn write(
        &self,
        session: &mut Session,
        pieces: Vec<Bytes>,
    ) -> impl Future<Output = Result<Written, MysqlError>> + Send;
}

/// What a writer did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Written {
    /// Rows inserted.
    pub rows: u64,
    /// Rows that were in the way, or not taken: must be 0.
    pub displaced: u64,
    /// Warnings, notes included: must be none.
    pub warnings: Vec<Warning>,
}

/// One of the writers, chosen when a job begins.
#[derive(Debug, Clone)]
pub enum AnyWriter {
    /// `LOAD DATA LOCAL`.
    Load(LoadWriter),
    /// Multi-row `INSERT`.
    Insert(InsertWriter),
}

impl RowWriter for AnyWriter {
    fn encoder(&self) -> Box<dyn RowEncoder> {
        match self {
            Self::Load(writer) => writer.encoder(),
            Self::Insert(writer) => writer.encoder(),
        }
    }

    async fn write(
        &self,
        session: &mut Session,
        pieces: Vec<Bytes>,
    ) -> Result<Written, MysqlError> {
        match self {
            Self::Load(writer) => writer.write(session, pieces).await,
            Self::Insert(writer) => writer.write(session, pieces).await,
        }
    }
}

impl AnyWriter {
    /// The same with its batches halved so many times; `None` where they are at their smallest.
    #[must_use]
    pub fn halved(&self, times: u32) -> Option<Self> {
        match self {
            _ if times == 0 => Some(self.clone()),
            Self::Load(writer) => Some(Self::Load(LoadWriter {
                piece: halved(writer.piece, times).filter(|piece| *piece >= LEAST_PIECE)?,
                ..writer.clone()
            })),
            // Once more than it takes to come to one row.
            Self::Insert(writer) => Some(Self::Insert(InsertWriter {
                batch_rows: match halved(writer.batch_rows, times) {
                    Some(rows) if rows > 0 => rows,
                    _ if halved(writer.batch_rows, times - 1)? > 1 => 1,
                    _ => return None,
                },
                aim: (writer.aim >> times.min(20)).max(LEAST_PIECE),
                ..writer.clone()
            })),
        }
    }
}

fn halved(size: usize, times: u32) -> Option<usize> {
    size.checked_shr(times)
}

/// The smallest piece worth sending.
const LEAST_PIECE: usize = 1 << 10;

/// Refuses what the server would not take: it may answer by closing the connection instead of an
/// error. `aim` is the size that batches were cut to: one row makes it larger.
fn check_packet(
    session: &Session,
    bytes: usize,
    most: usize,
    aim: usize,
) -> Result<(), MysqlError> {
    let of_session = usize::try_from(session.server().max_allowed_packet).unwrap_or(usize::MAX);
    let packet = most.min(of_session);
    if bytes < packet {
        return Ok(());
    }
    Err(MysqlError {
        hint: Some("raise max_allowed_packet on the local server".to_owned()),
        ..MysqlError::own(
            ErrorCode::PacketTooLarge,
            // Where even two batches would fit, it is one row that does not.
            if aim.saturating_mul(2) <= packet {
                ErrorClass::Stop
            } else {
                ErrorClass::Shrink
            },
            format!(
                "{bytes} bytes had to be sent at once; the local server's max_allowed_packet is {packet}"
            ),
        )
    })
}

/// `LOAD DATA LOCAL … REPLACE`, into shadows only.
#[derive(Debug, Clone)]
pub struct LoadWriter {
    sql: String,
    columns: usize,
    piece: usize,
}

impl LoadWriter {
    /// A writer of `pairs` into `table`.
    #[must_use]
    pub fn new(table: &TableRef, pairs: &[ColumnPair]) -> Self {
        Self {
            sql: load::load_sql(table, pairs),
            columns: pairs.len(),
            piece: PIECE,
        }
    }
}

struct LoadEncoder {
    buffer: Vec<u8>,
    piece: usize,
    columns: usize,
}

impl RowEncoder for LoadEncoder {
    fn push(&mut self, row: &RawRow) -> usize {
        load::push_row(&mut self.buffer, (0..self.columns).map(|at| row.get(at)))
    }

    fn take(&mut self, all: bool) -> Option<Bytes> {
        if self.buffer.len() >= self.piece || (all && !self.buffer.is_empty()) {
            let room = self.piece + self.piece / 8;
            let next = Vec::with_capacity(if all { 0 } else { room });
            return Some(Bytes::from(std::mem::replace(&mut self.buffer, next)));
        }
        None
    }
}

impl RowWriter for LoadWriter {
    fn encoder(&self) -> Box<dyn RowEncoder> {
        Box::new(LoadEncoder {
            buffer: Vec::new(),
            piece: self.piece,
            columns: self.columns,
        })
    }

    async fn write(
        &self,
        session: &mut Session,
        pieces: Vec<Bytes>,
    ) -> Result<Written, MysqlError> {
        for piece in &pieces {
            check_packet(session, piece.len(), usize::MAX, self.piece)?;
        }
        let done = session.load(&self.sql, pieces).await?;
        let (records, deleted, skipped) = load::parse_info(&done.info).ok_or_else(|| {
            MysqlError::own(
                ErrorCode::Internal,
                ErrorClass::Stop,
                format!("the load's summary can't be read: {:?}", done.info),
            )
        })?;
        Ok(Written {
            rows: records,
            displaced: deleted + skipped + done.affected.abs_diff(records),
            warnings: if done.warnings == 0 {
                Vec::new()
            } else {
                session.warnings().await?
            },
        })
    }
}

/// Multi-row `INSERT`, every value a literal that names its charset.
#[derive(Debug, Clone)]
pub struct InsertWriter {
    head: String,
    pairs: Vec<ColumnPair>,
    batch_rows: usize,
    packet: usize,
    /// Bytes that a statement aims at.
    aim: usize,
}

impl InsertWriter {
    /// A writer of `pairs` into `table`, at most `batch_rows` rows and well below `packet` bytes
    /// a statement.
    #[must_use]
    pub fn new(table: &TableRef, pairs: &[ColumnPair], batch_rows: u32, packet: u64) -> Self {
        Self {
            head: insert_head_sql(table, pairs),
            pairs: pairs.to_vec(),
            batch_rows: batch_rows.max(1) as usize,
            packet: usize::try_from(packet).unwrap_or(usize::MAX),
            aim: PIECE.min(usize::try_from(packet / 2).unwrap_or(usize::MAX)),
        }
    }
}

/// `INSERT INTO t (a, b) VALUES `.
#[must_use]
pub fn insert_head_sql(table: &TableRef, pairs: &[ColumnPair]) -> String {
    let names: Vec<&Ident> = pairs.iter().map(|p| &p.target.name).collect();
    format!(
        "INSERT INTO {table} ({}) VALUES ",
        super::ident::list(names)
    )
}

/// `(1, _utf8mb4 X'61')`.
#[must_use]
pub fn tuple_sql<'a>(
    pairs: &[ColumnPair],
    values: impl Iterator<Item = Option<&'a [u8]>>,
) -> String {
    let literals: Vec<String> = pairs
        .iter()
        .zip(values)
        .map(|(pair, value)| pair.literal_sql(value))
        .collect();
    format!("({})", literals.join(", "))
}

struct InsertEncoder {
    writer: InsertWriter,
    buffer: String,
    rows: usize,
    ready: std::collections::VecDeque<String>,
}

impl RowEncoder for InsertEncoder {
    fn push(&mut self, row: &RawRow) -> usize {
        let pairs = &self.writer.pairs;
        let tuple = tuple_sql(pairs, (0..pairs.len()).map(|at| row.get(at)));
        let limit = self.writer.aim;
        if self.rows > 0
            && (self.rows >= self.writer.batch_rows || self.buffer.len() + tuple.len() > limit)
        {
            self.ready.push_back(std::mem::take(&mut self.buffer));
            self.rows = 0;
        }
        self.buffer.push_str(if self.rows == 0 {
            &self.writer.head
        } else {
            ", "
        });
        self.buffer.push_str(&tuple);
        self.rows += 1;
        tuple.len()
    }

    fn take(&mut self, all: bool) -> Option<Bytes> {
        if let Some(statement) = self.ready.pop_front() {
            return Some(Bytes::from(statement));
        }
        if all && self.rows > 0 {
            self.rows = 0;
            return Some(Bytes::from(std::mem::take(&mut self.buffer)));
        }
        None
    }
}

impl RowWriter for InsertWriter {
    fn encoder(&self) -> Box<dyn RowEncoder> {
        Box::new(InsertEncoder {
            writer: self.clone(),
            buffer: String::new(),
            rows: 0,
            ready: std::collections::VecDeque::new(),
        })
    }

    async fn write(
        &self,
        session: &mut Session,
        pieces: Vec<Bytes>,
    ) -> Result<Written, MysqlError> {
        let mut written = Written::default();
        for piece in pieces {
            check_packet(session, piece.len(), self.packet, self.aim)?;
            let sql = String::from_utf8_lossy(&piece);
            let done: Done = session.run(&sql).await?;
            written.rows += done.affected;
            if done.warnings > 0 {
                written.warnings.extend(session.warnings().await?);
            }
        }
        Ok(written)
    }
}

/// Whether a row holds an ENUM value that no text names: it needs its own way in.
#[must_use]
pub fn has_enum_zero(row: &RawRow, enums: &[usize]) -> bool {
    enums.iter().any(|at| row.get(*at) == Some(ENUM_ZERO))
}
