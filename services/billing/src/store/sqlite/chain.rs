//! The ends of the chains.

use sqlx::{Arguments as _, AssertSqlSafe, Row as _, SqliteConnection, sqlite::SqliteArguments};

use super::{
    bulk::{self, bind_all},
    rows,
};
use crate::store::{
    ChainHead, Error,
    posting::{Heads, add_head},
};

/// Reads the newest links of `merchants`; one without transactions has none.
pub async fn heads<'a>(connection: &mut SqliteConnection, merchants: &[&'a str]) -> Result<Heads<'a>, Error> {
    let mut heads = Heads::with_capacity(merchants.len());
    for chunk in bulk::chunks(merchants) {
        // CROSS JOIN keeps the planner from walking the whole table instead of the few that are asked for.
        let sql = format!(
            "WITH wanted (place, merchant) AS (VALUES {}) SELECT w.place, h.txn_id, h.chain_sha256
             FROM wanted AS w CROSS JOIN chain_head AS h ON h.merchant_id = w.merchant",
            bulk::tuples(2, chunk.len())
        );
        let mut arguments = SqliteArguments::default();
        for (place, merchant) in (0_i64..).zip(chunk) {
            bind_place(&mut arguments, place, merchant).map_err(sqlx::Error::Encode)?;
        }
        for row in sqlx::query_with(AssertSqlSafe(sql), arguments).fetch_all(&mut *connection).await? {
            let place = usize::try_from(row.try_get::<i64, _>(0)?).ok().and_then(|place| chunk.get(place));
            if let Some(merchant) = place {
                add_head(&mut heads, merchant, row.try_get(1)?, row.try_get(2)?)?;
            }
        }
    }
    Ok(heads)
}

fn bind_place(arguments: &mut SqliteArguments, place: i64, merchant: &str) -> bulk::Bound {
    bind_all!(arguments, place, merchant)
}

/// Moves the ends of chains.
pub async fn set_heads(connection: &mut SqliteConnection, heads: &Heads<'_>) -> Result<(), Error> {
    let rows: Vec<_> = heads.iter().collect();
    let columns = ["merchant_id", "txn_id", "chain_sha256"];
    bulk::replace(connection, "chain_head", &columns, &rows, |arguments, (merchant, (transaction, link))| {
        bind_all!(arguments, **merchant, *transaction, link.as_slice())
    })
    .await
}

/// Reads the ends of all chains, in order of the merchants.
pub async fn all_heads(connection: &mut SqliteConnection) -> Result<Vec<ChainHead>, Error> {
    let sql = "SELECT * FROM chain_head ORDER BY merchant_id";
    sqlx::query(sql).fetch_all(connection).await?.iter().map(rows::chain_head).collect()
}
