//! The ends of the chains.

use sqlx::{PgConnection, Row as _};

use crate::store::{
    ChainHead, Error,
    posting::{Heads, add_head},
    rows,
};

/// Reads the newest links of `merchants`; one without transactions has none.
pub async fn heads<'a>(connection: &mut PgConnection, merchants: &[&'a str]) -> Result<Heads<'a>, Error> {
    // The limit keeps the planner from walking the whole table instead of the few that are asked for.
    let sql =
        "SELECT wanted.place, head.* FROM unnest($1::text[]) WITH ORDINALITY AS wanted (merchant, place)
               CROSS JOIN LATERAL (SELECT h.txn_id, h.chain_sha256 FROM chain_head AS h
               WHERE h.merchant_id = wanted.merchant LIMIT 1) AS head";
    let mut heads = Heads::with_capacity(merchants.len());
    for row in sqlx::query(sql).bind(merchants).fetch_all(connection).await? {
        let place = usize::try_from(row.try_get::<i64, _>(0)? - 1).ok();
        if let Some(merchant) = place.and_then(|place| merchants.get(place)) {
            add_head(&mut heads, merchant, row.try_get(1)?, row.try_get(2)?)?;
        }
    }
    Ok(heads)
}

/// Moves the ends of chains.
pub async fn set_heads(connection: &mut PgConnection, heads: &Heads<'_>) -> Result<(), Error> {
    let sql = "INSERT INTO chain_head (merchant_id, txn_id, chain_sha256)
               SELECT * FROM unnest($1::text[], $2::bigint[], $3::bytea[])
               ON CONFLICT (merchant_id) DO UPDATE SET txn_id = excluded.txn_id, chain_sha256 = excluded.chain_sha256";
    let merchants: Vec<&str> = heads.keys().copied().collect();
    let transactions: Vec<i64> = heads.values().map(|(transaction, _)| *transaction).collect();
    let links: Vec<&[u8]> = heads.values().map(|(_, link)| link.as_slice()).collect();
    sqlx::query(sql).bind(merchants).bind(transactions).bind(links).execute(connection).await?;
    Ok(())
}

/// Reads the ends of all chains, in order of the merchants.
pub async fn all_heads(connection: &mut PgConnection) -> Result<Vec<ChainHead>, Error> {
    let sql = "SELECT * FROM chain_head ORDER BY merchant_id";
    sqlx::query(sql).fetch_all(connection).await?.iter().map(rows::chain_head).collect()
}
