//! Runs numbered SQL files by the migration library, which brings its own connection handling.
//!
//! Owns nothing but that call: which files, and who may run them when, is `store`'s business.

use mysql_async::Opts;
use refinery::Runner;

use super::endpoint::{Address, Endpoint};
use super::error::{ErrorClass, MysqlError};
use super::ident::Ident;
use crate::model::error::ErrorCode;

/// Applies what `database` lacks of the runner's files, on connections without any session rules
/// of ours. Returns how many were applied.
///
/// `address` is the one that answered when the server was looked at.
///
/// # Errors
/// The server's refusal, the loss of the connection, or a file that differs from what was applied.
pub async fn apply(
    endpoint: &Endpoint,
    address: &Address,
    database: &Ident,
    runner: &Runner,
) -> Result<usize, MysqlError> {
    let name = super::tls::known_name(address);
    let opts: Opts = endpoint
        .opts(address, 0, name)?
        .db_name(Some(database.raw()))
        .into();
    let mut pool = mysql_async::Pool::new(opts);
    let outcome = runner.run_async(&mut pool).await;
    // The files are applied or not by now; a failed good-bye changes nothing.
    let _ended = pool.disconnect().await;
    match outcome {
        Ok(report) => Ok(report.applied_migrations().len()),
        Err(error) => Err(classified(&error).at(&endpoint.label)),
    }
}

/// The server's or network's own error where there is one, told with the file it happened in.
fn classified(error: &refinery::Error) -> MysqlError {
    let text = with_causes(error);
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(inner) = cause {
        match inner.downcast_ref::<mysql_async::Error>() {
            Some(mysql_async::Error::Server(refusal)) => {
                return MysqlError::from_server(refusal.code, text);
            }
            Some(mysql_async::Error::Io(_)) => return MysqlError::lost(text),
            _ => cause = inner.source(),
        }
    }
    MysqlError::own(ErrorCode::Internal, ErrorClass::Stop, text)
}

fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let inner_text = inner.to_string();
        if !text.contains(&inner_text) {
            text = format!("{text}: {inner_text}");
        }
        cause = inner.source();
    }
    text
}
