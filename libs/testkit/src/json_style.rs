//! JSON text with the spacing that other programs write, where a parser might lean on it.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::Value;
use serde_json::ser::{Formatter, Serializer};

/// One-line JSON with chosen separators.
#[derive(Clone, Copy)]
pub(crate) struct JsonStyle {
    comma: &'static [u8],
    colon: &'static [u8],
}

impl JsonStyle {
    /// Python's `json.dumps`: `{"a": 1, "b": 2}`.
    pub(crate) const PYTHON: Self = Self { comma: b", ", colon: b": " };
    /// Google's streamed events: `{"a": 1,"b": 2}`.
    pub(crate) const GOOGLE: Self = Self { comma: b",", colon: b": " };

    /// Writes `value` in this style.
    pub(crate) fn render(self, value: &Value) -> String {
        let mut bytes = Vec::new();
        let written = value.serialize(&mut Serializer::with_formatter(&mut bytes, self));
        written.expect("a JSON value is always writable");
        String::from_utf8(bytes).expect("JSON is written as UTF-8")
    }
}

impl Formatter for JsonStyle {
    fn begin_array_value<W: ?Sized + Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        if first { Ok(()) } else { writer.write_all(self.comma) }
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        if first { Ok(()) } else { writer.write_all(self.comma) }
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(self.colon)
    }
}

/// Quotes `text` as a JSON string.
pub(crate) fn quote(text: &str) -> String {
    Value::from(text).to_string()
}
