//! The ends of the chains.

use std::collections::HashMap;

use sqlx::{Arguments as _, AssertSqlSafe, Row as _, SqliteConnection, sqlite::SqliteArguments};

use super::bulk::{self, bind_all};
use crate::{
    chain::Link,
    store::{ChainHead, Error},
};

/// Newest transaction and link of each merchant.
pub type Heads<'a> = HashMap<&'a str, (i64, Link)>;

/// Reads the newest links of `merchants`; one without transactions has none.
pub async fn heads<'a>(connection: &mut SqliteConnection, merchants: &[&'a str]) -> Result<Heads<'a>, Error> {
    let mut heads = HashMap::with_capacity(merchants.len());
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
            let wrong = Error::Value { table: "chain_head", column: "chain_sha256" };
            let link = Link::try_from(row.try_get::<&[u8], _>(2)?).map_err(|_| wrong)?;
            let place = usize::try_from(row.try_get::<i64, _>(0)?).ok().and_then(|place| chunk.get(place));
            if let Some(merchant) = place {
                heads.insert(*merchant, (row.try_get(1)?, link));
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
    let mut heads = Vec::new();
    for row in sqlx::query(sql).fetch_all(connection).await? {
        heads.push(ChainHead {
            merchant: row.try_get("merchant_id")?,
            transaction: row.try_get("txn_id")?,
            chain_sha256: row.try_get("chain_sha256")?,
        });
    }
    Ok(heads)
}
