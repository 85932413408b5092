//! What a double has received, in order.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Method, Uri};
use serde_json::Value;
use tokio::sync::watch;

use crate::playback::{Exchange, InFlight};

/// How many requests are kept with their bodies; later ones are only counted.
const REQUESTS_KEPT_MAX: usize = 10_000;

/// A request as it arrived.
#[derive(Debug)]
pub struct ReceivedRequest {
    /// Position in the order of arrival, from 0.
    pub number: usize,
    /// HTTP method.
    pub method: Method,
    /// Path and query.
    pub uri: Uri,
    /// Headers, names in lower case.
    pub headers: HeaderMap,
    /// The body as JSON, `Null` when it is none.
    pub json: Value,
    /// The body as it came.
    pub body: Bytes,
    /// The life of the answer.
    pub exchange: Exchange,
}

impl ReceivedRequest {
    /// Returns the header `name` as text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

/// The log of one double. Clones share it.
#[derive(Debug, Clone)]
pub struct Recorder {
    kept: watch::Sender<Vec<Arc<ReceivedRequest>>>,
    count: watch::Sender<usize>,
    open: watch::Sender<usize>,
}

impl Recorder {
    pub(crate) fn new() -> Self {
        Self {
            kept: watch::Sender::new(Vec::new()),
            count: watch::Sender::new(0),
            open: watch::Sender::new(0),
        }
    }

    /// Returns the requests that have arrived so far, the first 10,000 of them.
    pub fn all(&self) -> Vec<Arc<ReceivedRequest>> {
        self.kept.borrow().clone()
    }

    /// Returns how many requests have arrived so far.
    pub fn count(&self) -> usize {
        *self.count.borrow()
    }

    /// Waits until request `number`, counted from 0, has arrived.
    pub async fn nth(&self, number: usize) -> Arc<ReceivedRequest> {
        let mut kept = self.kept.subscribe();
        let what = format!("request number {number} to arrive");
        let seen = crate::bounded(&what, kept.wait_for(|kept| kept.len() > number)).await;
        Arc::clone(&seen.expect("this log holds the sender")[number])
    }

    /// Returns how many requests are being answered now.
    pub fn open(&self) -> usize {
        *self.open.borrow()
    }

    /// Waits until `count` requests are being answered at the same time.
    pub async fn open_reaches(&self, count: usize) {
        let mut open = self.open.subscribe();
        let what = format!("{count} open requests");
        let seen = crate::bounded(&what, open.wait_for(|now| *now == count)).await;
        assert!(seen.is_ok(), "this log holds the sender");
    }

    pub(crate) fn record(
        &self,
        parts: http::request::Parts,
        body: Bytes,
    ) -> (Arc<ReceivedRequest>, InFlight) {
        let exchange = Exchange::new();
        let in_flight = InFlight::new(exchange.clone(), self.open.clone());
        let mut number = 0;
        self.count.send_modify(|count| {
            number = *count;
            *count += 1;
        });
        let json = serde_json::from_slice(&body).unwrap_or(Value::Null);
        let http::request::Parts { method, uri, headers, .. } = parts;
        let request = Arc::new(ReceivedRequest { number, method, uri, headers, json, body, exchange });
        self.kept.send_if_modified(|kept| {
            let has_room = kept.len() < REQUESTS_KEPT_MAX;
            if has_room {
                kept.push(Arc::clone(&request));
            }
            has_room
        });
        (request, in_flight)
    }
}
