//! Redacts inside the strings and numbers of a JSON text, such as the arguments and results of tools.

use std::borrow::Cow;

use serde::de::IgnoredAny;

use crate::Error;
use crate::redact::{Counts, MAX_TEXT_BYTES, Redaction, Redactor, Residual, Session};

/// Keys above a value that count as words before it.
const KEYS_IN_HINT: usize = 2;

/// A pass over a JSON text that is known to be well formed.
struct Pass<'j, 's, 'r> {
    json: &'j str,
    redactor: &'r Redactor,
    session: &'s mut Session,
    out: String,
    /// Start of what is not yet copied to `out`.
    copied: usize,
    counts: Counts,
    residual: Residual,
    /// The keys of the open objects; an array has the key of what holds it.
    keys: Vec<Cow<'j, str>>,
}

impl Redactor {
    /// Redacts each string and number of a JSON text, with the keys above it as words before it; text that is not a
    /// JSON object, array or string is redacted as plain text.
    ///
    /// Formatting stays as it is; a redacted number becomes a string. The result is JSON again, whose values
    /// [`Encoding::JsonString`](kaleem_placeholder::Encoding::JsonString) restores. Errors: as [`Redactor::redact`].
    pub fn redact_json<'j>(&self, json: &'j str, session: &mut Session) -> Result<Redaction<'j>, Error> {
        if json.len() > MAX_TEXT_BYTES {
            return Err(Error::TextTooLong { actual: json.len(), limit: MAX_TEXT_BYTES });
        }
        let structured = json.trim_start().starts_with(['{', '[', '"']);
        if !structured || serde_json::from_str::<IgnoredAny>(json).is_err() {
            return self.redact(json, session);
        }
        let mut pass = Pass {
            json,
            redactor: self,
            session,
            out: String::new(),
            copied: 0,
            counts: Counts::default(),
            residual: Residual::None,
            keys: Vec::new(),
        };
        pass.run()?;
        let redaction = pass.finish();
        session.record(&redaction);
        Ok(redaction)
    }
}

impl<'j> Pass<'j, '_, '_> {
    fn run(&mut self) -> Result<(), Error> {
        let bytes = self.json.as_bytes();
        let mut at = 0;
        while let Some(byte) = bytes.get(at) {
            at = match byte {
                b'"' => self.string(at)?,
                b'-' | b'0'..=b'9' => self.number(at)?,
                b'{' | b'[' => {
                    self.keys.push(Cow::Borrowed(""));
                    at + 1
                }
                b'}' | b']' => {
                    self.keys.pop();
                    at + 1
                }
                _ => at + 1,
            };
        }
        Ok(())
    }

    /// Handles the string that starts at `start` and gives where it ends.
    fn string(&mut self, start: usize) -> Result<usize, Error> {
        let end = string_end(self.json.as_bytes(), start);
        let literal = &self.json[start..end];
        let text: Cow<'j, str> = if literal.contains('\\') {
            serde_json::from_str::<String>(literal).map_or(Cow::Borrowed(literal), Cow::Owned)
        } else {
            Cow::Borrowed(literal.trim_matches('"'))
        };
        let is_key = self.json[end..].trim_start().starts_with(':');
        let hint = if is_key { String::new() } else { self.hint() };
        self.value(&hint, &text, start, end)?;
        if is_key && let Some(key) = self.keys.last_mut() {
            *key = text;
        }
        Ok(end)
    }

    /// Handles the number that starts at `start` and gives where it ends.
    fn number(&mut self, start: usize) -> Result<usize, Error> {
        let len = self.json[start..]
            .bytes()
            .take_while(|byte| matches!(byte, b'0'..=b'9' | b'.' | b'-' | b'+' | b'e' | b'E'))
            .count();
        let end = start + len.max(1);
        let hint = self.hint();
        let text = &self.json[start..end];
        if text.bytes().all(|byte| byte.is_ascii_digit()) {
            self.value(&hint, text, start, end)?;
        }
        Ok(end)
    }

    /// Redacts one decoded value and replaces its literal if anything was found.
    fn value(&mut self, hint: &str, text: &str, start: usize, end: usize) -> Result<(), Error> {
        let redaction = self.redactor.redact_unrecorded(hint, text, self.session)?;
        self.counts.merge(&redaction.counts);
        self.residual = self.residual.max(redaction.residual);
        if let Cow::Owned(redacted) = &redaction.text {
            self.out.push_str(&self.json[self.copied..start]);
            self.out.push_str(&serde_json::Value::String(redacted.clone()).to_string());
            self.copied = end;
        }
        Ok(())
    }

    /// The innermost keys as words, outer first.
    fn hint(&self) -> String {
        let named: Vec<&str> = self.keys.iter().map(AsRef::as_ref).filter(|key| !key.is_empty()).collect();
        let from = named.len().saturating_sub(KEYS_IN_HINT);
        named[from..].join(" ")
    }

    fn finish(mut self) -> Redaction<'j> {
        let text = if self.copied == 0 {
            Cow::Borrowed(self.json)
        } else {
            self.out.push_str(&self.json[self.copied..]);
            Cow::Owned(self.out)
        };
        Redaction { text, counts: self.counts, residual: self.residual }
    }
}

/// Where the string literal that starts at `start` ends, behind its closing quote.
fn string_end(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    bytes.len()
}
