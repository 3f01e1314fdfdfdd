//! Rows of user tables, streamed by the text protocol as bytes.

use std::time::Duration;

use mysql_async::prelude::Queryable;
use mysql_async::{QueryResult, TextProtocol, Value};
use tokio_util::sync::CancellationToken;

use super::error::MysqlError;
use super::session::Session;

/// The longest a server may go without sending the next row.
const SILENCE: Duration = Duration::from_secs(600);

/// One row of a user table; columns by position.
pub struct RawRow(mysql_async::Row);

impl RawRow {
    /// The bytes of a column; `None` is NULL.
    #[must_use]
    pub fn get(&self, index: usize) -> Option<&[u8]> {
        match self.0.as_ref(index) {
            Some(Value::Bytes(bytes)) => Some(bytes),
            _ => None,
        }
    }

    /// How many columns there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.len() == 0
    }
}

/// Rows under way. Dropped before its end, it leaves the session spent: a result is never left
/// half read on a connection that is used again.
pub struct RowStream<'a> {
    result: QueryResult<'a, 'static, TextProtocol>,
    in_statement: &'a mut bool,
    cancel: CancellationToken,
    label: String,
    hides_values: bool,
}

impl RowStream<'_> {
    /// The next row; `None` at the end.
    ///
    /// # Errors
    /// The server's refusal, or the loss of the connection.
    pub async fn next(&mut self) -> Result<Option<RawRow>, MysqlError> {
        let row = tokio::select! {
            biased;
            () = self.cancel.cancelled() => return Err(self.lost("the statement was cancelled")),
            row = tokio::time::timeout(SILENCE, self.result.next()) => row,
        };
        match row {
            Ok(Ok(Some(row))) => Ok(Some(RawRow(row))),
            Ok(Ok(None)) => {
                *self.in_statement = false;
                Ok(None)
            }
            Ok(Err(error)) => {
                let mut error = MysqlError::of_statement(error, &self.label);
                if self.hides_values {
                    error.hide_values();
                }
                // An error that the server sent is the end of the result.
                *self.in_statement = error.number.is_none();
                Err(error)
            }
            Err(_) => Err(self.lost("no row within 600 s")),
        }
    }

    fn lost(&self, why: &str) -> MysqlError {
        MysqlError::lost(why).at(&self.label)
    }
}

impl Session {
    /// Begins to stream the rows of `sql`; memory holds one row.
    ///
    /// # Errors
    /// The server's refusal, or the loss of the connection.
    pub async fn stream(&mut self, sql: &str) -> Result<RowStream<'_>, MysqlError> {
        let (label, cancel) = (self.endpoint().label.clone(), self.cancel_token());
        let hides_values = self.endpoint().hides_values;
        let (conn, in_statement) = self.begin_statement()?;
        let begun = tokio::select! {
            biased;
            () = cancel.cancelled() => {
                return Err(MysqlError::lost("the statement was cancelled").at(&label));
            }
            begun = tokio::time::timeout(SILENCE, conn.query_iter(sql.to_owned())) => begun,
        };
        match begun {
            Ok(Ok(result)) => Ok(RowStream {
                result,
                in_statement,
                cancel,
                label,
                hides_values,
            }),
            Ok(Err(error)) => {
                let mut error = MysqlError::of_statement(error, &label);
                if hides_values {
                    error.hide_values();
                }
                *in_statement = error.number.is_none();
                Err(error)
            }
            Err(_) => Err(MysqlError::lost("no rows within 600 s").at(&label)),
        }
    }
}
