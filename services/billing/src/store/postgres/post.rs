//! Posting in Postgres.

use kaleem_domain::Timestamp;
use sqlx::{PgConnection, Row as _};

use super::{
    bulk::{Entries, Rows, Transactions, add_all},
    chain,
};
use crate::{
    ledger::{Entry, Kind},
    payment::Payment,
    store::{
        Error, Posted,
        posting::{self, Posting, number},
    },
};

/// Posts transactions in order and answers the number of the first; the others follow it without gaps.
pub async fn post(
    connection: &mut PgConnection,
    postings: &[Posting<'_>],
    now: Timestamp,
) -> Result<i64, Error> {
    let sql = "SELECT coalesce((SELECT max(txn_id) FROM ledger_txn), 0),
               coalesce((SELECT max(seq) FROM ledger_entry), 0)";
    let newest = sqlx::query(sql).fetch_one(&mut *connection).await?;
    let (first, entry_seq) = (newest.try_get::<i64, _>(0)? + 1, newest.try_get::<i64, _>(1)? + 1);
    let mut heads = chain::heads(connection, &posting::merchants(postings)).await?;
    let numbered = number(postings, (first, entry_seq), &mut heads, now);
    Rows::<Transactions>::of(&numbered, |row, numbered| {
        let posting = numbered.posting;
        add_all!(
            row,
            numbered.transaction,
            posting.kind.word(),
            posting.event_seq,
            posting.ref_id.as_deref(),
            posting.corrects,
            now.as_millis(),
            posting.merchant,
            numbered.link.as_slice(),
        );
    })
    .insert(connection)
    .await?;
    let entries = numbered.iter().flat_map(|numbered| {
        let transaction = numbered.transaction;
        numbered.entries().map(move |(seq, entry)| (seq, transaction, entry))
    });
    Rows::<Entries>::of(entries, |row, (seq, transaction, entry)| {
        add_all!(row, seq, transaction, entry.account.as_str(), entry.amount_pico);
    })
    .insert(connection)
    .await?;
    chain::set_heads(connection, &heads).await?;
    Ok(first)
}

/// Posts a payment unless its id was posted.
pub async fn payment(
    connection: &mut PgConnection,
    payment: &Payment,
    now: Timestamp,
) -> Result<Posted, Error> {
    let sql = "SELECT t.txn_id, e.account, e.amount_pico FROM ledger_txn AS t JOIN ledger_entry AS e ON e.txn_id = t.txn_id
               WHERE t.kind = $1 AND t.ref_id = $2 ORDER BY e.seq";
    let query = sqlx::query(sql).bind(Kind::Payment.word()).bind(&payment.id);
    let held = query.fetch_all(&mut *connection).await?;
    let Some(first) = held.first() else {
        return Ok(Posted::Transaction(post(connection, &[Posting::payment(payment)], now).await?));
    };
    let mut entries = Vec::with_capacity(held.len());
    for row in &held {
        entries.push(Entry { account: row.try_get(1)?, amount_pico: row.try_get(2)? });
    }
    Ok(posting::posted_before(payment, first.try_get(0)?, &entries))
}
