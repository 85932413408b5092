//! Statements and rows without the types of a database, so that each statement is written once for both back ends.

use std::ops::DerefMut;

use futures::future::BoxFuture;

use crate::store::{Error, Pending};

pub use kaleem_store::{Columns, Value, bind};

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
            Self::Ledger => 61,
            Self::ChainHeads | Self::BillDays => 3,
            Self::StatementLines => 11,
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
