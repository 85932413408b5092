//! Redacts inside the strings and numbers of a JSON text, such as the arguments and results of tools.

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, Visitor},
};

use crate::{Counts, Error, MAX_TEXT_BYTES, Redaction, Redactor, Residual, Session};

/// Keys above a value that count as words before it.
const KEYS_IN_HINT: usize = 2;

/// JSON within strings of JSON that is taken apart; deeper down it is read as the text of a string.
const NESTING_MAX: usize = 4;

/// A pass over a JSON text that is known to be well formed.
struct Pass<'j, 's, 'r> {
    json: &'j str,
    redactor: &'r Redactor,
    session: &'s mut Session,
    /// Strings that this JSON lies in.
    depth: usize,
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
        let redaction = self.redact_nested("", json, 0, session)?;
        session.record(&redaction);
        Ok(redaction)
    }

    /// Redacts a text of a JSON that may be JSON itself; `hint` holds the keys above it.
    fn redact_nested<'j>(
        &self,
        hint: &str,
        text: &'j str,
        depth: usize,
        session: &mut Session,
    ) -> Result<Redaction<'j>, Error> {
        let structured = text.trim_start().starts_with(['{', '[', '"']);
        let readable = depth < NESTING_MAX && serde_json::from_str::<IgnoredAny>(text).is_ok();
        // What is too deep or broken is read as text, escapes and all.
        if !structured || !readable {
            return self.redact_unrecorded(hint, text, session);
        }
        let mut pass = Pass {
            json: text,
            redactor: self,
            session,
            depth,
            out: String::new(),
            copied: 0,
            counts: Counts::default(),
            residual: Residual::None,
            keys: vec![Cow::Owned(hint.to_owned())],
        };
        pass.run()?;
        Ok(pass.finish())
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
            Cow::Owned(decoded(literal))
        } else {
            Cow::Borrowed(&literal[1..literal.len() - 1])
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
        let redaction = self.redactor.redact_nested(hint, text, self.depth + 1, self.session)?;
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
        // Places of decoded values are none of the text.
        Redaction { text, counts: self.counts, residual: self.residual, places: Vec::new() }
    }
}

/// The text of a string literal. A half of a surrogate pair, which no text can hold, becomes U+FFFD and hides nothing.
fn decoded(literal: &str) -> String {
    struct Lossy(String);

    impl<'de> Deserialize<'de> for Lossy {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            struct Read;

            impl Visitor<'_> for Read {
                type Value = Lossy;

                fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    f.write_str("a string")
                }

                fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Lossy, E> {
                    Ok(Lossy(String::from_utf8_lossy(bytes).into_owned()))
                }
            }

            // As bytes, halves of pairs are let through.
            deserializer.deserialize_bytes(Read)
        }
    }

    serde_json::from_str(literal).map_or_else(|_| literal.to_owned(), |Lossy(text)| text)
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
