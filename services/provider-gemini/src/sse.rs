//! An incremental reader of server-sent events that also understands the bare JSON that the API falls back to.

use std::collections::VecDeque;
use std::mem;

/// Bytes that one event, and with it one line, may have. The longest answer of a model is far below it.
pub const EVENT_BYTES_MAX: usize = 2 * 1024 * 1024;

/// An event was longer than [`EVENT_BYTES_MAX`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an event of the upstream is longer than {EVENT_BYTES_MAX} bytes")]
pub struct EventTooLong;

/// Splits a byte stream into the payloads of its `data:` events, wherever the network cut it.
///
/// Lines end with LF or CRLF. Comments and other fields are skipped. A line that opens a JSON value without `data:` starts a raw
/// payload that ends where its brackets balance: errors come so in the middle of a stream, and whole bodies when `alt=sse` was
/// not honoured.
#[derive(Debug, Default)]
pub struct Decoder {
    line: Vec<u8>,
    event: Vec<u8>,
    has_data: bool,
    raw: Option<Raw>,
    ready: VecDeque<Vec<u8>>,
}

impl Decoder {
    /// Takes the next bytes.
    pub fn push(&mut self, mut bytes: &[u8]) -> Result<(), EventTooLong> {
        while let Some(end) = memchr::memchr(b'\n', bytes) {
            self.grow_line(&bytes[..end])?;
            bytes = &bytes[end + 1..];
            self.end_line()?;
        }
        self.grow_line(bytes)
    }

    /// Takes the next complete payload.
    pub fn next_payload(&mut self) -> Option<Vec<u8>> {
        self.ready.pop_front()
    }

    /// Ends the input: the last event may lack its blank line, and even its line end.
    pub fn finish(&mut self) -> Result<(), EventTooLong> {
        if !self.line.is_empty() {
            self.end_line()?;
        }
        if let Some(raw) = self.raw.take() {
            self.ready.push_back(raw.bytes);
        }
        self.dispatch();
        Ok(())
    }

    fn grow_line(&mut self, bytes: &[u8]) -> Result<(), EventTooLong> {
        if self.line.len() + bytes.len() > EVENT_BYTES_MAX {
            return Err(EventTooLong);
        }
        self.line.extend_from_slice(bytes);
        Ok(())
    }

    fn end_line(&mut self) -> Result<(), EventTooLong> {
        let mut line = mem::take(&mut self.line);
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        self.accept(&line)?;
        // The buffer is kept, so that a long stream does not allocate a line at a time.
        line.clear();
        self.line = line;
        Ok(())
    }

    fn accept(&mut self, line: &[u8]) -> Result<(), EventTooLong> {
        if self.raw.is_some() {
            return self.accept_raw(line);
        }
        let line = line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(line);
        if line.is_empty() {
            self.dispatch();
            return Ok(());
        }
        if let Some(data) = line.strip_prefix(b"data:") {
            return self.accept_data(data.strip_prefix(b" ").unwrap_or(data));
        }
        let opens_json = matches!(line.trim_ascii_start().first(), Some(b'{' | b'['));
        if opens_json {
            self.raw = Some(Raw::default());
            return self.accept_raw(line);
        }
        Ok(())
    }

    fn accept_data(&mut self, data: &[u8]) -> Result<(), EventTooLong> {
        if self.event.len() + data.len() >= EVENT_BYTES_MAX {
            return Err(EventTooLong);
        }
        if self.has_data {
            self.event.push(b'\n');
        }
        self.event.extend_from_slice(data);
        self.has_data = true;
        Ok(())
    }

    fn accept_raw(&mut self, line: &[u8]) -> Result<(), EventTooLong> {
        let Some(raw) = self.raw.as_mut() else { return Ok(()) };
        if raw.bytes.len() + line.len() >= EVENT_BYTES_MAX {
            return Err(EventTooLong);
        }
        raw.scan(line);
        if raw.depth == 0
            && let Some(raw) = self.raw.take()
        {
            self.ready.push_back(raw.bytes);
        }
        Ok(())
    }

    fn dispatch(&mut self) {
        if mem::take(&mut self.has_data) {
            self.ready.push_back(mem::take(&mut self.event));
        }
    }
}

/// A JSON value without `data:`, and how deep its brackets are nested so far.
#[derive(Debug, Default)]
struct Raw {
    bytes: Vec<u8>,
    depth: usize,
    in_string: bool,
    escaped: bool,
}

impl Raw {
    fn scan(&mut self, line: &[u8]) {
        for byte in line {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' if self.in_string => self.escaped = true,
                b'"' => self.in_string = !self.in_string,
                b'{' | b'[' if !self.in_string => self.depth += 1,
                b'}' | b']' if !self.in_string => self.depth = self.depth.saturating_sub(1),
                _ => {}
            }
        }
        self.bytes.extend_from_slice(line);
        self.bytes.push(b'\n');
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decode(chunks: &[&[u8]]) -> Vec<String> {
        let mut decoder = Decoder::default();
        let mut payloads = Vec::new();
        for chunk in chunks {
            decoder.push(chunk).unwrap();
            payloads.extend(std::iter::from_fn(|| decoder.next_payload()));
        }
        decoder.finish().unwrap();
        payloads.extend(std::iter::from_fn(|| decoder.next_payload()));
        payloads.into_iter().map(|payload| String::from_utf8(payload).unwrap()).collect()
    }

    #[test]
    fn lf_and_crlf_comments_and_other_fields() {
        let text = b": keep-alive\r\n\r\nid: 7\r\nevent: message\r\ndata: {\"a\":1}\r\n\r\ndata:{\"b\":2}\n\n\n\ndata: x\ndata: y\n\n";
        assert_eq!(decode(&[text]), ["{\"a\":1}", "{\"b\":2}", "x\ny"]);
    }

    #[test]
    fn the_last_event_needs_no_blank_line() {
        assert_eq!(decode(&[b"data: {\"a\":1}\n\ndata: {\"b\":2}\n"]), ["{\"a\":1}", "{\"b\":2}"]);
        assert_eq!(decode(&[b"data: {\"a\":1}"]), ["{\"a\":1}"]);
        assert!(decode(&[b""]).is_empty());
        assert!(decode(&[b"\n\n: nothing\n"]).is_empty());
    }

    #[test]
    fn a_pretty_printed_error_without_data_is_one_payload() {
        let text = b"data: {\"a\":1}\n\n{\n  \"error\": {\n    \"message\": \"a } in a \\\" string\",\n    \"code\": 503\n  }\n}\ndata: {\"b\":2}\n\n";
        let payloads = decode(&[text]);
        assert_eq!(payloads.len(), 3);
        let error: serde_json::Value = serde_json::from_str(&payloads[1]).unwrap();
        assert_eq!(error["error"]["code"], 503);
        assert_eq!(payloads[2], "{\"b\":2}");
    }

    #[test]
    fn a_body_that_is_one_json_array() {
        let payloads = decode(&[b"[{\"a\": 1}\n,\r\n{\"b\": [2]}\n]\n"]);
        assert_eq!(payloads.len(), 1);
        assert_eq!(serde_json::from_str::<serde_json::Value>(&payloads[0]).unwrap()[1]["b"][0], 2);
    }

    #[test]
    fn an_endless_line_and_an_endless_event_are_refused() {
        let mut decoder = Decoder::default();
        let block = vec![b'x'; EVENT_BYTES_MAX / 2];
        decoder.push(b"data: ").unwrap();
        decoder.push(&block).unwrap();
        assert_eq!(decoder.push(&block), Err(EventTooLong));

        let mut decoder = Decoder::default();
        let line = [b"data: ".as_slice(), &vec![b'x'; 1000], b"\n"].concat();
        assert!((0..=EVENT_BYTES_MAX / 1000).any(|_| decoder.push(&line).is_err()));

        let mut decoder = Decoder::default();
        let line = [b"{".as_slice(), &vec![b' '; 1000], b"\n"].concat();
        assert!((0..=EVENT_BYTES_MAX / 1000).any(|_| decoder.push(&line).is_err()));
    }

    proptest! {
        #[test]
        fn cuts_do_not_matter(cuts in prop::collection::vec(0usize..200, 0..12)) {
            let text = "data: {\"text\":\"هل تشحنون إلى جدة؟\"}\r\n\r\n: ping\n\ndata: one\ndata: two\r\n\r\n{\r\n \"error\": {\"code\": 503}\r\n}\r\ndata: {\"z\":[]}";
            let bytes = text.as_bytes();
            let mut places: Vec<usize> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
            places.extend([0, bytes.len()]);
            places.sort_unstable();
            let chunks: Vec<&[u8]> = places.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect();
            let mut expected = decode(&[bytes]);
            for payload in &mut expected {
                payload.retain(|c| c != '\r');
            }
            prop_assert_eq!(decode(&chunks), expected);
        }

        #[test]
        fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            let mut whole = Decoder::default();
            whole.push(&bytes).unwrap();
            whole.finish().unwrap();
            let mut split = Decoder::default();
            for byte in &bytes {
                split.push(std::slice::from_ref(byte)).unwrap();
            }
            split.finish().unwrap();
            prop_assert_eq!(whole.ready, split.ready);
        }
    }
}
