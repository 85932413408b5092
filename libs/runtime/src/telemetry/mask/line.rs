//! Log lines on their way out.

use std::io::{self, Write};

use serde_json::Value;
use tracing::Metadata;
use tracing_subscriber::fmt::MakeWriter;

use super::{masked, masked_field};
use crate::telemetry::LogFormat;

/// Makes writers that mask each line before they pass it on.
pub(in crate::telemetry) struct Masking<M> {
    inner: M,
    format: LogFormat,
}

impl<M> Masking<M> {
    pub(in crate::telemetry) fn new(inner: M, format: LogFormat) -> Self {
        Self { inner, format }
    }
}

impl<'a, M: MakeWriter<'a>> MakeWriter<'a> for Masking<M> {
    type Writer = MaskedWriter<M::Writer>;

    fn make_writer(&'a self) -> Self::Writer {
        MaskedWriter { inner: self.inner.make_writer(), format: self.format }
    }

    fn make_writer_for(&'a self, metadata: &Metadata<'_>) -> Self::Writer {
        MaskedWriter { inner: self.inner.make_writer_for(metadata), format: self.format }
    }
}

/// Takes whole lines: the formatter writes each event at once.
pub(in crate::telemetry) struct MaskedWriter<W> {
    inner: W,
    format: LogFormat,
}

impl<W: Write> Write for MaskedWriter<W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(line);
        let masked = match self.format {
            LogFormat::Pretty => masked(&text),
            LogFormat::Json => masked_json(&text),
        };
        self.inner.write_all(masked.as_deref().map_or(line, str::as_bytes))?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// A line that is a JSON object, masked value by value so that it stays one; `None` if nothing needs a mask.
fn masked_json(line: &str) -> Option<String> {
    let Ok(mut object) = serde_json::from_str::<Value>(line) else { return masked(line) };
    mask_value("", &mut object).then(|| format!("{object}\n"))
}

/// Masks the strings and numbers of `value`; whether there was anything to mask.
fn mask_value(name: &str, value: &mut Value) -> bool {
    let found = match value {
        Value::String(text) => masked_field(name, text),
        Value::Number(number) => masked_field(name, &number.to_string()),
        Value::Array(values) => {
            return values.iter_mut().fold(false, |found, value| mask_value(name, value) | found);
        }
        Value::Object(fields) => {
            return fields.iter_mut().fold(false, |found, (name, value)| mask_value(name, value) | found);
        }
        Value::Null | Value::Bool(_) => None,
    };
    let masked = found.is_some();
    if let Some(text) = found {
        *value = Value::String(text);
    }
    masked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_json_line_stays_one_and_keeps_the_rest() {
        let line = "{\"level\":\"INFO\",\"error\":\"no route for 0551234567\",\"phone\":551234567,\
                    \"spans\":[{\"name\":\"rpc\",\"to\":\"sara@example.com\"}],\"count\":3}\n";
        let masked = masked_json(line).unwrap();
        assert_eq!(
            masked,
            "{\"level\":\"INFO\",\"error\":\"no route for ***4567\",\"phone\":\"***4567\",\
             \"spans\":[{\"name\":\"rpc\",\"to\":\"s***@e***\"}],\"count\":3}\n"
        );
        assert_eq!(masked_json(&masked), None, "what is masked stays as it is");
    }

    #[test]
    fn a_writer_says_that_it_took_the_whole_line() {
        let mut writer = MaskedWriter { inner: Vec::new(), format: LogFormat::Pretty };
        writer.write_all("INFO calls 0551234567\n".as_bytes()).unwrap();
        writer.write_all(b"INFO ready\n").unwrap();
        assert_eq!(String::from_utf8(writer.inner).unwrap(), "INFO calls ***4567\nINFO ready\n");
    }
}
