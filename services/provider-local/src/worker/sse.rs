//! Server-sent events: bytes in any split, event data out.

use std::collections::VecDeque;

/// Longest event, its line breaks included. A chunk of an answer is a few hundred bytes.
const EVENT_BYTES_MAX: usize = 1 << 20;

/// Why a stream is not one of server-sent events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SseError {
    /// An event is longer than 1 MiB.
    #[error("an event is longer than 1 MiB")]
    TooLong,
    /// A line is not UTF-8.
    #[error("a line is not UTF-8")]
    NotUtf8,
}

/// Takes a stream apart into events.
#[derive(Debug, Default)]
pub struct SseParser {
    line: Vec<u8>,
    /// Data of the event that is being read; `None` before its first data line.
    data: Option<String>,
    /// The last byte was a carriage return, so a line feed now belongs to it.
    after_return: bool,
    /// The first line, which may begin with a byte order mark, is over.
    is_under_way: bool,
}

impl SseParser {
    /// Takes the next bytes and appends the data of every event that they complete.
    pub fn push(&mut self, mut bytes: &[u8], events: &mut VecDeque<String>) -> Result<(), SseError> {
        if self.after_return && bytes.first() == Some(&b'\n') {
            bytes = &bytes[1..];
        }
        if !bytes.is_empty() {
            self.after_return = false;
        }
        while let Some(end) = bytes.iter().position(|byte| matches!(byte, b'\n' | b'\r')) {
            self.extend(&bytes[..end])?;
            self.end_line(events)?;
            let is_return = bytes[end] == b'\r';
            bytes = &bytes[end + 1..];
            match bytes.first() {
                Some(b'\n') if is_return => bytes = &bytes[1..],
                None => self.after_return = is_return,
                Some(_) => {}
            }
        }
        self.extend(bytes)
    }

    /// The event that the stream ended in, without the empty line after it.
    pub fn finish(&mut self, events: &mut VecDeque<String>) -> Result<(), SseError> {
        if !self.line.is_empty() {
            self.end_line(events)?;
        }
        events.extend(self.data.take());
        Ok(())
    }

    fn extend(&mut self, bytes: &[u8]) -> Result<(), SseError> {
        let held = self.line.len() + self.data.as_ref().map_or(0, String::len);
        if held + bytes.len() > EVENT_BYTES_MAX {
            return Err(SseError::TooLong);
        }
        self.line.extend_from_slice(bytes);
        Ok(())
    }

    fn end_line(&mut self, events: &mut VecDeque<String>) -> Result<(), SseError> {
        let bytes = std::mem::take(&mut self.line);
        let mut line = std::str::from_utf8(&bytes).map_err(|_| SseError::NotUtf8)?;
        if !std::mem::replace(&mut self.is_under_way, true) {
            line = line.strip_prefix('\u{FEFF}').unwrap_or(line);
        }
        if line.is_empty() {
            events.extend(self.data.take());
            return Ok(());
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        // Old llama.cpp servers send failures in a field of their own. A comment has an empty name.
        if matches!(field, "data" | "error") {
            let value = value.strip_prefix(' ').unwrap_or(value);
            match &mut self.data {
                Some(data) => {
                    data.push('\n');
                    data.push_str(value);
                }
                None => self.data = Some(value.to_owned()),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kaleem_testkit::transcript::{self, Transcript};
    use proptest::prelude::*;

    fn parse<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Result<Vec<String>, SseError> {
        let mut parser = SseParser::default();
        let mut events = VecDeque::new();
        for piece in pieces {
            parser.push(piece, &mut events)?;
        }
        parser.finish(&mut events)?;
        Ok(events.into())
    }

    fn parse_text(text: &str) -> Vec<String> {
        parse([text.as_bytes()]).unwrap()
    }

    #[test]
    fn every_line_end_comment_and_field_is_known() {
        assert_eq!(
            parse_text("data: a\n\ndata: b\r\n\r\ndata:c\r\rdata: d\ndata: e\n\n"),
            ["a", "b", "c", "d\ne"]
        );
        assert_eq!(
            parse_text("\u{FEFF}data: a\n\n: keep-alive\n\nevent: x\nid: 1\nretry: 5\n\ndata: b"),
            ["a", "b"]
        );
        assert_eq!(parse_text("error: {\"code\":500}\n\n"), ["{\"code\":500}"]);
        assert_eq!(parse_text("data\n\ndata:  two spaces\n\n"), ["", " two spaces"]);
    }

    #[test]
    fn bounds_hold() {
        let long = "x".repeat(EVENT_BYTES_MAX);
        assert_eq!(parse([b"data: ".as_slice(), long.as_bytes()]), Err(SseError::TooLong));
        let many = format!("data: {}\n", "x".repeat(1000)).repeat(1100);
        assert_eq!(parse([many.as_bytes()]), Err(SseError::TooLong));
        assert_eq!(parse([b"data: \xff\n".as_slice()]), Err(SseError::NotUtf8));
    }

    #[test]
    fn a_recorded_stream_is_its_data_lines() {
        let recorded = Transcript::parse_all(transcript::CHAT_STREAM).remove(0);
        let mut expected = recorded.events();
        expected.push("[DONE]");
        assert_eq!(parse_text(&recorded.body), expected);
    }

    proptest! {
        #[test]
        fn any_split_gives_the_same_events(
            lines in proptest::collection::vec(prop_oneof![Just("data: سلام\n"), Just("\n"), Just("data: x\r\n"), Just("\r\n"), Just("\r"), Just(": c\r"), Just("data:y\r")], 0..20),
            cuts in proptest::collection::vec(0usize..400, 0..12),
        ) {
            let text = lines.concat();
            let whole = parse_text(&text);
            let mut bounds: Vec<usize> = cuts.into_iter().map(|cut| cut.min(text.len())).chain([0, text.len()]).collect();
            bounds.sort_unstable();
            let pieces = bounds.windows(2).map(|pair| &text.as_bytes()[pair[0]..pair[1]]);
            prop_assert_eq!(parse(pieces).unwrap(), whole);
        }

        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = parse([bytes.as_slice()]);
        }
    }
}
