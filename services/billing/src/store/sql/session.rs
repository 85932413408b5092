//! Statements and rows without the types of a database, so that each statement is written once for both back ends.

use std::ops::DerefMut;

use futures::future::BoxFuture;
use sqlx::{ColumnIndex, Database, Decode, Encode, Type, query::Query};

use crate::store::{Error, Pending};

/// A value for a placeholder `$1`, `$2`, …, or of a row that is inserted.
#[derive(Debug, Clone, Copy)]
pub enum Value<'a> {
    /// A text or NULL.
    Text(Option<&'a str>),
    /// A number or NULL.
    Number(Option<i64>),
    /// A truth value.
    Flag(bool),
    /// Bytes.
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
pub trait Columns {
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

/// A table that is filled by many rows a statement; the values of a row come in the order of its columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Table {
    /// `ledger`.
    Ledger,
    /// `chain_head`, where a row takes the place of its merchant's.
    ChainHeads,
    /// `statement_line`.
    StatementLines,
    /// `provider_bill_day`.
    BillDays,
    /// `provider_bill_row`.
    BillRows,
}

impl Table {
    /// How many columns it has.
    pub const fn columns(self) -> usize {
        match self {
            Self::Ledger => 50,
            Self::ChainHeads | Self::BillDays => 3,
            Self::StatementLines => 10,
            Self::BillRows => 8,
        }
    }
}

/// A query for the rows of many keys at once, each of some texts.
#[derive(Debug)]
pub struct ByKey {
    /// Texts a key.
    pub width: usize,
    /// With the keys as a JSON array of arrays in `$1`.
    pub sqlite: &'static str,
    /// With the first texts of all keys as an array in `$1`, the second in `$2`, and so on.
    pub postgres: &'static str,
}

/// What is done with each row of an answer.
pub type Visit<'a> = dyn FnMut(&dyn Columns) -> Result<(), Error> + Send + 'a;

/// An open connection or transaction of either database.
pub trait Session: Send {
    /// Runs a statement that answers rows, and hands each to `visit`.
    fn each<'a>(
        &'a mut self,
        sql: &'static str,
        values: &'a [Value<'a>],
        visit: &'a mut Visit<'_>,
    ) -> BoxFuture<'a, Result<(), Error>>;

    /// Runs a statement that answers nothing.
    fn execute<'a>(
        &'a mut self,
        sql: &'static str,
        values: &'a [Value<'a>],
    ) -> BoxFuture<'a, Result<(), Error>>;

    /// Inserts rows, whose values follow each other.
    fn insert<'a>(&'a mut self, table: Table, values: &'a [Value<'a>]) -> BoxFuture<'a, Result<(), Error>>;

    /// Runs a query for the rows of `keys`, whose texts follow each other, and hands each to `visit`.
    fn each_of<'a>(
        &'a mut self,
        query: &'static ByKey,
        keys: &'a [&'a str],
        visit: &'a mut Visit<'_>,
    ) -> BoxFuture<'a, Result<(), Error>>;
}

impl dyn Session + '_ {
    /// Runs a statement that answers rows, and reads each with `read`.
    pub async fn all<T: Send>(
        &mut self,
        sql: &'static str,
        values: &[Value<'_>],
        read: impl Fn(&dyn Columns) -> Result<T, Error> + Send + Sync,
    ) -> Result<Vec<T>, Error> {
        let mut all = Vec::new();
        let mut visit = |row: &dyn Columns| {
            all.push(read(row)?);
            Ok(())
        };
        self.each(sql, values, &mut visit).await?;
        Ok(all)
    }

    /// Runs a statement that answers one row at most, and reads it with `read`.
    pub async fn optional<T: Send>(
        &mut self,
        sql: &'static str,
        values: &[Value<'_>],
        read: impl Fn(&dyn Columns) -> Result<T, Error> + Send + Sync,
    ) -> Result<Option<T>, Error> {
        Ok(self.all(sql, values, read).await?.into_iter().next())
    }

    /// Runs a statement that answers one row with the column `number`.
    pub async fn number(&mut self, sql: &'static str, values: &[Value<'_>]) -> Result<i64, Error> {
        let number = self.optional(sql, values, |row| Ok(row.number("number")?)).await?;
        Ok(number.ok_or(sqlx::Error::RowNotFound)?)
    }
}

/// A write transaction: it is the only one, of this process or another, from its start to its end, so what it reads stays true.
/// Dropped before it is committed, it was not.
pub trait Writing: DerefMut<Target = Self::Connection> + Send {
    /// What it runs on.
    type Connection: Session;

    /// Makes what it wrote durable.
    fn commit(self) -> Pending<'static, ()>;
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
