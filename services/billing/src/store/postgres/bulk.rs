//! Many rows a statement: one array of the table's row type, in the binary format.
//!
//! The whole of a table's rows is one parameter and one round trip. COPY would cost the server less still, but it takes the driver three
//! writes, and as the driver leaves Nagle's algorithm on, each COPY would wait for the server's delayed acknowledgement: 40 ms.

use std::{marker::PhantomData, ops::Range};

use sqlx::{
    Encode, PgConnection, Postgres, Type,
    encode::IsNull,
    error::BoxDynError,
    postgres::{PgArgumentBuffer, PgHasArrayType, PgTypeInfo},
};

use crate::store::Error;

/// A table that is filled by whole arrays; the values of a row come in the order of its columns.
pub trait Table {
    /// Its name, which is its row type's too.
    const NAME: &'static str;
    /// Adds an array of rows.
    const INSERT: &'static str;
    /// How many columns it has.
    const COLUMNS: i32;
}

macro_rules! tables {
    ($($table:ident = $name:literal of $columns:literal),+ $(,)?) => {
        $(
            #[doc = concat!("`", $name, "`.")]
            pub enum $table {}

            impl Table for $table {
                const NAME: &'static str = $name;
                const INSERT: &'static str =
                    concat!("INSERT INTO ", $name, " SELECT * FROM unnest($1::", $name, "[])");
                const COLUMNS: i32 = $columns;
            }
        )+
    };
}

tables! {
    UsageEvents = "usage_event" of 30,
    RatedLines = "rated_line" of 5,
    Transactions = "ledger_txn" of 8,
    Entries = "ledger_entry" of 4,
    StatementLines = "statement_line" of 10,
    BillDays = "provider_bill_day" of 3,
    BillRows = "provider_bill_row" of 8,
}

/// Rows of a table that are ready to be inserted.
pub struct Rows<T> {
    data: Vec<u8>,
    places: Vec<Range<usize>>,
    table: PhantomData<fn() -> T>,
}

impl<T: Table> Rows<T> {
    /// Writes all `rows`; `add` adds the values of one in the order of the columns.
    pub fn of<R>(rows: impl IntoIterator<Item = R>, add: impl Fn(&mut Row<'_>, R)) -> Self {
        let mut all = Self { data: Vec::new(), places: Vec::new(), table: PhantomData };
        for row in rows {
            let start = all.data.len();
            all.data.extend(T::COLUMNS.to_be_bytes());
            add(&mut Row(&mut all.data), row);
            all.places.push(start..all.data.len());
        }
        all
    }

    /// Inserts them.
    pub async fn insert(self, connection: &mut PgConnection) -> Result<(), Error> {
        let record = |range: &Range<usize>| Record::<T> {
            data: self.data.get(range.clone()).unwrap_or_default(),
            table: PhantomData,
        };
        let records: Vec<_> = self.places.iter().map(record).collect();
        sqlx::query(T::INSERT).bind(records).execute(connection).await?;
        Ok(())
    }
}

/// A row in the binary format of its type.
struct Record<'a, T> {
    data: &'a [u8],
    table: PhantomData<fn() -> T>,
}

impl<T: Table> Type<Postgres> for Record<'_, T> {
    fn type_info() -> PgTypeInfo {
        PgTypeInfo::with_name(T::NAME)
    }
}

impl<T: Table> PgHasArrayType for Record<'_, T> {
    fn array_type_info() -> PgTypeInfo {
        PgTypeInfo::array_of(T::NAME)
    }
}

impl<T: Table> Encode<'_, Postgres> for Record<'_, T> {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        buffer.extend_from_slice(self.data);
        Ok(IsNull::No)
    }
}

/// A row that is being written.
pub struct Row<'a>(&'a mut Vec<u8>);

impl Row<'_> {
    /// Adds the value of the next column.
    pub fn add<V: Binary>(&mut self, value: V) {
        self.0.extend(V::TYPE.to_be_bytes());
        value.write(self.0);
    }

    fn bytes(data: &mut Vec<u8>, bytes: &[u8]) {
        // A length beyond its field breaks the statement, as it must.
        data.extend(u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes());
        data.extend(bytes);
    }
}

/// A value in the binary format of its column's type.
pub trait Binary {
    /// Number of the type, the same in every Postgres.
    const TYPE: u32;
    /// Appends length and bytes.
    fn write(self, data: &mut Vec<u8>);
}

impl Binary for &str {
    const TYPE: u32 = 25;

    fn write(self, data: &mut Vec<u8>) {
        Row::bytes(data, self.as_bytes());
    }
}

impl Binary for &[u8] {
    const TYPE: u32 = 17;

    fn write(self, data: &mut Vec<u8>) {
        Row::bytes(data, self);
    }
}

impl Binary for i64 {
    const TYPE: u32 = 20;

    fn write(self, data: &mut Vec<u8>) {
        Row::bytes(data, &self.to_be_bytes());
    }
}

impl Binary for i32 {
    const TYPE: u32 = 23;

    fn write(self, data: &mut Vec<u8>) {
        Row::bytes(data, &self.to_be_bytes());
    }
}

impl<T: Binary> Binary for Option<T> {
    const TYPE: u32 = T::TYPE;

    fn write(self, data: &mut Vec<u8>) {
        match self {
            Some(value) => value.write(data),
            None => data.extend((-1_i32).to_be_bytes()),
        }
    }
}

/// Adds each value in turn.
macro_rules! add_all {
    ($row:expr, $($value:expr),+ $(,)?) => {{
        $($row.add($value);)+
    }};
}
pub(super) use add_all;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_a_type_a_length_and_big_endian_bytes() {
        let mut data = Vec::new();
        let mut row = Row(&mut data);
        add_all!(row, "ab", 1_i32, -2_i64, None::<i64>, [7_u8].as_slice());
        let expected = [
            &[0, 0, 0, 25, 0, 0, 0, 2, b'a', b'b'][..],
            &[0, 0, 0, 23, 0, 0, 0, 4, 0, 0, 0, 1],
            &[0, 0, 0, 20, 0, 0, 0, 8, 255, 255, 255, 255, 255, 255, 255, 254],
            &[0, 0, 0, 20, 255, 255, 255, 255],
            &[0, 0, 0, 17, 0, 0, 0, 1, 7],
        ];
        assert_eq!(data, expected.concat());
    }
}
