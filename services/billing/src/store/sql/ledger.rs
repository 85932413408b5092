//! The one table of transactions: recording events, and posting anything else.

use kaleem_domain::{ServiceTier, Timestamp};
use sqlx::error::DatabaseError;

use super::{
    balance::paid,
    rows::wrong,
    session::{ByKey, Columns, Session, Table, Value},
};
use crate::{
    chain::{Link, START},
    event::{source_word, tier_word},
    payment::Payment,
    rating::{FIRST_LINES, LINES, RatedEvent, line_index},
    store::{
        Error, Posted, Recorded,
        posting::{self, Heads, Numbered, Posting, What, number},
        recording::{self, Held},
    },
};

/// Records `events`, taking all of them for new: a look costs a third of what writing costs. `None` if one was known, and then the
/// transaction is good for nothing more.
pub async fn record_unseen(
    session: &mut dyn Session,
    events: &[RatedEvent],
    now: Timestamp,
) -> Result<Option<Vec<Recorded>>, Error> {
    match record_new(session, events, &Held::new(), now).await {
        Err(error) if is_repetition(&error) => Ok(None),
        recorded => recorded.map(Some),
    }
}

/// Looks which of `events` are there, records the others and says in order what became of each.
pub async fn record(
    session: &mut dyn Session,
    events: &[RatedEvent],
    now: Timestamp,
) -> Result<Vec<Recorded>, Error> {
    let held = held(session, events).await?;
    record_new(session, events, &held, now).await
}

/// A row that was to be new is there.
pub fn is_repetition(error: &Error) -> bool {
    let Error::Statement(error) = error else { return false };
    error.as_database_error().is_some_and(DatabaseError::is_unique_violation)
}

/// Records those of `events` that are not `held`.
async fn record_new(
    session: &mut dyn Session,
    events: &[RatedEvent],
    held: &Held,
    now: Timestamp,
) -> Result<Vec<Recorded>, Error> {
    let (outcomes, new) = recording::sort(events, held);
    let postings: Vec<_> = new.into_iter().map(Posting::usage).collect();
    if !postings.is_empty() {
        post(session, &postings, now).await?;
    }
    Ok(outcomes)
}

/// Which of some events the ledger holds. CROSS JOIN and LATERAL keep the planners from walking the whole table instead of the few rows
/// that are asked for.
const HELD: ByKey = ByKey {
    width: 3,
    sqlite: "SELECT u.merchant_id, u.event_id, u.payload_sha256, u.sell_pico FROM json_each($1) AS wanted CROSS JOIN ledger AS u
             WHERE u.window_month = wanted.value ->> 0 AND u.merchant_id = wanted.value ->> 1 AND u.event_id = wanted.value ->> 2",
    postgres: "SELECT held.* FROM unnest($1::text[], $2::text[], $3::text[]) AS wanted (month, merchant, event)
               CROSS JOIN LATERAL (SELECT u.merchant_id, u.event_id, u.payload_sha256, u.sell_pico FROM ledger AS u
               WHERE u.window_month = month AND u.merchant_id = merchant AND u.event_id = event LIMIT 1) AS held",
};

async fn held(session: &mut dyn Session, events: &[RatedEvent]) -> Result<Held, Error> {
    let mut keys = Vec::with_capacity(events.len() * HELD.width);
    for RatedEvent { event, .. } in events {
        keys.extend([event.month_window.as_str(), event.merchant_id.as_str(), &event.event_id]);
    }
    let mut held = Held::new();
    let mut visit = |row: &dyn Columns| {
        let hash = row.bytes("payload_sha256")?.try_into().map_err(|_| wrong("ledger", "payload_sha256"))?;
        held.insert((row.text("merchant_id")?, row.text("event_id")?), (hash, row.number("sell_pico")?));
        Ok(())
    };
    session.each_of(&HELD, &keys, &mut visit).await?;
    Ok(held)
}

/// Posts transactions in order and answers the number of the first; the others follow it without gaps.
pub async fn post(session: &mut dyn Session, postings: &[Posting<'_>], now: Timestamp) -> Result<i64, Error> {
    let mut next = next(session).await?;
    let first = next.0;
    let mut heads = Heads::new();
    read_heads(session, postings, &mut heads).await?;
    let numbered = number(postings, &mut next, &mut heads, now)?;
    insert(session, &numbered, now).await?;
    move_heads(session, &heads).await?;
    Ok(first)
}

/// Adds the rows of `numbered`.
pub async fn insert(
    session: &mut dyn Session,
    numbered: &[Numbered<'_>],
    now: Timestamp,
) -> Result<(), Error> {
    let mut values = Vec::with_capacity(numbered.len() * Table::Ledger.columns());
    for numbered in numbered {
        add_row(&mut values, numbered, now);
    }
    session.insert(Table::Ledger, &values).await
}

/// Moves the ends of chains to `heads`.
pub async fn move_heads(session: &mut dyn Session, heads: &Heads<'_>) -> Result<(), Error> {
    let mut values = Vec::with_capacity(heads.len() * Table::ChainHeads.columns());
    for (merchant, (transaction, link)) in heads {
        values.extend([Value::from(*merchant), (*transaction).into(), link.into()]);
    }
    session.insert(Table::ChainHeads, &values).await
}

/// Numbers of the next transaction and the next entry.
pub async fn next(session: &mut dyn Session) -> Result<(i64, i64), Error> {
    let sql =
        "SELECT txn_id, entry_seq, entries, sell_pico, cost_pico FROM ledger ORDER BY txn_id DESC LIMIT 1";
    let after = |row: &dyn Columns| {
        let entries = match row.optional_text("entries")? {
            Some(entries) => i64::try_from(posting::read(&entries)?.len()).unwrap_or(i64::MAX),
            None => posting::charge_entry_count(row.number("sell_pico")?, row.number("cost_pico")?),
        };
        Ok((row.number("txn_id")? + 1, row.number("entry_seq")? + entries))
    };
    Ok(session.optional(sql, &[], after).await?.unwrap_or((1, 1)))
}

const HEADS: ByKey = ByKey {
    width: 1,
    sqlite: "SELECT h.* FROM json_each($1) AS wanted CROSS JOIN chain_head AS h WHERE h.merchant_id = wanted.value ->> 0",
    postgres: "SELECT head.* FROM unnest($1::text[]) AS wanted (merchant)
               CROSS JOIN LATERAL (SELECT * FROM chain_head AS h WHERE h.merchant_id = merchant LIMIT 1) AS head",
};

/// Reads where the chains end that `postings` are added to, but for those that are in `heads`.
pub async fn read_heads<'a>(
    session: &mut dyn Session,
    postings: &[Posting<'a>],
    heads: &mut Heads<'a>,
) -> Result<(), Error> {
    let mut wanted = Vec::new();
    for Posting { merchant, .. } in postings {
        heads.entry(merchant).or_insert_with(|| {
            wanted.push(*merchant);
            (0, START)
        });
    }
    if wanted.is_empty() {
        return Ok(());
    }
    let mut visit = |row: &dyn Columns| {
        if let Some(head) = heads.get_mut(row.text("merchant_id")?.as_str()) {
            let link = Link::try_from(row.bytes("chain_sha256")?)
                .map_err(|_| wrong("chain_head", "chain_sha256"))?;
            *head = (row.number("txn_id")?, link);
        }
        Ok(())
    };
    session.each_of(&HEADS, &wanted, &mut visit).await
}

/// Adds the values of a row of `ledger` in the order of its columns.
fn add_row<'a>(values: &mut Vec<Value<'a>>, numbered: &'a Numbered<'a>, now: Timestamp) {
    let Numbered { posting, transaction, first_entry, link, entries } = numbered;
    values.extend([
        Value::from(*transaction),
        (*first_entry).into(),
        posting.kind.word().into(),
        posting.merchant.into(),
        now.as_millis().into(),
        link.into(),
    ]);
    match &posting.what {
        What::Event(event) => {
            values.extend([Value::Text(None), Value::Number(None), Value::Text(None)]);
            add_event(values, event);
        }
        What::Entries { ref_id, corrects, .. } => {
            values.extend([Value::from(ref_id), (*corrects).into(), entries.as_deref().into()]);
            values.extend(NO_EVENT);
        }
    }
}

fn add_event<'a>(values: &mut Vec<Value<'a>>, rated: &'a RatedEvent) {
    let event = &rated.event;
    values.extend([
        Value::from(&event.event_id),
        (&rated.payload_sha256).into(),
        (&event.request_id).into(),
        i64::from(event.attempt).into(),
        event.epoch.into(),
        event.admit_time.as_millis().into(),
        (&event.day_window).into(),
        (&event.month_window).into(),
        (&event.price_version).into(),
        (&event.target).into(),
        (&event.upstream).into(),
        (&event.model_requested).into(),
        (&event.model_served).into(),
        (&event.provider_request_id).into(),
        (&event.gateway_id).into(),
        (&event.key_id).into(),
        (&event.decision_id).into(),
        event.status.word().into(),
        source_word(event.usage.source).into(),
    ]);
    let (counts, rare) = event.counts();
    values.extend(counts.map(Value::from));
    let mut amounts = [None; LINES];
    for line in &rated.lines {
        amounts[line_index(line.book, line.component)] = Some(line.amount_pico);
    }
    let (amounts, rare_amounts) = amounts.split_at(FIRST_LINES);
    values.extend(amounts.iter().copied().map(Value::from));
    values.extend([Value::from(rated.sell_pico), rated.cost_pico.into()]);
    let tier = event.usage.service_tier;
    values.push(Some(tier_word(tier)).filter(|_| tier != ServiceTier::Standard).into());
    values.extend(rare.map(|count| Value::from(Some(count).filter(|count| *count != 0))));
    values.extend(rare_amounts.iter().copied().map(Value::from));
}

/// Columns of `ledger` that only a charge fills.
const EVENT_COLUMNS: usize = 52;
/// The one of them that names the tier.
const TIER_COLUMN: usize = 41;

/// Those columns for another transaction: a NULL of the driver has a type too.
const NO_EVENT: [Value<'static>; EVENT_COLUMNS] = {
    let mut values = [Value::Number(None); EVENT_COLUMNS];
    let mut at = 0;
    while at < 19 {
        values[at] = match at {
            1 => Value::Bytes(None),
            3..6 => Value::Number(None),
            _ => Value::Text(None),
        };
        at += 1;
    }
    values[TIER_COLUMN] = Value::Text(None);
    values
};

/// Posts a payment unless its id was posted, or more would go back than was paid.
pub async fn pay(session: &mut dyn Session, payment: &Payment, now: Timestamp) -> Result<Posted, Error> {
    let sql = "SELECT txn_id, entries FROM ledger WHERE kind = 'topup' AND ref_id = $1";
    let before = |row: &dyn Columns| Ok((row.number("txn_id")?, posting::read(&row.text("entries")?)?));
    match session.optional(sql, &[(&payment.id).into()], before).await? {
        None => {
            let back = -i128::from(payment.amount_pico);
            if back > 0 {
                let paid_pico = paid(session, payment.merchant_id.as_str(), (0, i64::MAX)).await?;
                if back > paid_pico {
                    return Ok(Posted::Overdrawn(paid_pico));
                }
            }
            Ok(Posted::Transaction(post(session, &[Posting::payment(payment)], now).await?))
        }
        // Merchant, amount and whether it tops up are all that a payment says, and its entries say all three.
        Some((transaction, entries)) if entries == payment.entries() => Ok(Posted::Transaction(transaction)),
        Some(_) => Ok(Posted::Different),
    }
}
