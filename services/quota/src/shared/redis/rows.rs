//! Rows of a merchant in Redis: how they are named, written and read.
//!
//! The hash of rows has the fields `e` and `v` (epoch and version), `f` (last transaction of the ledger that is counted), `m` (policy and calendar), `c<window>` (counter),
//! `k<window>.<dimension>` (what was told of a cap), `u<month>.<op_id>` (top-up) and `x<window>.<dimension>` (the version at which what
//! expired holds had posted was taken out). The hash of holds has one field a reservation. Bodies are JSON. Beside them is a sorted set of
//! the settled reservations that the ledger is not known to have; what billing must get of each is in a key of its own.

use std::collections::HashMap;

use kaleem_domain::{MerchantId, RequestId, Timestamp};
use redis::{ScriptInvocation, Value};
use serde::{Deserialize, Serialize};

use super::super::{
    keep::{Commit, Found},
    line::Stamp,
};
use crate::{
    Error,
    machine::{
        Amount, CONFIRMED_LIFE_MS, Counter, Dimension, Ending, Fingerprint, Key, Marks, Percents, Snapshot,
        TOMBSTONE_LIFE_MS, Tombstone, TopUpRecord, WindowId,
    },
    store::HoldRow,
};

/// Names of a merchant's keys; the braces make them one slot of a cluster.
pub(super) struct Keys {
    prefix: String,
}

impl Keys {
    /// Matches the holds of all merchants.
    pub(super) const HOLDERS: &'static str = "q:{m:*}:r";

    pub(super) fn of(merchant: &MerchantId) -> Self {
        Self { prefix: format!("q:{{m:{merchant}}}:") }
    }

    pub(super) fn rows(&self) -> String {
        format!("{}w", self.prefix)
    }

    pub(super) fn holds(&self) -> String {
        format!("{}r", self.prefix)
    }

    /// Settled reservations that the ledger is not known to have, by when they ended.
    pub(super) fn awaiting(&self) -> String {
        format!("{}u", self.prefix)
    }

    pub(super) fn tombstone(&self, key: Key) -> String {
        format!("{}o:{}:{}", self.prefix, key.request_id, key.attempt)
    }

    /// What billing must get of a reservation.
    pub(super) fn event(&self, key: Key) -> String {
        format!("{}b:{}:{}", self.prefix, key.request_id, key.attempt)
    }

    /// The merchant whose holds have the name `key`.
    pub(super) fn holder(key: &str) -> Option<MerchantId> {
        MerchantId::parse_account(key.strip_prefix("q:{m:")?.strip_suffix("}:r")?).ok()
    }
}

/// Amounts of a counter: posted, then what top-ups added.
#[derive(Serialize, Deserialize)]
struct CounterRow(i64, i64, i64, i64, i64);

/// Cap, its version and the percentages that were crossed.
#[derive(Serialize, Deserialize)]
struct MarksRow(i64, i64, String);

/// Tokens, money and the version of the policy that it made.
#[derive(Serialize, Deserialize)]
struct TopUpRow(i64, i64, i64);

#[derive(Serialize, Deserialize)]
struct TombstoneRow {
    /// Version of the commit that wrote it.
    v: i64,
    ending: String,
    print: Fingerprint,
    posted: Amount,
    held: Amount,
    day: WindowId,
    month: WindowId,
    at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    confirmed_at: Option<Timestamp>,
}

/// Name of a reservation within its merchant.
fn field(key: Key) -> String {
    format!("{}/{}", key.request_id, key.attempt)
}

/// The reservation of that name.
pub(super) fn key_of(field: &str) -> Result<Key, Error> {
    let key = field.split_once('/').and_then(|(request_id, attempt)| {
        Some(Key { request_id: RequestId::parse(request_id).ok()?, attempt: attempt.parse().ok()? })
    });
    key.ok_or_else(|| damaged("the name of a reservation"))
}

/// Adds the rows of `commit` to a call of the script.
pub(super) fn write(call: &mut ScriptInvocation<'_>, keys: &Keys, commit: &Commit<'_>) -> Result<(), Error> {
    let batch = &commit.batch;
    for record in batch.merchants.values() {
        call.arg("W").arg("m").arg(serde_json::to_string(record)?);
    }
    for followed in batch.followed.values() {
        call.arg("W").arg("f").arg(followed);
    }
    // Before the top-ups: a month that is dropped takes its own with it.
    for ((_, id), row) in &batch.counters {
        let number = id.number();
        if let Some(Counter { posted, extra, .. }) = row {
            let row =
                CounterRow(posted.requests, posted.tokens, posted.cost_nano, extra.tokens, extra.cost_nano);
            call.arg("W").arg(format!("c{number}")).arg(serde_json::to_string(&row)?);
        } else {
            call.arg("X").arg(format!("c{number}"));
            call.arg("M").arg(format!("u{number}.")).arg("M").arg(format!("x{number}."));
        }
    }
    for (_, top_up) in &batch.top_ups {
        let row = TopUpRow(top_up.tokens, top_up.cost_nano, top_up.policy_version);
        let field = format!("u{}.{}", top_up.month.number(), top_up.op_id);
        call.arg("W").arg(field).arg(serde_json::to_string(&row)?);
    }
    for (_, window) in &batch.marks_dropped {
        call.arg("M").arg(format!("k{}.", window.number()));
    }
    for ((_, (window, dimension)), marks) in &batch.marks {
        let row = MarksRow(marks.cap, marks.cap_version, marks.crossed.to_string());
        let field = format!("k{}.{}", window.number(), dimension.name());
        call.arg("W").arg(field).arg(serde_json::to_string(&row)?);
    }
    for (_, window, dimension) in &batch.provisional_dropped {
        let field = format!("x{}.{}", window.number(), dimension.name());
        call.arg("W").arg(field).arg(commit.next.version);
    }
    for ((_, key), row) in &batch.holds {
        let field = field(*key);
        match row {
            HoldRow::Opened(hold) | HoldRow::Moved(hold) => {
                call.arg("H").arg(field).arg(serde_json::to_string(hold)?)
            }
            HoldRow::Ended => call.arg("E").arg(field),
        };
    }
    write_tombstones(call, keys, commit)
}

fn write_tombstones(call: &mut ScriptInvocation<'_>, keys: &Keys, commit: &Commit<'_>) -> Result<(), Error> {
    let batch = &commit.batch;
    for ((merchant, key), tombstone) in &batch.tombstones {
        let row = TombstoneRow {
            v: commit.next.version,
            ending: tombstone.ending.name().to_owned(),
            print: tombstone.fingerprint,
            posted: tombstone.posted,
            held: tombstone.held,
            day: tombstone.day,
            month: tombstone.month,
            at: tombstone.ended_at,
            confirmed_at: tombstone.confirmed_at,
        };
        let unconfirmed = TOMBSTONE_LIFE_MS - commit.now.millis_since(tombstone.ended_at);
        let confirmed = |at| CONFIRMED_LIFE_MS - commit.now.millis_since(at);
        let life_ms = tombstone.confirmed_at.map_or(unconfirmed, |at| confirmed(at).min(unconfirmed));
        call.key(keys.tombstone(*key)).key(keys.event(*key));
        call.arg("T").arg(life_ms.clamp(1, TOMBSTONE_LIFE_MS)).arg(serde_json::to_string(&row)?);
        call.arg(field(*key));
        if tombstone.awaits_ledger() {
            let event = batch.usage_events.get(&(merchant.clone(), *key));
            call.arg(tombstone.ended_at.as_millis()).arg(event.map_or(&[][..], Vec::as_slice));
        } else {
            call.arg("").arg("");
        }
    }
    Ok(())
}

/// What the script answers.
pub(super) enum Answer {
    Same,
    Differs(Option<Box<Found>>),
}

impl Answer {
    /// Reads an answer with the tombstones of `asked`.
    pub(super) fn read(answer: Value, asked: &[Key]) -> Result<Self, Error> {
        let Value::Array(parts) = answer else { return Err(damaged("an answer of the script")) };
        if matches!(parts.as_slice(), [Value::Int(1)]) {
            return Ok(Self::Same);
        }
        let Ok([Value::Int(0), rows, holds, ends]) = <[Value; 4]>::try_from(parts) else {
            return Err(damaged("an answer of the script"));
        };
        let rows: HashMap<String, String> =
            redis::from_redis_value(rows).map_err(|_| damaged("a hash of rows"))?;
        let holds: HashMap<String, String> =
            redis::from_redis_value(holds).map_err(|_| damaged("a hash of holds"))?;
        let ends: Vec<Option<String>> =
            redis::from_redis_value(ends).map_err(|_| damaged("a list of tombstones"))?;
        let Some(stamp) = stamp(&rows)? else { return Ok(Self::Differs(None)) };
        let mut snapshot = snapshot(&rows)?;
        for body in holds.values() {
            snapshot.holds.push(serde_json::from_str(body)?);
        }
        let dropped = dropped(&rows)?;
        for (key, body) in asked.iter().zip(ends) {
            let Some(body) = body else { continue };
            let ended = tombstone(*key, &body, &dropped)?;
            if !snapshot.tombstones.iter().any(|known| known.key == *key) {
                snapshot.tombstones.push(ended);
            }
        }
        snapshot.tombstones.sort_by_key(|tombstone| (tombstone.ended_at, tombstone.key));
        Ok(Self::Differs(Some(Box::new(Found { stamp, snapshot }))))
    }
}

pub(super) fn damaged(what: &str) -> Error {
    Error::Damaged(format!("{what} in Redis is not what was written"))
}

fn stamp(rows: &HashMap<String, String>) -> Result<Option<Stamp>, Error> {
    let Some((epoch, version)) = rows.get("e").zip(rows.get("v")) else { return Ok(None) };
    let version = version.parse().map_err(|_| damaged("a version"))?;
    Ok(Some(Stamp { epoch: epoch.clone(), version }))
}

fn snapshot(rows: &HashMap<String, String>) -> Result<Snapshot, Error> {
    let record = rows.get("m").ok_or_else(|| damaged("a merchant"))?;
    let mut snapshot = Snapshot {
        merchant: serde_json::from_str(record)?,
        counters: Vec::new(),
        holds: Vec::new(),
        tombstones: Vec::new(),
        top_ups: Vec::new(),
        marks: Vec::new(),
        followed: rows
            .get("f")
            .map_or(Ok(0), |number| number.parse())
            .map_err(|_| damaged("a transaction"))?,
    };
    for (field, body) in rows {
        let mut name = field.chars();
        match (name.next(), name.as_str()) {
            (Some('c'), window) => {
                let CounterRow(requests, tokens, cost_nano, extra_tokens, extra_cost) =
                    serde_json::from_str(body)?;
                snapshot.counters.push(Counter {
                    posted: Amount { requests, tokens, cost_nano },
                    extra: Amount { requests: 0, tokens: extra_tokens, cost_nano: extra_cost },
                    ..Counter::new(window_id(window)?)
                });
            }
            (Some('k'), of) => {
                let (window, dimension) = window_and_dimension(of)?;
                let MarksRow(cap, cap_version, crossed) = serde_json::from_str(body)?;
                let crossed = Percents::parse(&crossed).ok_or_else(|| damaged("a set of percentages"))?;
                snapshot.marks.push(Marks { window, dimension, cap, cap_version, crossed });
            }
            (Some('u'), of) => {
                let (month, op_id) = of.split_once('.').ok_or_else(|| damaged("a top-up"))?;
                let TopUpRow(tokens, cost_nano, policy_version) = serde_json::from_str(body)?;
                let (op_id, month) = (op_id.to_owned(), window_id(month)?);
                snapshot.top_ups.push(TopUpRecord { op_id, month, tokens, cost_nano, policy_version });
            }
            _ => {}
        }
    }
    Ok(snapshot)
}

/// At which version what expired holds had posted was taken out, by window and dimension.
pub(super) type Dropped = HashMap<(WindowId, Dimension), i64>;

fn dropped(rows: &HashMap<String, String>) -> Result<Dropped, Error> {
    let of = rows.iter().filter_map(|(field, version)| Some((field.strip_prefix('x')?, version)));
    of.map(|(field, version)| {
        Ok((window_and_dimension(field)?, version.parse().map_err(|_| damaged("a version"))?))
    })
    .collect()
}

/// The tombstone of `key` that has this body.
pub(super) fn tombstone(key: Key, body: &str, dropped: &Dropped) -> Result<Tombstone, Error> {
    let row: TombstoneRow = serde_json::from_str(body)?;
    let mut tombstone = Tombstone {
        key,
        ending: Ending::parse(&row.ending).ok_or_else(|| damaged("an ending"))?,
        fingerprint: row.print,
        posted: row.posted,
        held: row.held,
        day: row.day,
        month: row.month,
        ended_at: row.at,
        confirmed_at: row.confirmed_at,
    };
    // One that was written in the same commit says already what is left of it.
    for ((window, dimension), version) in dropped {
        if row.v < *version {
            tombstone.drop_provisional(*window, *dimension);
        }
    }
    Ok(tombstone)
}

fn window_id(number: &str) -> Result<WindowId, Error> {
    number.parse().map(WindowId::from_number).map_err(|_| damaged("a window"))
}

fn window_and_dimension(text: &str) -> Result<(WindowId, Dimension), Error> {
    let (window, dimension) = text.split_once('.').ok_or_else(|| damaged("a window"))?;
    Ok((window_id(window)?, Dimension::parse(dimension).ok_or_else(|| damaged("a dimension"))?))
}
