//! Statements in Postgres. Many rows a statement: one array of the table's row type, in the binary format.
//!
//! The whole of a table's rows is one parameter and one round trip. COPY would cost the server less still, but it takes the driver three
//! writes, and as the driver leaves Nagle's algorithm on, each COPY would wait for the server's delayed acknowledgement: 40 ms.

use std::marker::PhantomData;

use futures::{TryStreamExt as _, future::BoxFuture};
use sqlx::{
    Encode, PgConnection, Postgres, Type,
    encode::IsNull,
    error::BoxDynError,
    postgres::{PgArgumentBuffer, PgHasArrayType, PgTypeInfo},
};

use crate::store::{
    Error,
    sql::session::{ByKey, Session, Table, Value, Visit, bind},
};

impl Session for PgConnection {
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
        match table {
            Table::Ledger => Box::pin(insert::<Ledger>(self, table, values)),
            Table::ChainHeads => Box::pin(insert::<ChainHeads>(self, table, values)),
            Table::StatementLines => Box::pin(insert::<StatementLines>(self, table, values)),
            Table::BillDays => Box::pin(insert::<BillDays>(self, table, values)),
            Table::BillRows => Box::pin(insert::<BillRows>(self, table, values)),
        }
    }

    fn each_of<'a>(
        &'a mut self,
        query: &'static ByKey,
        keys: &'a [&'a str],
        visit: &'a mut Visit<'_>,
    ) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            let column = |first| keys.iter().skip(first).step_by(query.width).copied().collect::<Vec<_>>();
            let bound = sqlx::query(query.postgres);
            let bound = (0..query.width).map(column).fold(bound, sqlx::query::Query::bind);
            let mut rows = bound.fetch(self);
            while let Some(row) = rows.try_next().await? {
                visit(&row)?;
            }
            Ok(())
        })
    }
}

async fn insert<T: RowType>(
    connection: &mut PgConnection,
    table: Table,
    values: &[Value<'_>],
) -> Result<(), Error> {
    let rows: Vec<_> = values.chunks(table.columns()).map(|values| Record::<T>::new(values)).collect();
    sqlx::query(T::INSERT).bind(rows).execute(connection).await?;
    Ok(())
}

/// The row type of a table: the driver asks a type for its name, and not a value.
trait RowType {
    /// Its name, which is the table's.
    const NAME: &'static str;
    /// Adds an array of rows.
    const INSERT: &'static str;
}

macro_rules! row_types {
    ($($table:ident = $name:literal $($on_conflict:literal)?;)+) => {
        $(
            enum $table {}

            impl RowType for $table {
                const NAME: &'static str = $name;
                const INSERT: &'static str =
                    concat!("INSERT INTO ", $name, " SELECT * FROM unnest($1::", $name, "[])" $(, $on_conflict)?);
            }
        )+
    };
}

row_types! {
    Ledger = "ledger";
    ChainHeads = "chain_head"
        " ON CONFLICT (merchant_id) DO UPDATE SET txn_id = excluded.txn_id, chain_sha256 = excluded.chain_sha256";
    StatementLines = "statement_line";
    BillDays = "provider_bill_day";
    BillRows = "provider_bill_row";
}

/// The values of a row.
struct Record<'a, T> {
    values: &'a [Value<'a>],
    table: PhantomData<fn() -> T>,
}

impl<'a, T> Record<'a, T> {
    fn new(values: &'a [Value<'a>]) -> Self {
        Self { values, table: PhantomData }
    }
}

impl<T: RowType> Type<Postgres> for Record<'_, T> {
    fn type_info() -> PgTypeInfo {
        PgTypeInfo::with_name(T::NAME)
    }
}

impl<T: RowType> PgHasArrayType for Record<'_, T> {
    fn array_type_info() -> PgTypeInfo {
        PgTypeInfo::array_of(T::NAME)
    }
}

impl<T: RowType> Encode<'_, Postgres> for Record<'_, T> {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        write_record(buffer, self.values);
        Ok(IsNull::No)
    }
}

/// Writes the values of a row in the binary format of its type: their number, then type, length and big-endian bytes of each. The numbers
/// of the types are the same in every Postgres.
fn write_record(data: &mut Vec<u8>, values: &[Value<'_>]) {
    data.extend(u32::try_from(values.len()).unwrap_or(u32::MAX).to_be_bytes());
    for value in values {
        match value {
            Value::Text(text) => write(data, 25, text.map(str::as_bytes)),
            Value::Number(number) => {
                write(data, 20, number.map(i64::to_be_bytes).as_ref().map(<[u8; 8]>::as_slice));
            }
            Value::Flag(flag) => write(data, 16, Some(&[u8::from(*flag)])),
            Value::Bytes(bytes) => write(data, 17, *bytes),
        }
    }
}

fn write(data: &mut Vec<u8>, kind: u32, value: Option<&[u8]>) {
    data.extend(kind.to_be_bytes());
    match value {
        Some(bytes) => {
            // A length beyond its field breaks the statement, as it must.
            data.extend(u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes());
            data.extend(bytes);
        }
        None => data.extend((-1_i32).to_be_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_a_type_a_length_and_big_endian_bytes() {
        let mut data = Vec::new();
        let values =
            ["ab".into(), (-2_i64).into(), Value::Number(None), Value::Flag(true), Value::Bytes(Some(&[7]))];
        write_record(&mut data, &values);
        let expected = [
            &[0, 0, 0, 5][..],
            &[0, 0, 0, 25, 0, 0, 0, 2, b'a', b'b'],
            &[0, 0, 0, 20, 0, 0, 0, 8, 255, 255, 255, 255, 255, 255, 255, 254],
            &[0, 0, 0, 20, 255, 255, 255, 255],
            &[0, 0, 0, 16, 0, 0, 0, 1, 1],
            &[0, 0, 0, 17, 0, 0, 0, 1, 7],
        ];
        assert_eq!(data, expected.concat());
    }
}
