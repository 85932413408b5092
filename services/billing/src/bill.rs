//! Bills of providers, as CSV.
//!
//! The first record names the columns, in any order:
//!
//! | column | |
//! |---|---|
//! | `day` | the provider's day in Pacific time, `YYYY-MM-DD` |
//! | `model` | model that served, as calls are recorded with it |
//! | `provider_request_id` | the provider's id of the answer; may be left out or empty, then the row is a sum of calls |
//! | `input_tokens` | input of all kinds |
//! | `output_tokens` | output of all kinds, reasoning too |
//! | `cost_usd` | US dollars with at most 12 decimals |
//!
//! Rows of one request id are added up. A file holds whole days: for the days that it names, it takes the place of the target's
//! earlier files, so that a provider's corrected bill is imported like any other.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    str::FromStr as _,
};

use csv::{ReaderBuilder, StringRecord};
use jiff::civil::Date;
use kaleem_domain::Pico;
use sha2::{Digest as _, Sha256};

use crate::{
    Error, Violation,
    event::{COUNT_MAX, TEXT_BYTES_MAX},
};

/// Most bytes of a file.
pub const DOCUMENT_BYTES_MAX: usize = 8 * 1_024 * 1_024;
/// Most rows of a file.
pub const ROWS_MAX: usize = 100_000;
/// Most rows of a target in one month, all files together: a reconciliation holds their requests in memory.
pub const MONTH_ROWS_MAX: i64 = 500_000;
/// Wrong rows that are named; the rest of the file is not read.
const VIOLATIONS_MAX: usize = 20;

/// One row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BillRow {
    /// Line in the file.
    pub line: i64,
    /// The provider's day.
    pub day: Date,
    /// Model that served.
    pub model: String,
    /// The provider's id of the answer; empty for a sum of calls.
    pub provider_request_id: String,
    /// Input tokens.
    pub input_tokens: i64,
    /// Output tokens.
    pub output_tokens: i64,
    /// Pico-US-dollars.
    pub cost_pico: i64,
}

/// A file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bill {
    /// Provider target.
    pub target: String,
    /// SHA-256 of the file.
    pub file_sha256: [u8; 32],
    /// Rows in order.
    pub rows: Vec<BillRow>,
}

impl Bill {
    /// Days that it names, each once, as `YYYY-MM-DD`.
    pub fn days(&self) -> Vec<String> {
        let days: BTreeSet<Date> = self.rows.iter().map(|row| row.day).collect();
        days.iter().map(Date::to_string).collect()
    }

    /// How many rows it has in each month, by `YYYY-MM`.
    pub fn rows_by_month(&self) -> BTreeMap<String, i64> {
        let mut months = BTreeMap::new();
        for row in &self.rows {
            *months.entry(row.day.strftime("%Y-%m").to_string()).or_default() += 1;
        }
        months
    }
}

/// Columns; the first must be there, the last may be.
const COLUMNS: [(&str, bool); 6] = [
    ("day", true),
    ("model", true),
    ("input_tokens", true),
    ("output_tokens", true),
    ("cost_usd", true),
    ("provider_request_id", false),
];

impl Bill {
    /// Reads a file; an error names lines and columns.
    pub fn parse(target: String, document: &[u8]) -> Result<Self, Error> {
        if !(1..=DOCUMENT_BYTES_MAX).contains(&document.len()) {
            return Err(wrong(format!("1 to {DOCUMENT_BYTES_MAX} bytes; split a larger file by day")));
        }
        let text = str::from_utf8(document).map_err(|error| {
            let line = document[..error.valid_up_to()].split(|byte| *byte == b'\n').count();
            wrong(format!("UTF-8, and line {line} is not"))
        })?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut reader = ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
        let mut records = reader.records();
        let header = match records.next() {
            Some(header) => header.map_err(|error| malformed(&error))?,
            None => return Err(wrong("a header and rows; it has none".to_owned())),
        };
        let columns = columns(line_of(text, &header), &header)?;
        let mut rows = Vec::new();
        let mut violations = Vec::new();
        for record in records {
            let fields = record.map_err(|error| malformed(&error))?;
            let line = line_of(text, &fields);
            if rows.len() >= ROWS_MAX {
                return Err(wrong(format!(
                    "at most {ROWS_MAX} rows, and line {line} is one more; split it by day"
                )));
            }
            match row(line, &fields, header.len(), &columns) {
                Ok(row) => rows.push(row),
                Err(rule) => violations.push(Violation::new("document", rule)),
            }
            if violations.len() == VIOLATIONS_MAX {
                break;
            }
        }
        if !violations.is_empty() {
            return Err(Error::RequestInvalid(violations));
        }
        if rows.is_empty() {
            return Err(wrong("a header and at least one row".to_owned()));
        }
        Ok(Self { target, file_sha256: Sha256::digest(document).into(), rows })
    }
}

fn wrong(rule: String) -> Error {
    Error::RequestInvalid(vec![Violation::new("document", rule)])
}

fn malformed(error: &csv::Error) -> Error {
    wrong(format!("CSV, and {error}"))
}

/// The line that a record of `text` starts on, from 1. The reader's position is before the line ends that it skips.
fn line_of(text: &str, record: &StringRecord) -> u64 {
    let Some(position) = record.position() else { return 0 };
    let start = usize::try_from(position.byte()).unwrap_or(usize::MAX);
    let skipped = text.as_bytes().get(start..).unwrap_or_default().iter();
    let skipped = skipped.take_while(|byte| matches!(byte, b'\r' | b'\n'));
    position.line() + skipped.filter(|byte| **byte == b'\n').map(|_| 1).sum::<u64>()
}

/// Where each column is.
fn columns(line: u64, names: &StringRecord) -> Result<HashMap<&'static str, usize>, Error> {
    let known = || COLUMNS.map(|(name, _)| name).join(", ");
    let mut columns = HashMap::new();
    for (place, name) in names.iter().enumerate() {
        let Some((column, _)) = COLUMNS.into_iter().find(|(column, _)| *column == name.trim()) else {
            let name: String = name.chars().filter(|c| !c.is_control()).take(64).collect();
            return Err(wrong(format!("of the columns {}, and line {line} names {name:?}", known())));
        };
        if columns.insert(column, place).is_some() {
            return Err(wrong(format!("of columns named once, and line {line} names {column} twice")));
        }
    }
    let missing = COLUMNS.into_iter().find(|(column, needed)| *needed && !columns.contains_key(column));
    match missing {
        Some((column, _)) => {
            Err(wrong(format!("of the columns {}, and line {line} lacks {column}", known())))
        }
        None => Ok(columns),
    }
}

/// Reads one row; the error says what the document must be.
fn row(
    line: u64,
    fields: &StringRecord,
    width: usize,
    columns: &HashMap<&'static str, usize>,
) -> Result<BillRow, String> {
    if fields.len() != width {
        return Err(format!("of {width} fields a row, and line {line} has {}", fields.len()));
    }
    let field = |column: &str| columns.get(column).and_then(|place| fields.get(*place)).map_or("", str::trim);
    let refuse =
        |column: &str, rule: &str| format!("right on line {line}, where column {column} needs {rule}");
    let text = |column: &str, least: usize| {
        let text = field(column);
        let valid = (least..=TEXT_BYTES_MAX).contains(&text.len()) && !text.chars().any(char::is_control);
        let rule = format!("{least} to {TEXT_BYTES_MAX} bytes without control characters");
        valid.then(|| text.to_owned()).ok_or_else(|| refuse(column, &rule))
    };
    let count = |column: &str| {
        let count = field(column).parse().ok().filter(|count| (0..=COUNT_MAX).contains(count));
        count.ok_or_else(|| refuse(column, "a whole number from 0 to 2^53-1"))
    };
    let day = field("day");
    let date = (day.len() == 10).then(|| Date::from_str(day).ok()).flatten();
    Ok(BillRow {
        line: i64::try_from(line).map_err(|_| refuse("day", "a line number that fits"))?,
        day: date.ok_or_else(|| refuse("day", "a day, YYYY-MM-DD"))?,
        model: text("model", 1)?,
        provider_request_id: text("provider_request_id", 0)?,
        input_tokens: count("input_tokens")?,
        output_tokens: count("output_tokens")?,
        cost_pico: Pico::parse_dollars(field("cost_usd"), 12)
            .and_then(Pico::to_i64)
            .ok_or_else(|| refuse("cost_usd", "dollars from 0 to 9,223,372 with at most 12 decimals"))?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "day,model,provider_request_id,input_tokens,output_tokens,cost_usd\n";

    fn parse(text: &str) -> Result<Vec<BillRow>, String> {
        match Bill::parse("t".into(), text.as_bytes()) {
            Ok(bill) => Ok(bill.rows),
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn columns_are_found_by_name() {
        let rows = parse(&format!("{HEADER}2026-11-20,m,p-1,300,150,0.00009\n")).unwrap();
        let expected = BillRow {
            line: 2,
            day: Date::constant(2026, 11, 20),
            model: "m".into(),
            provider_request_id: "p-1".into(),
            input_tokens: 300,
            output_tokens: 150,
            cost_pico: 90_000_000,
        };
        assert_eq!(rows, std::slice::from_ref(&expected));
        let other =
            parse("cost_usd,output_tokens,input_tokens,model,day\r\n12,2,1,\"m,x\",2026-11-20").unwrap();
        let after_empty_lines =
            parse("\u{feff}day,model,input_tokens,output_tokens,cost_usd\r\n\r\n\r\n2026-11-20,m,1,1,1\r\n");
        assert_eq!(after_empty_lines.unwrap()[0].line, 4);
        let sum = BillRow {
            model: "m,x".into(),
            provider_request_id: String::new(),
            input_tokens: 1,
            output_tokens: 2,
            cost_pico: 12_000_000_000_000,
            ..expected
        };
        assert_eq!(other, [sum]);
    }

    #[test]
    fn errors_name_line_and_column() {
        let row = |row: &str| parse(&format!("{HEADER}2026-11-20,m,p,1,1,1\n{row}\n")).unwrap_err();
        for (given, named) in [
            ("2026-11-31,m,p,1,1,1", "line 3, where column day needs a day, YYYY-MM-DD"),
            ("20.11.2026,m,p,1,1,1", "line 3, where column day"),
            ("2026-11-20,,p,1,1,1", "line 3, where column model needs 1 to 256 bytes"),
            ("2026-11-20,m,p,-1,1,1", "line 3, where column input_tokens needs a whole number"),
            ("2026-11-20,m,p,1,9007199254740992,1", "line 3, where column output_tokens"),
            ("2026-11-20,m,p,1,1,-1", "line 3, where column cost_usd needs dollars"),
            ("2026-11-20,m,p,1,1,0.0000000000001", "line 3, where column cost_usd"),
            ("2026-11-20,m,p,1,1,9223373", "line 3, where column cost_usd"),
            ("2026-11-20,m,p,1,1", "6 fields a row, and line 3 has 5"),
            ("\"2026-11-20", "6 fields a row, and line 3 has 1"),
        ] {
            assert!(row(given).contains(named), "{given}: {}", row(given));
        }
        for (document, named) in [
            ("", "1 to 8388608 bytes"),
            ("\n\n", "a header and rows"),
            (HEADER, "at least one row"),
            ("day,model,usage", "line 1 names \"usage\""),
            ("day,model,day", "line 1 names day twice"),
            ("day,model,input_tokens,output_tokens", "line 1 lacks cost_usd"),
        ] {
            assert!(parse(document).unwrap_err().contains(named), "{document}: {:?}", parse(document));
        }
        let error = Bill::parse("t".into(), b"day\nx\n\xff").unwrap_err().to_string();
        assert!(error.contains("line 3 is not"), "{error}");
    }

    #[test]
    fn wrong_rows_are_bounded_and_so_are_rows() {
        let many = format!("{HEADER}{}", "x,m,p,1,1,1\n".repeat(1_000));
        let Err(Error::RequestInvalid(violations)) = Bill::parse("t".into(), many.as_bytes()) else {
            panic!("not refused");
        };
        assert_eq!(violations.len(), 20);
        let row = "2026-11-20,m,,1,1,1\n";
        assert_eq!(parse(&format!("{HEADER}{}", row.repeat(ROWS_MAX))).unwrap().len(), ROWS_MAX);
        let error = parse(&format!("{HEADER}{}", row.repeat(ROWS_MAX + 1))).unwrap_err();
        assert!(error.contains("at most 100000 rows, and line 100002"), "{error}");
    }
}
