//! The body of a request, read up to a limit.

use axum::body::{Body, Bytes};
use axum::http::StatusCode;
use bytes::BytesMut;
use http_body_util::BodyExt as _;
use hyper::body::Body as _;

use super::problem::Problem;
use super::timely::is_late;

/// Bytes above the limit that are read and thrown away: a client that is still sending would not
/// see the answer if the connection were closed on it.
const DRAINED: u64 = 32 << 20;

/// The bytes of a body of at most `limit` bytes; `what` says whose limit it is.
///
/// # Errors
/// `too_large`; `timeout`; `bad_request` when the client went away.
pub async fn read(mut body: Body, limit: u64, what: &str) -> Result<Bytes, Problem> {
    let most = limit.saturating_add(DRAINED);
    let mut size = body.size_hint().lower();
    if size > most {
        return Err(too_large(limit, what));
    }
    size = 0;
    let mut kept = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| {
            if is_late(&error) {
                Problem::new(
                    StatusCode::REQUEST_TIMEOUT,
                    "timeout",
                    "the body was not sent in time (setting server.read_timeout)",
                )
            } else {
                Problem::bad_request("the body can't be read")
            }
        })?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        size = size.saturating_add(data.len() as u64);
        if size <= limit {
            kept.extend_from_slice(&data);
        } else if size > most {
            break;
        }
    }
    if size > limit {
        return Err(too_large(limit, what));
    }
    Ok(kept.freeze())
}

fn too_large(limit: u64, what: &str) -> Problem {
    Problem::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        "too_large",
        format!("the body is larger than {limit} bytes ({what})"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_body_within_its_limit_is_whole_and_one_above_it_is_refused() {
        let whole = read(Body::from("12345"), 5, "").await.unwrap();
        assert_eq!(&whole[..], b"12345");
        let refused = read(Body::from("123456"), 5, "the limit")
            .await
            .unwrap_err();
        assert!(format!("{refused:?}").contains("the limit"));
    }
}
