//! Many rows a statement, in the binary format of COPY: the server spends less on parsing them than on any INSERT, and writes them a
//! page at a time.

use sqlx::PgConnection;

use crate::store::Error;

/// Signature, no flags, no extension.
const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
/// In place of a row's count of columns.
const END: [u8; 2] = (-1_i16).to_be_bytes();
/// In place of a value's length.
const NULL: [u8; 4] = (-1_i32).to_be_bytes();

/// Rows that are ready to be copied.
pub struct Rows {
    columns: String,
    data: Vec<u8>,
}

impl Rows {
    /// Writes all `rows`; `add` adds the values of `columns` in order.
    pub fn of<T>(
        columns: &[&'static str],
        rows: impl IntoIterator<Item = T>,
        add: impl Fn(&mut Row<'_>, T),
    ) -> Self {
        let mut data = HEADER.to_vec();
        let count = u16::try_from(columns.len()).unwrap_or(u16::MAX).to_be_bytes();
        for row in rows {
            data.extend(count);
            add(&mut Row(&mut data), row);
        }
        data.extend(END);
        Self { columns: columns.join(", "), data }
    }

    /// Copies them into `table`. A future that is dropped leaves the connection useless.
    pub async fn copy(self, connection: &mut PgConnection, table: &'static str) -> Result<(), Error> {
        // Table and columns are constants of this crate.
        let sql = format!("COPY {table} ({}) FROM STDIN (FORMAT binary)", self.columns);
        let mut copying = connection.copy_in_raw(&sql).await?;
        copying.send(self.data).await?;
        copying.finish().await?;
        Ok(())
    }
}

/// A row that is being written.
pub struct Row<'a>(&'a mut Vec<u8>);

impl Row<'_> {
    /// Adds the value of the next column.
    pub fn add(&mut self, value: impl Binary) {
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
    /// Appends length and bytes.
    fn write(self, data: &mut Vec<u8>);
}

impl Binary for &str {
    fn write(self, data: &mut Vec<u8>) {
        Row::bytes(data, self.as_bytes());
    }
}

impl Binary for &[u8] {
    fn write(self, data: &mut Vec<u8>) {
        Row::bytes(data, self);
    }
}

impl Binary for i64 {
    fn write(self, data: &mut Vec<u8>) {
        Row::bytes(data, &self.to_be_bytes());
    }
}

impl Binary for i32 {
    fn write(self, data: &mut Vec<u8>) {
        Row::bytes(data, &self.to_be_bytes());
    }
}

impl<T: Binary> Binary for Option<T> {
    fn write(self, data: &mut Vec<u8>) {
        match self {
            Some(value) => value.write(data),
            None => data.extend(NULL),
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
    fn values_are_a_length_and_big_endian_bytes() {
        let mut data = Vec::new();
        let mut row = Row(&mut data);
        add_all!(row, "ab", 1_i32, -2_i64, None::<i64>, [7_u8].as_slice());
        let expected = [
            &[0, 0, 0, 2, b'a', b'b'][..],
            &[0, 0, 0, 4, 0, 0, 0, 1],
            &[0, 0, 0, 8, 255, 255, 255, 255, 255, 255, 255, 254],
            &[255, 255, 255, 255],
            &[0, 0, 0, 1, 7],
        ];
        assert_eq!(data, expected.concat());
    }
}
