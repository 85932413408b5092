//! Many rows a statement: a round trip to the database's thread costs more than inserting a row.

use sqlx::{AssertSqlSafe, SqliteConnection, error::BoxDynError, sqlite::SqliteArguments};

use crate::store::Error;

/// Most rows a statement; 64 rows of 30 columns are well below SQLite's 32,766 parameters.
const ROWS_MAX: usize = 64;

/// Columns of a row as they are bound.
pub type Bound = Result<(), BoxDynError>;

/// Runs `INSERT INTO <table> (<columns>) VALUES …` for all `rows`.
pub async fn insert<T>(
    connection: &mut SqliteConnection,
    table: &'static str,
    columns: &[&'static str],
    rows: &[T],
    bind: impl Fn(&mut SqliteArguments, &T) -> Bound,
) -> Result<(), Error> {
    run(connection, &format!("INSERT INTO {table}"), columns, rows, bind).await
}

/// Runs `REPLACE INTO <table> (<columns>) VALUES …` for all `rows`.
pub async fn replace<T>(
    connection: &mut SqliteConnection,
    table: &'static str,
    columns: &[&'static str],
    rows: &[T],
    bind: impl Fn(&mut SqliteArguments, &T) -> Bound,
) -> Result<(), Error> {
    run(connection, &format!("REPLACE INTO {table}"), columns, rows, bind).await
}

async fn run<T>(
    connection: &mut SqliteConnection,
    verb: &str,
    columns: &[&'static str],
    rows: &[T],
    bind: impl Fn(&mut SqliteArguments, &T) -> Bound,
) -> Result<(), Error> {
    for chunk in chunks(rows) {
        let values = tuples(columns.len(), chunk.len());
        let sql = format!("{verb} ({}) VALUES {values}", columns.join(", "));
        let mut arguments = SqliteArguments::default();
        for row in chunk {
            bind(&mut arguments, row).map_err(sqlx::Error::Encode)?;
        }
        // Table and columns are constants of this crate, and every value is bound.
        sqlx::query_with(AssertSqlSafe(sql), arguments).execute(&mut *connection).await?;
    }
    Ok(())
}

/// Cuts `rows` into powers of two, so that a handful of prepared statements serves every number of rows.
pub fn chunks<T>(mut rows: &[T]) -> impl Iterator<Item = &[T]> {
    std::iter::from_fn(move || {
        let size = 1 << rows.len().min(ROWS_MAX).checked_ilog2()?;
        let (chunk, rest) = rows.split_at(size);
        rows = rest;
        Some(chunk)
    })
}

/// `(?, ?), (?, ?)` for two columns and two rows.
pub fn tuples(columns: usize, rows: usize) -> String {
    let tuple = format!("({})", vec!["?"; columns].join(", "));
    vec![tuple; rows].join(", ")
}

/// Binds each value in turn.
macro_rules! bind_all {
    ($arguments:expr, $($value:expr),+ $(,)?) => {{
        $($arguments.add($value)?;)+
        Ok(())
    }};
}
pub(super) use bind_all;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_powers_of_two_and_lose_nothing() {
        for length in [0, 1, 2, 3, 63, 64, 65, 200, 1_279] {
            let rows: Vec<_> = (0..length).collect();
            let chunks: Vec<_> = chunks(&rows).collect();
            assert_eq!(chunks.concat(), rows);
            assert!(chunks.iter().all(|chunk| chunk.len().is_power_of_two() && chunk.len() <= ROWS_MAX));
        }
    }

    #[test]
    fn a_tuple_a_row() {
        assert_eq!(tuples(2, 2), "(?, ?), (?, ?)");
    }
}
