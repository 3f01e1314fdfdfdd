//! Rows of user tables, streamed by the text protocol as bytes.

use std::time::Duration;

use mysql_async::Value;
use mysql_async::prelude::Queryable;

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

impl Session {
    /// Streams the rows of `sql` into `each`, one at a time; memory holds one row.
    ///
    /// A result is never left half read: when `each` fails, the connection is closed.
    ///
    /// # Errors
    /// The server's refusal, the loss of the connection, or what `each` failed with.
    pub async fn stream<E: From<MysqlError>>(
        &mut self,
        sql: &str,
        mut each: impl AsyncFnMut(RawRow) -> Result<(), E>,
    ) -> Result<(), E> {
        let (label, cancel) = (self.endpoint().label.clone(), self.cancel_token());
        let fail = |e: mysql_async::Error| MysqlError::from_driver(e, &label);
        let conn = self.begin_statement()?;
        let outcome: Result<(), (E, bool)> = async {
            let mut result = tokio::select! {
                biased;
                () = cancel.cancelled() => {
                    return Err((MysqlError::lost("the statement was cancelled").into(), true));
                }
                result = tokio::time::timeout(SILENCE, conn.query_iter(sql)) => match result {
                    Ok(Ok(result)) => result,
                    Ok(Err(error)) => {
                        let error = fail(error);
                        let broken = error.number.is_none();
                        return Err((error.into(), broken));
                    }
                    Err(_) => return Err((MysqlError::lost("no rows within 600 s").into(), true)),
                },
            };
            loop {
                let row = tokio::select! {
                    biased;
                    () = cancel.cancelled() => {
                        return Err((MysqlError::lost("the statement was cancelled").into(), true));
                    }
                    row = tokio::time::timeout(SILENCE, result.next()) => row,
                };
                match row {
                    Ok(Ok(Some(row))) => {
                        each(RawRow(row)).await.map_err(|error| (error, true))?;
                    }
                    Ok(Ok(None)) => return Ok(()),
                    Ok(Err(error)) => {
                        let error = fail(error);
                        let broken = error.number.is_none();
                        return Err((error.into(), broken));
                    }
                    Err(_) => return Err((MysqlError::lost("no row within 600 s").into(), true)),
                }
            }
        }
        .await;
        match outcome {
            Ok(()) => {
                self.end_statement(false);
                Ok(())
            }
            Err((error, broken)) => {
                self.end_statement(broken);
                Err(error)
            }
        }
    }
}
