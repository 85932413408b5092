//! Statements and rows without the types of a database, so that each statement is written once for both back ends.

use futures::future::BoxFuture;
use sqlx::{ColumnIndex, Database, Decode, Encode, PgConnection, SqliteConnection, Type, query::Query};

/// A value for a placeholder `$1`, `$2`, ….
#[derive(Debug, Clone, Copy)]
pub enum Value<'a> {
    /// A text.
    Text(&'a str),
    /// A number.
    Number(i64),
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(text)
    }
}

impl From<i64> for Value<'_> {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

/// A row, read by the names of its columns.
pub trait Columns: Send {
    /// A text.
    fn text(&self, column: &str) -> Result<String, sqlx::Error>;
    /// A number.
    fn number(&self, column: &str) -> Result<i64, sqlx::Error>;
}

impl<R: sqlx::Row + Send> Columns for R
where
    for<'i> &'i str: ColumnIndex<R>,
    for<'r> String: Decode<'r, R::Database> + Type<R::Database>,
    for<'r> i64: Decode<'r, R::Database> + Type<R::Database>,
{
    fn text(&self, column: &str) -> Result<String, sqlx::Error> {
        self.try_get(column)
    }

    fn number(&self, column: &str) -> Result<i64, sqlx::Error> {
        self.try_get(column)
    }
}

/// A row of either database.
pub type Row = Box<dyn Columns>;

/// An open connection or transaction of either database.
pub trait Session: Send {
    /// Runs a statement and answers its rows.
    fn rows<'a>(
        &'a mut self,
        sql: &'static str,
        values: &'a [Value<'a>],
    ) -> BoxFuture<'a, Result<Vec<Row>, sqlx::Error>>;
}

fn bind<'q, DB: Database>(
    sql: &'static str,
    values: &[Value<'q>],
) -> Query<'q, DB, <DB as Database>::Arguments>
where
    &'q str: Encode<'q, DB> + Type<DB>,
    i64: Encode<'q, DB> + Type<DB>,
{
    values.iter().fold(sqlx::query(sql), |query, value| match value {
        Value::Text(text) => query.bind(*text),
        Value::Number(number) => query.bind(*number),
    })
}

/// Both databases take the same statements; their drivers only have other types.
macro_rules! session_of {
    ($connection:ty) => {
        impl Session for $connection {
            fn rows<'a>(
                &'a mut self,
                sql: &'static str,
                values: &'a [Value<'a>],
            ) -> BoxFuture<'a, Result<Vec<Row>, sqlx::Error>> {
                Box::pin(async move {
                    let rows = bind(sql, values).fetch_all(self).await?;
                    Ok(rows.into_iter().map(|row| Box::new(row) as Row).collect())
                })
            }
        }
    };
}

session_of!(SqliteConnection);
session_of!(PgConnection);
