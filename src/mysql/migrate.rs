//! Runs numbered SQL files by the migration library, which brings its own connection handling.
//!
//! Owns nothing but that call: which files, and who may run them when, is `store`'s business.

use mysql_async::Opts;
use refinery::Runner;

use super::endpoint::Endpoint;
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
    address: &str,
    database: &Ident,
    runner: &Runner,
) -> Result<usize, MysqlError> {
    let address = endpoint
        .addresses
        .iter()
        .find(|candidate| candidate.to_string() == address)
        .ok_or_else(|| MysqlError::lost("the server's address is gone"))?;
    let opts: Opts = endpoint
        .opts(address, 0)?
        .db_name(Some(database.raw()))
        .into();
    let mut pool = mysql_async::Pool::new(opts);
    let outcome = runner.run_async(&mut pool).await;
    // The files are applied or not by now; a failed good-bye changes nothing.
    let _ended = pool.disconnect().await;
    match outcome {
        Ok(report) => Ok(report.applied_migrations().len()),
        Err(error) => {
            Err(
                MysqlError::own(ErrorCode::Internal, ErrorClass::Stop, with_causes(&error))
                    .at(&endpoint.label),
            )
        }
    }
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
