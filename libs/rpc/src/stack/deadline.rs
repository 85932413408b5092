//! The deadline of a streamed body; the timer is made only when the body first waits.

use std::{
    future::Future as _,
    pin::Pin,
    task::{Context, Poll},
    time::Instant,
};

use tokio::time::Sleep;

pub(super) struct BodyDeadline {
    at: Option<Instant>,
    timer: Option<Pin<Box<Sleep>>>,
}

impl BodyDeadline {
    pub(super) const fn new(at: Option<Instant>) -> Self {
        Self { at, timer: None }
    }

    /// Whether the deadline has passed; else the task is woken when it does.
    pub(super) fn poll_passed(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(at) = self.at else { return false };
        let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(at.into())));
        matches!(timer.as_mut().poll(cx), Poll::Ready(()))
    }
}
