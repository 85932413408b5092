//! What recording comes to, before anything is written.

use std::collections::HashMap;

use super::{
    Error, Outcome, Recorded,
    rows::{Fields, wrong},
};
use crate::rating::RatedEvent;

/// What the ledger holds of the events of a call: hash and charge by merchant and event id.
pub type Held = HashMap<(String, String), ([u8; 32], i64)>;

/// Adds a row with merchant, event id, hash and charge.
pub fn add_held(held: &mut Held, row: &impl Fields) -> Result<(), Error> {
    let hash: Vec<u8> = row.field("payload_sha256")?;
    let hash = hash.try_into().map_err(|_| wrong("usage_event", "payload_sha256"))?;
    held.insert((row.field("merchant_id")?, row.field("event_id")?), (hash, row.field("sell_pico")?));
    Ok(())
}

/// Says in order what becomes of each event, and which are to be written. An event that comes twice is recorded once.
pub fn sort<'a>(events: &'a [RatedEvent], held: &Held) -> (Vec<Recorded>, Vec<&'a RatedEvent>) {
    let known = held.iter().map(|((merchant, event), held)| ((merchant.as_str(), event.as_str()), *held));
    let mut known: HashMap<(&str, &str), ([u8; 32], i64)> = known.collect();
    let mut outcomes = Vec::with_capacity(events.len());
    let mut new = Vec::new();
    for event in events {
        let identity = (event.event.merchant_id.as_str(), event.event.event_id.as_str());
        let outcome = match known.get(&identity) {
            None => {
                known.insert(identity, (event.payload_sha256, event.sell_pico));
                new.push(event);
                Recorded { outcome: Outcome::Recorded, sell_pico: event.sell_pico }
            }
            Some((hash, sell_pico)) => {
                let outcome =
                    if *hash == event.payload_sha256 { Outcome::Duplicate } else { Outcome::Conflict };
                Recorded { outcome, sell_pico: *sell_pico }
            }
        };
        outcomes.push(outcome);
    }
    (outcomes, new)
}

/// Numbers of the first event and the first transaction of an insertion; the others follow without gaps.
#[derive(Debug, Clone, Copy)]
pub struct First {
    /// Sequence.
    pub event: i64,
    /// Transaction.
    pub transaction: i64,
}

/// Columns of `usage_event` in the order in which they are written.
pub const EVENT_COLUMNS: [&str; 30] = [
    "seq",
    "merchant_id",
    "event_id",
    "payload_sha256",
    "request_id",
    "attempt",
    "epoch",
    "admit_time_ms",
    "window_day",
    "window_month",
    "price_version",
    "target",
    "upstream",
    "model_requested",
    "model_served",
    "provider_request_id",
    "gateway_id",
    "key_id",
    "decision_id",
    "status",
    "usage_source",
    "input_fresh",
    "input_cache_read",
    "input_cache_write",
    "input_tool",
    "output_text",
    "output_reasoning",
    "sell_pico",
    "cost_pico",
    "record_time_ms",
];
