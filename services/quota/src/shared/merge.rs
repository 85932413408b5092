//! Joining two states of one merchant, of which neither has all that happened: nothing that was used is forgotten, and as all values
//! are absolute, joining twice is joining once.

use std::{
    collections::{HashMap, HashSet},
    hash::Hash,
};

use kaleem_domain::Timestamp;

use crate::machine::{Amount, Change, Counter, Key, Marks, Snapshot, TopUpRecord, WindowId};

/// Joins what memory has (`own`) with what the store has and with what survived its loss.
///
/// Posted usage is the larger of both in each window and dimension; holds are those of both, without those that ended or are due.
/// A due hold of a store that was lost says nothing certain: it has probably ended, and what it used the ledger says.
///
/// Returns the holds that the store has and must drop beside the state.
pub(super) fn merge(
    own: Snapshot,
    there: Option<Snapshot>,
    durable: Option<Snapshot>,
    now: Timestamp,
) -> (Snapshot, Vec<Key>) {
    let stored: Vec<Key> = there.iter().flat_map(|there| &there.holds).map(|hold| hold.key).collect();
    // Counters of the durable store are as old as the last top-up; their extras are what counts, and its holds are nobody's.
    let durable = durable.map(|durable| Snapshot { holds: Vec::new(), ..durable });
    let mut joined = own;
    for other in durable.into_iter().chain(there) {
        let balance = balance(&joined, &other);
        if other.merchant.policy_version >= joined.merchant.policy_version {
            joined.merchant = other.merchant;
        }
        joined.followed = joined.followed.max(other.followed);
        let ending = joined.counters.into_iter().chain(other.counters).filter(|row| row.id != WindowId::EVER);
        joined.counters = by_key(ending, |row| row.id, larger);
        joined.counters.extend(balance);
        joined.tombstones =
            by_key(joined.tombstones.into_iter().chain(other.tombstones), |row| row.key, |_, there| there);
        joined.top_ups = by_key(
            joined.top_ups.into_iter().chain(other.top_ups),
            |row| row.op_id.clone(),
            |_, there| there,
        );
        joined.marks =
            by_key(joined.marks.into_iter().chain(other.marks), |row| (row.window, row.dimension), later);
        joined.holds = by_key(joined.holds.into_iter().chain(other.holds), |row| row.key, |_, there| there);
    }
    let Snapshot { counters, holds, tombstones, top_ups, .. } = &mut joined;
    let ended: HashSet<Key> = tombstones.iter().map(|tombstone| tombstone.key).collect();
    holds.retain(|hold| hold.expires_at > now && !ended.contains(&hold.key));
    let live: HashSet<Key> = holds.iter().map(|hold| hold.key).collect();
    for counter in counters.iter_mut() {
        counter.extra = larger_amount(counter.extra, granted(top_ups, counter.id));
    }
    tombstones.sort_by_key(|tombstone| (tombstone.ended_at, tombstone.key));
    let gone = stored.into_iter().filter(|key| !live.contains(key)).collect();
    (joined, gone)
}

/// The balance of both: what was paid is as the one has it that followed the ledger further, as money may have gone back. Where that one
/// has none, it is asked of the ledger again.
fn balance(a: &Snapshot, b: &Snapshot) -> Option<Counter> {
    let (newer, older) = if b.followed > a.followed { (b, a) } else { (a, b) };
    let of = |snapshot: &Snapshot| snapshot.counters.iter().find(|row| row.id == WindowId::EVER).copied();
    let (balance, older) = (of(newer)?, of(older));
    let posted = older.map_or(balance.posted, |older| larger_amount(balance.posted, older.posted));
    Some(Counter { posted, ..balance })
}

/// Rows that make a store have `snapshot`, whatever it had of it before.
pub(super) fn changes_of(snapshot: &Snapshot) -> Vec<Change> {
    let mut changes = vec![Change::Merchant(Box::new(snapshot.merchant.clone()))];
    changes.extend(snapshot.counters.iter().copied().map(Change::Counter));
    changes.extend(snapshot.holds.iter().cloned().map(Change::HoldMoved));
    changes.extend(snapshot.tombstones.iter().copied().map(Change::Tombstone));
    changes.extend(snapshot.top_ups.iter().cloned().map(Change::TopUp));
    changes.extend(snapshot.marks.iter().copied().map(Change::Marks));
    changes.push(Change::Followed(snapshot.followed));
    changes
}

/// The rows, those of one key joined.
fn by_key<R, K: Eq + Hash>(
    rows: impl Iterator<Item = R>,
    key: impl Fn(&R) -> K,
    join: impl Fn(R, R) -> R,
) -> Vec<R> {
    let mut joined: HashMap<K, R> = HashMap::new();
    for row in rows {
        let key = key(&row);
        let row = match joined.remove(&key) {
            Some(earlier) => join(earlier, row),
            None => row,
        };
        joined.insert(key, row);
    }
    joined.into_values().collect()
}

const fn larger(a: Counter, b: Counter) -> Counter {
    Counter { posted: larger_amount(a.posted, b.posted), extra: larger_amount(a.extra, b.extra), ..a }
}

const fn larger_amount(a: Amount, b: Amount) -> Amount {
    const fn max(a: i64, b: i64) -> i64 {
        if a > b { a } else { b }
    }
    Amount {
        requests: max(a.requests, b.requests),
        tokens: max(a.tokens, b.tokens),
        cost_nano: max(a.cost_nano, b.cost_nano),
    }
}

/// Of marks under one cap those that crossed more, since what was told once is not told again.
fn later(a: Marks, b: Marks) -> Marks {
    let order = |marks: &Marks| (marks.cap_version, marks.crossed.to_string());
    if order(&a) > order(&b) { a } else { b }
}

fn granted(top_ups: &[TopUpRecord], month: WindowId) -> Amount {
    let of_month = top_ups.iter().filter(|top_up| top_up.month == month);
    of_month.fold(Amount::ZERO, |sum, top_up| {
        sum.plus(Amount { requests: 0, tokens: top_up.tokens, cost_nano: top_up.cost_nano })
    })
}
