//! A connection that must show its first bytes within a time.

use std::{
    future::Future as _,
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use pin_project_lite::pin_project;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::Sleep,
};

/// Length of the HTTP/2 preface: with fewer bytes the protocol is not known, and no timer of either protocol runs yet. The shortest
/// valid HTTP/1.1 request is longer.
const PREFACE_LEN: usize = 24;

pin_project! {
    /// Fails with `TimedOut` when the peer does not show [`PREFACE_LEN`] bytes in time; costs nothing afterwards.
    pub(crate) struct FirstBytes<I> {
        #[pin]
        io: I,
        missing: usize,
        patience: Option<Pin<Box<Sleep>>>,
    }
}

impl<I> FirstBytes<I> {
    pub(crate) fn new(io: I, patience: Duration) -> Self {
        Self { io, missing: PREFACE_LEN, patience: Some(Box::pin(tokio::time::sleep(patience))) }
    }
}

impl<I: AsyncRead> AsyncRead for FirstBytes<I> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.project();
        let before = buf.filled().len();
        let polled = this.io.poll_read(cx, buf);
        *this.missing = this.missing.saturating_sub(buf.filled().len() - before);
        if *this.missing == 0 {
            *this.patience = None;
        }
        let waited_too_long = polled.is_pending()
            && this.patience.as_mut().is_some_and(|patience| patience.as_mut().poll(cx).is_ready());
        if waited_too_long {
            let error = io::Error::new(io::ErrorKind::TimedOut, "the peer showed no request in time");
            return Poll::Ready(Err(error));
        }
        polled
    }
}

impl<I: AsyncWrite> AsyncWrite for FirstBytes<I> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.project().io.poll_write(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.project().io.poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.project().io.poll_shutdown(cx)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.project().io.poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }
}
