//! Statements in SQLite. Many rows a statement: a round trip to the database's thread costs more than inserting a row.

use futures::{TryStreamExt as _, future::BoxFuture};
use sqlx::{Arguments as _, AssertSqlSafe, SqliteConnection, error::BoxDynError, sqlite::SqliteArguments};

use crate::store::{
    Error,
    sql::session::{ByKey, Session, Table, Value, Visit, bind},
};

/// Most rows a statement; 64 rows of 61 columns are well below SQLite's 32,766 parameters.
const ROWS_MAX: usize = 64;

impl Session for SqliteConnection {
    fn each<'a>(
        &'a mut self,
        sql: &'static str,
        values: &'a [Value<'a>],
        visit: &'a mut Visit<'_>,
    ) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            let mut rows = bind(sql, values).fetch(self);
            while let Some(row) = rows.try_next().await? {
                visit(&row)?;
            }
            Ok(())
        })
    }

    fn execute<'a>(
        &'a mut self,
        sql: &'static str,
        values: &'a [Value<'a>],
    ) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            bind(sql, values).execute(self).await?;
            Ok(())
        })
    }

    fn insert<'a>(&'a mut self, table: Table, values: &'a [Value<'a>]) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            for chunk in chunks(values, table.columns()) {
                let sql = statement(table, chunk.len() / table.columns());
                let arguments = arguments(chunk).map_err(sqlx::Error::Encode)?;
                // The table is a constant of this crate, and every value is bound.
                sqlx::query_with(AssertSqlSafe(sql), arguments).execute(&mut *self).await?;
            }
            Ok(())
        })
    }

    fn each_of<'a>(
        &'a mut self,
        query: &'static ByKey,
        keys: &'a [&'a str],
        visit: &'a mut Visit<'_>,
    ) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            let keys: Vec<_> = keys.chunks(query.width).collect();
            let keys = serde_json::to_string(&keys).map_err(|error| sqlx::Error::Encode(error.into()))?;
            self.each(query.sqlite, &[(&keys).into()], visit).await
        })
    }
}

/// `INSERT INTO <table> VALUES (?, …), …` for as many rows.
fn statement(table: Table, rows: usize) -> String {
    let (name, on_conflict) = match table {
        Table::Ledger => ("ledger", ""),
        Table::ChainHeads => (
            "chain_head",
            " ON CONFLICT (merchant_id) DO UPDATE SET txn_id = excluded.txn_id, chain_sha256 = excluded.chain_sha256",
        ),
        Table::StatementLines => ("statement_line", ""),
        Table::BillDays => ("provider_bill_day", ""),
        Table::BillRows => ("provider_bill_row", ""),
    };
    let tuple = format!("({})", vec!["?"; table.columns()].join(", "));
    format!("INSERT INTO {name} VALUES {}{on_conflict}", vec![tuple; rows].join(", "))
}

fn arguments(values: &[Value<'_>]) -> Result<SqliteArguments, BoxDynError> {
    let mut arguments = SqliteArguments::default();
    arguments.reserve(values.len(), 0);
    for value in values {
        match value {
            Value::Text(text) => arguments.add(*text)?,
            Value::Number(number) => arguments.add(*number)?,
            Value::Flag(flag) => arguments.add(*flag)?,
            Value::Bytes(bytes) => arguments.add(*bytes)?,
        }
    }
    Ok(arguments)
}

/// Cuts the values of rows of as many `columns` into powers of two of rows, so that a handful of prepared statements serves every number
/// of rows.
fn chunks<T>(mut values: &[T], columns: usize) -> impl Iterator<Item = &[T]> {
    std::iter::from_fn(move || {
        let rows = 1 << (values.len() / columns).min(ROWS_MAX).checked_ilog2()?;
        let (chunk, rest) = values.split_at(rows * columns);
        values = rest;
        Some(chunk)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_powers_of_two_of_rows_and_lose_nothing() {
        for rows in [0, 1, 2, 3, 63, 64, 65, 200, 1_279] {
            let values: Vec<_> = (0..rows * 3).collect();
            let chunks: Vec<_> = chunks(&values, 3).collect();
            assert_eq!(chunks.concat(), values);
            assert!(chunks.iter().all(|chunk| chunk.len() % 3 == 0 && (chunk.len() / 3).is_power_of_two()));
            assert!(chunks.iter().all(|chunk| chunk.len() / 3 <= ROWS_MAX));
        }
    }

    #[test]
    fn a_tuple_a_row() {
        assert_eq!(
            statement(Table::BillDays, 2),
            "INSERT INTO provider_bill_day VALUES (?, ?, ?), (?, ?, ?)"
        );
    }
}
