//! What recording comes to, before anything is written.

use std::collections::HashMap;

use super::{Outcome, Recorded};
use crate::rating::RatedEvent;

/// What the ledger holds of the events of a call: hash and charge by merchant and event id.
pub type Held = HashMap<(String, String), ([u8; 32], i64)>;

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
