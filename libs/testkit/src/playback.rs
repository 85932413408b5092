//! Plays a rendered reply: bytes, stops at gates, and the ends that a real upstream can come to.

use std::collections::VecDeque;
use std::future::pending;

use axum::body::Body;
use bytes::Bytes;
use futures::stream;
use tokio::sync::watch;

use crate::Gate;

/// One step of a rendered reply.
#[derive(Debug, Clone)]
pub(crate) enum Action {
    /// Hands these bytes to the connection.
    Send(Bytes),
    /// Waits until the test opens the gate.
    Wait(Gate),
    /// Sends nothing any more and keeps the connection open.
    Stall,
    /// Closes the connection in the middle.
    Cut,
}

/// How an exchange ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The double has given away its whole reply.
    Completed,
    /// The client left before the reply was complete.
    Disconnected,
    /// The script closed the connection.
    Cut,
}

/// The life of one request at the double, seen from outside. Clones watch the same exchange.
#[derive(Debug, Clone)]
pub struct Exchange {
    end: watch::Sender<Option<End>>,
}

impl Exchange {
    pub(crate) fn new() -> Self {
        Self { end: watch::Sender::new(None) }
    }

    /// Returns how the exchange ended, or `None` while it goes on.
    pub fn end(&self) -> Option<End> {
        *self.end.borrow()
    }

    /// Waits for the end.
    pub async fn ended(&self) -> End {
        let mut end = self.end.subscribe();
        let seen = crate::bounded("an exchange to end", end.wait_for(Option::is_some)).await;
        seen.ok().and_then(|end| *end).expect("this exchange holds the sender")
    }

    /// Waits until the client has left early.
    ///
    /// # Panics
    /// When the exchange ends in another way.
    pub async fn disconnected(&self) {
        let end = self.ended().await;
        assert_eq!(end, End::Disconnected, "the client was expected to leave early");
    }
}

/// Keeps a request counted as open, and notices by being dropped that the client has left.
pub(crate) struct InFlight {
    exchange: Exchange,
    open: watch::Sender<usize>,
}

impl InFlight {
    pub(crate) fn new(exchange: Exchange, open: watch::Sender<usize>) -> Self {
        open.send_modify(|count| *count += 1);
        Self { exchange, open }
    }

    /// Ends the exchange on the double's own account.
    pub(crate) fn finish(self, end: End) {
        self.exchange.end.send_replace(Some(end));
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.exchange.end.send_if_modified(|end| {
            let left_early = end.is_none();
            if left_early {
                *end = Some(End::Disconnected);
            }
            left_early
        });
        self.open.send_modify(|count| *count -= 1);
    }
}

/// The script closed the connection before there was anything to send.
pub(crate) struct CutEarly;

/// Plays everything that comes before the first bytes.
///
/// An upstream commits to a status only with its first output, so the caller sends no headers until this
/// returns.
pub(crate) async fn until_first_output(actions: &mut VecDeque<Action>) -> Result<(), CutEarly> {
    loop {
        match actions.front() {
            None | Some(Action::Send(_)) => return Ok(()),
            Some(Action::Wait(gate)) => gate.clone().pass().await,
            Some(Action::Stall) => pending().await,
            Some(Action::Cut) => return Err(CutEarly),
        }
        actions.pop_front();
    }
}

/// Turns the rest of the actions into a response body.
pub(crate) fn body(actions: VecDeque<Action>, in_flight: InFlight) -> Body {
    Body::from_stream(stream::unfold(Some((actions, in_flight)), |state| async move {
        let (mut actions, in_flight) = state?;
        loop {
            match actions.pop_front() {
                Some(Action::Send(bytes)) => return Some((Ok(bytes), Some((actions, in_flight)))),
                Some(Action::Wait(gate)) => gate.pass().await,
                Some(Action::Stall) => pending().await,
                Some(Action::Cut) => {
                    // The server drops unsent bytes when a body fails; a pause lets it flush what came before
                    // the cut.
                    tokio::task::yield_now().await;
                    in_flight.finish(End::Cut);
                    return Some((Err(std::io::Error::other("the script cuts the connection")), None));
                }
                None => {
                    in_flight.finish(End::Completed);
                    return None;
                }
            }
        }
    }))
}
