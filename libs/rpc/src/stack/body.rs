//! The body of an answer under the same deadline, panic guard and record as the call that made it.

use std::{
    panic::AssertUnwindSafe,
    pin::Pin,
    task::{Context, Poll},
    time::Instant,
};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Frame, SizeHint};
use tokio::sync::OwnedSemaphorePermit;
use tonic::{Status, body::Body};

use super::{deadline::BodyDeadline, deadline_exceeded, observe::CallRecord, panicked};

/// Holds the call's permit until the body ends or is dropped.
pub(super) struct GuardedBody {
    inner: Option<Body>,
    deadline: BodyDeadline,
    record: CallRecord,
    _permit: OwnedSemaphorePermit,
}

impl GuardedBody {
    pub(super) fn new(
        inner: Body,
        deadline: Option<Instant>,
        record: CallRecord,
        permit: OwnedSemaphorePermit,
    ) -> Self {
        Self { inner: Some(inner), deadline: BodyDeadline::new(deadline), record, _permit: permit }
    }

    /// Ends the stream with `status` as its trailers; the inner body is dropped, so its work stops.
    fn end(&mut self, status: &Status) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        self.inner = None;
        let mut trailers = HeaderMap::new();
        if let Err(error) = status.add_header(&mut trailers) {
            return Poll::Ready(Some(Err(error)));
        }
        self.record.trailers(&trailers);
        Poll::Ready(Some(Ok(Frame::trailers(trailers))))
    }
}

impl http_body::Body for GuardedBody {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = &mut *self;
        let Some(inner) = this.inner.as_mut() else { return Poll::Ready(None) };
        let entered = this.record.enter();
        let polled = std::panic::catch_unwind(AssertUnwindSafe(|| Pin::new(inner).poll_frame(cx)));
        drop(entered);
        match polled {
            Err(_panic) => {
                let status = panicked(this.record.method());
                this.end(&status)
            }
            Ok(Poll::Pending) if this.deadline.poll_passed(cx) => this.end(&deadline_exceeded()),
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(frame)) => {
                match &frame {
                    Some(Ok(frame)) => {
                        if let Some(trailers) = frame.trailers_ref() {
                            this.record.trailers(trailers);
                        }
                    }
                    Some(Err(status)) => this.record.finish(crate::Fault::from_status(status).code),
                    None => this.record.end_of_body(),
                }
                Poll::Ready(frame)
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.inner.as_ref().is_none_or(http_body::Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.as_ref().map_or_else(|| SizeHint::with_exact(0), http_body::Body::size_hint)
    }
}

impl Drop for GuardedBody {
    fn drop(&mut self) {
        // A body that is dropped before its trailers is a caller that left.
        self.record.abandon();
    }
}
