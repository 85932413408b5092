//! Comma-separated values as RFC 4180 has them, with the line of each record.

/// What is wrong with the form of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Malformed {
    /// A quote was opened and not closed.
    Unclosed {
        /// Line of the record.
        line: usize,
    },
    /// Text follows a closing quote, or a quote is inside a field without quotes.
    Quote {
        /// Line of the record.
        line: usize,
    },
}

/// One record: the line that it starts on, counted from 1, and its fields.
pub type Record = (usize, Vec<String>);

/// Reads the records of `text` one by one. A byte-order mark at the start and empty lines are left out; lines end with LF or CRLF.
pub struct Records<'a> {
    rest: &'a str,
    line: usize,
}

impl<'a> Records<'a> {
    /// Starts before the first record.
    pub fn new(text: &'a str) -> Self {
        Self { rest: text.strip_prefix('\u{feff}').unwrap_or(text), line: 1 }
    }

    /// Takes one field off the rest, and says whether the record goes on.
    fn field(&mut self, start: usize) -> Result<(String, bool), Malformed> {
        let field = if let Some(quoted) = self.rest.strip_prefix('"') {
            self.rest = quoted;
            self.quoted(start)?
        } else {
            self.plain(start)?
        };
        if let Some(rest) = self.rest.strip_prefix(',') {
            self.rest = rest;
            return Ok((field, true));
        }
        let rest = self.rest.strip_prefix("\r\n").or_else(|| self.rest.strip_prefix('\n'));
        match rest {
            Some(rest) => {
                self.rest = rest;
                self.line += 1;
            }
            None if self.rest.is_empty() || self.rest == "\r" => self.rest = "",
            None => return Err(Malformed::Quote { line: start }),
        }
        Ok((field, false))
    }

    /// Takes a field without quotes.
    fn plain(&mut self, start: usize) -> Result<String, Malformed> {
        let end = self.rest.find([',', '\n']).unwrap_or(self.rest.len());
        let (field, rest) = self.rest.split_at(end);
        self.rest = rest;
        let field = if rest.starts_with(',') { field } else { field.strip_suffix('\r').unwrap_or(field) };
        if field.contains('"') { Err(Malformed::Quote { line: start }) } else { Ok(field.to_owned()) }
    }

    /// Takes the rest of a quoted field; two quotes are one.
    fn quoted(&mut self, start: usize) -> Result<String, Malformed> {
        let mut field = String::new();
        loop {
            let end = self.rest.find('"').ok_or(Malformed::Unclosed { line: start })?;
            field.push_str(&self.rest[..end]);
            self.rest = &self.rest[end + 1..];
            let Some(rest) = self.rest.strip_prefix('"') else { break };
            field.push('"');
            self.rest = rest;
        }
        self.line += field.matches('\n').count();
        Ok(field)
    }
}

impl Iterator for Records<'_> {
    type Item = Result<Record, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        while let Some(rest) = self.rest.strip_prefix("\r\n").or_else(|| self.rest.strip_prefix('\n')) {
            self.rest = rest;
            self.line += 1;
        }
        if self.rest.is_empty() {
            return None;
        }
        let start = self.line;
        let mut fields = Vec::new();
        loop {
            match self.field(start) {
                Ok((field, goes_on)) => {
                    fields.push(field);
                    if !goes_on {
                        return Some(Ok((start, fields)));
                    }
                }
                Err(malformed) => {
                    self.rest = "";
                    return Some(Err(malformed));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Vec<Record> {
        Records::new(text).map(Result::unwrap).collect()
    }

    fn record(line: usize, fields: &[&str]) -> Record {
        (line, fields.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn records_have_fields_and_lines() {
        assert_eq!(read("a,b\n1,2\n"), [record(1, &["a", "b"]), record(2, &["1", "2"])]);
        assert_eq!(
            read("\u{feff}a,b\r\n\r\n1,\r\n,"),
            [record(1, &["a", "b"]), record(3, &["1", ""]), record(4, &["", ""])]
        );
        assert_eq!(read("\"a,\"\"b\"\"\nc\",d\nx"), [record(1, &["a,\"b\"\nc", "d"]), record(3, &["x"])]);
        assert_eq!(read(""), []);
    }

    #[test]
    fn malformed_quotes_are_named_by_line() {
        let failure = |text| Records::new(text).find_map(Result::err).unwrap();
        assert_eq!(failure("a\n\"b"), Malformed::Unclosed { line: 2 });
        assert_eq!(failure("a\nb\"c\n"), Malformed::Quote { line: 2 });
        assert_eq!(failure("\"a\"b,c"), Malformed::Quote { line: 1 });
    }

    proptest! {
        #[test]
        fn what_is_quoted_comes_back(rows in proptest::collection::vec(proptest::collection::vec("[a-z\",\n\r é]{0,6}", 2..4), 1..5)) {
            let quote = |field: &String| format!("\"{}\"", field.replace('"', "\"\""));
            let line = |row: &Vec<String>| row.iter().map(quote).collect::<Vec<_>>().join(",");
            let text = rows.iter().map(line).collect::<Vec<_>>().join("\r\n");
            let fields: Vec<_> = read(&text).into_iter().map(|(_, fields)| fields).collect();
            prop_assert_eq!(fields, rows);
        }

        #[test]
        fn reading_never_panics_and_ends(text in "[a,\"\r\n]{0,40}") {
            prop_assert!(Records::new(&text).count() <= text.len());
        }
    }
}
