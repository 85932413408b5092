//! Rows of a batch as JSON, one array a table, which costs one bind and one statement however many there are.

use kaleem_domain::MerchantId;
use serde::Serialize;

use super::batch::{Batch, HoldRow};
use crate::{
    Error,
    machine::{Alert, Amount, Counter, Key, Tombstone},
};

/// A statement over rows of one table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Table {
    PutMerchants,
    PutCounters,
    DropCounters,
    PutHolds,
    DropHolds,
    /// One row: merchant, window and dimension in which expired holds no longer count.
    DropProvisional,
    PutTombstones,
    PutTopUps,
    DropMarks,
    PutMarks,
    PutAlerts,
    PutFollowed,
}

/// What a commit of `batch` runs, in order; tables without rows are left out.
pub(super) fn statements(batch: &Batch) -> Result<Vec<(Table, String)>, Error> {
    let mut statements = Statements(Vec::new());
    let bodies =
        batch.merchants.iter().map(|(merchant, record)| Ok((merchant, serde_json::to_string(record)?)));
    statements.add(Table::PutMerchants, &bodies.collect::<Result<Vec<_>, Error>>()?)?;
    statements.add_counters(batch)?;
    statements.add_holds(batch)?;
    // Dropped first: the batch's own tombstones say already what is left of them.
    for (merchant, window, dimension) in &batch.provisional_dropped {
        statements.add(Table::DropProvisional, &(merchant, window, dimension.name()))?;
    }
    statements.add_tombstones(batch)?;
    let top_ups = batch.top_ups.iter().map(|(merchant, top_up)| {
        (merchant, &top_up.op_id, top_up.month, top_up.tokens, top_up.cost_nano, top_up.policy_version)
    });
    statements.add(Table::PutTopUps, &top_ups.collect::<Vec<_>>())?;
    // Dropped first: a window that is dropped and marked again within the batch is marked.
    statements.add(Table::DropMarks, &batch.marks_dropped)?;
    let marks = batch.marks.iter().map(|((merchant, (window, dimension)), marks)| {
        (merchant, window, dimension.name(), marks.cap, marks.cap_version, marks.crossed.to_string())
    });
    statements.add(Table::PutMarks, &marks.collect::<Vec<_>>())?;
    let alerts = batch.alerts.iter().map(|(merchant, alert)| alert_row(merchant, alert));
    statements.add(Table::PutAlerts, &alerts.collect::<Vec<_>>())?;
    statements.add(Table::PutFollowed, &batch.followed.iter().collect::<Vec<_>>())?;
    Ok(statements.0)
}

struct Statements(Vec<(Table, String)>);

/// JSON of a table without rows.
const NOTHING: &str = "[]";

impl Statements {
    fn add(&mut self, table: Table, rows: &impl Serialize) -> Result<(), Error> {
        let rows = serde_json::to_string(rows)?;
        if rows != NOTHING {
            self.0.push((table, rows));
        }
        Ok(())
    }

    fn add_counters(&mut self, batch: &Batch) -> Result<(), Error> {
        let (mut put, mut dropped) = (Vec::new(), Vec::new());
        for ((merchant, id), row) in &batch.counters {
            match row {
                Some(Counter { posted, extra, .. }) => {
                    let Amount { requests, tokens, cost_nano } = *posted;
                    put.push((merchant, id, requests, tokens, cost_nano, extra.tokens, extra.cost_nano));
                }
                None => dropped.push((merchant, id)),
            }
        }
        self.add(Table::PutCounters, &put)?;
        self.add(Table::DropCounters, &dropped)
    }

    fn add_holds(&mut self, batch: &Batch) -> Result<(), Error> {
        let (mut put, mut dropped) = (Vec::new(), Vec::new());
        for ((merchant, key), row) in &batch.holds {
            match row {
                HoldRow::Opened(hold) | HoldRow::Moved(hold) => {
                    let body = serde_json::to_string(hold)?;
                    put.push((merchant, key.request_id, key.attempt, hold.expires_at, body));
                }
                HoldRow::Ended => dropped.push((merchant, key.request_id, key.attempt)),
            }
        }
        self.add(Table::PutHolds, &put)?;
        self.add(Table::DropHolds, &dropped)
    }

    fn add_tombstones(&mut self, batch: &Batch) -> Result<(), Error> {
        let rows = batch.tombstones.iter().map(|((merchant, key), tombstone)| {
            let event = batch.usage_events.get(&(merchant.clone(), *key));
            // Billing has what is confirmed.
            let event = event.filter(|_| tombstone.confirmed_at.is_none()).map(hex::encode);
            tombstone_row(merchant, *key, tombstone, event)
        });
        self.add(Table::PutTombstones, &rows.collect::<Vec<_>>())
    }
}

fn tombstone_row(
    merchant: &MerchantId,
    key: Key,
    tombstone: &Tombstone,
    event: Option<String>,
) -> impl Serialize {
    let (posted, held) = (tombstone.posted, tombstone.held);
    (
        merchant.clone(),
        key.request_id,
        key.attempt,
        tombstone.ending.name(),
        tombstone.fingerprint.to_string(),
        posted.requests,
        posted.tokens,
        posted.cost_nano,
        held.requests,
        held.tokens,
        held.cost_nano,
        tombstone.day,
        tombstone.month,
        tombstone.ended_at,
        event,
        tombstone.confirmed_at,
    )
}

fn alert_row(merchant: &MerchantId, alert: &Alert) -> impl Serialize {
    (
        alert_id(merchant, alert),
        merchant.clone(),
        alert.dimension.name(),
        alert.window,
        alert.percent,
        alert.cap_version,
        alert.posted,
        alert.cap,
        alert.at,
        alert.superseded_by,
    )
}

/// Identity of an alert everywhere, the same however often it is made.
fn alert_id(merchant: &MerchantId, alert: &Alert) -> String {
    let Alert { dimension, window, percent, cap_version, .. } = alert;
    format!("{merchant}/{}/{window}/{percent}/{cap_version}", dimension.name())
}
