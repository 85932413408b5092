//! Statements and rows without the types of a database, so that each statement is written once for both back ends.

use futures::future::BoxFuture;
use sqlx::{ColumnIndex, Database, Decode, Encode, PgConnection, SqliteConnection, Type, query::Query};

/// A value for a placeholder `$1`, `$2`, …, or of a row that is inserted.
#[derive(Debug, Clone, Copy)]
pub enum Value<'a> {
    /// A text or NULL.
    Text(Option<&'a str>),
    /// A number or NULL.
    Number(Option<i64>),
    /// A truth value.
    Flag(bool),
    /// Bytes or NULL.
    Bytes(Option<&'a [u8]>),
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(Some(text))
    }
}

impl<'a> From<&'a String> for Value<'a> {
    fn from(text: &'a String) -> Self {
        Self::Text(Some(text))
    }
}

impl<'a> From<Option<&'a str>> for Value<'a> {
    fn from(text: Option<&'a str>) -> Self {
        Self::Text(text)
    }
}

impl From<i64> for Value<'_> {
    fn from(number: i64) -> Self {
        Self::Number(Some(number))
    }
}

impl From<Option<i64>> for Value<'_> {
    fn from(number: Option<i64>) -> Self {
        Self::Number(number)
    }
}

impl<'a> From<&'a [u8; 32]> for Value<'a> {
    fn from(hash: &'a [u8; 32]) -> Self {
        Self::Bytes(Some(hash))
    }
}

/// A row, read by the names of its columns.
pub trait Columns: Send {
    /// A text that is there.
    fn text(&self, column: &str) -> Result<String, sqlx::Error>;
    /// A text, or `None` for NULL.
    fn optional_text(&self, column: &str) -> Result<Option<String>, sqlx::Error>;
    /// A number that is there.
    fn number(&self, column: &str) -> Result<i64, sqlx::Error>;
    /// A number, or `None` for NULL.
    fn optional_number(&self, column: &str) -> Result<Option<i64>, sqlx::Error>;
    /// A truth value that is there.
    fn flag(&self, column: &str) -> Result<bool, sqlx::Error>;
    /// Bytes that are there.
    fn bytes(&self, column: &str) -> Result<Vec<u8>, sqlx::Error>;
}

impl<R: sqlx::Row> Columns for R
where
    for<'i> &'i str: ColumnIndex<R>,
    for<'r> String: Decode<'r, R::Database> + Type<R::Database>,
    for<'r> i64: Decode<'r, R::Database> + Type<R::Database>,
    for<'r> bool: Decode<'r, R::Database> + Type<R::Database>,
    for<'r> Vec<u8>: Decode<'r, R::Database> + Type<R::Database>,
{
    fn text(&self, column: &str) -> Result<String, sqlx::Error> {
        self.try_get(column)
    }

    fn optional_text(&self, column: &str) -> Result<Option<String>, sqlx::Error> {
        self.try_get(column)
    }

    fn number(&self, column: &str) -> Result<i64, sqlx::Error> {
        self.try_get(column)
    }

    fn optional_number(&self, column: &str) -> Result<Option<i64>, sqlx::Error> {
        self.try_get(column)
    }

    fn flag(&self, column: &str) -> Result<bool, sqlx::Error> {
        self.try_get(column)
    }

    fn bytes(&self, column: &str) -> Result<Vec<u8>, sqlx::Error> {
        self.try_get(column)
    }
}

/// A row of either database.
pub type Row = Box<dyn Columns>;

/// An open connection or transaction of either database.
pub trait Session: Send {
    /// Runs a statement that answers rows.
    fn rows<'a>(
        &'a mut self,
        sql: &'static str,
        values: &'a [Value<'a>],
    ) -> BoxFuture<'a, Result<Vec<Row>, sqlx::Error>>;

    /// Runs a statement that answers nothing.
    fn execute<'a>(
        &'a mut self,
        sql: &'static str,
        values: &'a [Value<'a>],
    ) -> BoxFuture<'a, Result<(), sqlx::Error>>;
}

impl dyn Session + '_ {
    /// Runs a statement that answers one row at most, and reads it with `read`.
    pub async fn optional<T, E: From<sqlx::Error>>(
        &mut self,
        sql: &'static str,
        values: &[Value<'_>],
        read: impl Fn(&Row) -> Result<T, E>,
    ) -> Result<Option<T>, E> {
        self.rows(sql, values).await?.first().map(read).transpose()
    }

    /// Runs a statement that answers rows, and reads each with `read`.
    pub async fn all<T, E: From<sqlx::Error>>(
        &mut self,
        sql: &'static str,
        values: &[Value<'_>],
        read: impl Fn(&Row) -> Result<T, E>,
    ) -> Result<Vec<T>, E> {
        self.rows(sql, values).await?.iter().map(read).collect()
    }

    /// Runs a statement that answers one row with the column `number`.
    pub async fn number(&mut self, sql: &'static str, values: &[Value<'_>]) -> Result<i64, sqlx::Error> {
        let rows = self.rows(sql, values).await?;
        rows.first().ok_or(sqlx::Error::RowNotFound)?.number("number")
    }
}

/// A query of either driver with its values.
pub fn bind<'q, DB: Database>(
    sql: &'static str,
    values: &[Value<'q>],
) -> Query<'q, DB, <DB as Database>::Arguments>
where
    Option<&'q str>: Encode<'q, DB> + Type<DB>,
    Option<i64>: Encode<'q, DB> + Type<DB>,
    bool: Encode<'q, DB> + Type<DB>,
    Option<&'q [u8]>: Encode<'q, DB> + Type<DB>,
{
    values.iter().fold(sqlx::query(sql), |query, value| match value {
        Value::Text(text) => query.bind(*text),
        Value::Number(number) => query.bind(*number),
        Value::Flag(flag) => query.bind(*flag),
        Value::Bytes(bytes) => query.bind(*bytes),
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

            fn execute<'a>(
                &'a mut self,
                sql: &'static str,
                values: &'a [Value<'a>],
            ) -> BoxFuture<'a, Result<(), sqlx::Error>> {
                Box::pin(async move { bind(sql, values).execute(self).await.map(drop) })
            }
        }
    };
}

session_of!(SqliteConnection);
session_of!(PgConnection);
