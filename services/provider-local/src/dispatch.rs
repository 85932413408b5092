//! Sends a call to a worker, and to one other worker if the first fails before its first event.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use tokio::time::Instant;

use crate::call::{Call, Event, EventStream};
use crate::error::CallError;
use crate::metrics::{self, Outcome};
use crate::pool::{Lease, Pool};

/// Workers that a call is sent to at most.
const ATTEMPTS_MAX: usize = 2;

/// Sends `call` and returns its events once the first is there. Until then nothing has been passed on, so the call can move;
/// afterwards a failure is the caller's to see. Each attempt gets `first_token`.
pub async fn generate(pool: &Pool, call: Arc<Call>, first_token: Duration) -> Result<EventStream, CallError> {
    let mut tried = Vec::new();
    let mut failure = None;
    while tried.len() < ATTEMPTS_MAX {
        let lease = match pool.lease(&call.model, &tried, Instant::now() + first_token).await {
            Ok(lease) => lease,
            // What went wrong first says more than that nobody else was there.
            Err(error) => return Err(failure.unwrap_or(error)),
        };
        let name = lease.member().name().to_owned();
        match open(lease, &call, first_token).await {
            Ok(events) => return Ok(events),
            Err(error) if error.may_move() => {
                tracing::warn!(request_id = call.request_id, worker = name, error = %error, "worker failed before its first event");
                metrics::moved(&name);
                tried.push(name);
                failure.get_or_insert(error);
            }
            Err(error) => return Err(error),
        }
    }
    Err(failure.unwrap_or_else(|| CallError::Overloaded { model: call.model.clone() }))
}

async fn open(lease: Lease, call: &Arc<Call>, first_token: Duration) -> Result<EventStream, CallError> {
    let begin = Instant::now();
    let member = Arc::clone(lease.member());
    let first = async {
        let mut events = member.generate(call).await?;
        let first = events.next().await.unwrap_or_else(|| {
            Err(CallError::Protocol {
                worker: member.name().to_owned(),
                detail: "it sent an empty answer".to_owned(),
            })
        });
        Ok((first?, events))
    };
    let opened = tokio::time::timeout(first_token, first).await.unwrap_or_else(|_| {
        let detail = format!("no answer within {first_token:?}");
        Err(CallError::Unavailable { worker: member.name().to_owned(), detail })
    });
    match opened {
        Ok((first, events)) => {
            metrics::began(member.name(), begin.elapsed());
            Ok(relay(Relay {
                first: Some(first),
                events,
                guard: Guard { lease, outcome: Outcome::Cancelled },
            }))
        }
        Err(error) => {
            member.note_failure(&error);
            Err(error)
        }
    }
}

struct Relay {
    first: Option<Event>,
    events: EventStream,
    guard: Guard,
}

/// Holds the place at the worker, and counts how the stream ended.
struct Guard {
    lease: Lease,
    outcome: Outcome,
}

impl Guard {
    fn note(&mut self, item: &Result<Event, CallError>) {
        match item {
            Ok(Event::Finished(_)) => {
                self.outcome = Outcome::Finished;
                self.lease.member().note_success();
            }
            Ok(_) => {}
            Err(error) => {
                self.outcome = Outcome::Failed;
                self.lease.member().note_failure(error);
            }
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        metrics::ended(self.lease.member().name(), self.outcome);
    }
}

fn relay(relay: Relay) -> EventStream {
    Box::pin(futures::stream::unfold(Some(relay), async |relay| {
        let mut relay = relay?;
        let item = match relay.first.take() {
            Some(first) => Ok(first),
            None => relay.events.next().await?,
        };
        relay.guard.note(&item);
        // The place is free as soon as the answer is over, not when its reader gets round to drop the stream.
        let goes_on = matches!(item, Ok(ref event) if !matches!(event, Event::Finished(_)));
        Some((item, goes_on.then_some(relay)))
    }))
}
