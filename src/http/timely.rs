//! The body of a request, which has to be there in time.

use std::error::Error;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep_until};

/// A body that fails when it is not complete within a time from the request's head.
pub struct Timely<B> {
    body: B,
    end: Option<Instant>,
    /// Runs from the first wait on.
    waiting: Option<Pin<Box<Sleep>>>,
}

impl<B> Timely<B> {
    /// `limit` zero is for ever.
    pub fn new(body: B, limit: Duration) -> Self {
        Self {
            body,
            end: (!limit.is_zero()).then(|| Instant::now() + limit),
            waiting: None,
        }
    }
}

impl<B> Body for Timely<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    type Data = Bytes;
    type Error = Box<dyn Error + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(context) {
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        let Some(end) = self.end else {
            return Poll::Pending;
        };
        let waiting = self
            .waiting
            .get_or_insert_with(|| Box::pin(sleep_until(end)));
        if waiting.as_mut().poll(context).is_pending() {
            return Poll::Pending;
        }
        let late = io::Error::new(io::ErrorKind::TimedOut, "the body was not sent in time");
        Poll::Ready(Some(Err(late.into())))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Whether a body was not there in time.
pub fn is_late(error: &(dyn Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(this) = cause {
        if this
            .downcast_ref::<io::Error>()
            .is_some_and(|error| error.kind() == io::ErrorKind::TimedOut)
        {
            return true;
        }
        cause = this.source();
    }
    false
}
