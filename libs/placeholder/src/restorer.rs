//! Puts values back into a streamed answer, holding back only what may still become a placeholder.

use std::fmt;
use std::sync::Arc;

use memchr::memchr2;
use zeroize::Zeroizing;

use crate::matcher::{MAX_RAW_BYTES, Match, match_start};
use crate::{Placeholder, Vault};

/// Most bytes of an answer that a [`Restorer`] holds back.
pub const MAX_HELD_BYTES: usize = MAX_RAW_BYTES;

/// Room for a held prefix and the piece of the next delta that decides it.
const TAIL_CAPACITY: usize = 2 * MAX_RAW_BYTES;

/// How a value is written into the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Encoding {
    /// As it is.
    #[default]
    Text,
    /// Escaped for the inside of a JSON string: the lane of tool-call arguments.
    JsonString,
    /// Escaped for HTML text and attribute values.
    Html,
}

/// The values of one request, frozen and ready for any number of lanes.
pub struct RestoreMap {
    /// `TYPE:CODE]`, sorted.
    keys: Vec<Box<[u8]>>,
    values: Vec<Zeroizing<String>>,
}

impl RestoreMap {
    /// Takes placeholders with their values; kinds that may not be restored and repeated placeholders are left out.
    pub fn new<'v>(values: impl IntoIterator<Item = (Placeholder, &'v str)>) -> Self {
        let mut pairs: Vec<(Box<[u8]>, Zeroizing<String>)> = values
            .into_iter()
            .filter(|(placeholder, _)| placeholder.kind().restorable())
            .map(|(placeholder, value)| {
                let key = format!("{}:{}]", placeholder.kind(), placeholder.code());
                (key.into_bytes().into_boxed_slice(), Zeroizing::new(value.to_owned()))
            })
            .collect();
        pairs.sort_by(|a, b| a.0.cmp(&b.0));
        pairs.dedup_by(|a, b| a.0 == b.0);
        let (keys, values) = pairs.into_iter().unzip();
        Self { keys, values }
    }

    /// Number of values.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether there is nothing to restore.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }
}

impl From<&Vault> for RestoreMap {
    fn from(vault: &Vault) -> Self {
        Self::new(vault.restorable())
    }
}

impl fmt::Debug for RestoreMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RestoreMap({} values)", self.keys.len())
    }
}

/// Restores one lane of a streamed answer: the content, the reasoning or one tool call's arguments.
///
/// Text that cannot become a placeholder of the map passes at once and unchanged. The output does not depend on how
/// the answer is cut into deltas, no emitted byte is part of a later match, and a restored value is never scanned.
/// The work is linear in the length of the answer.
pub struct Restorer {
    map: Arc<RestoreMap>,
    encoding: Encoding,
    /// Either empty or a live prefix of a placeholder, shorter than [`MAX_HELD_BYTES`].
    tail: String,
    restored: u64,
}

impl Restorer {
    /// Makes a restorer for one lane.
    pub fn new(map: Arc<RestoreMap>, encoding: Encoding) -> Self {
        Self { map, encoding, tail: String::with_capacity(TAIL_CAPACITY), restored: 0 }
    }

    /// Takes the next piece of the answer and appends to `out` what is decided.
    ///
    /// Nothing is allocated, apart from growth of `out`.
    pub fn push(&mut self, delta: &str, out: &mut String) {
        if self.map.is_empty() {
            out.push_str(delta);
            return;
        }
        let mut rest = delta;
        while !self.tail.is_empty() && !rest.is_empty() {
            let room = rest.floor_char_boundary(TAIL_CAPACITY - self.tail.len());
            self.tail.push_str(&rest[..room]);
            rest = &rest[room..];
            let mut tail = std::mem::take(&mut self.tail);
            let held = self.scan(&tail, out);
            tail.drain(..tail.len() - held);
            self.tail = tail;
        }
        if !rest.is_empty() {
            let held = self.scan(rest, out);
            self.tail.push_str(&rest[rest.len() - held..]);
        }
    }

    /// Ends the lane: appends what is still held and gives the number of dropped fragments.
    ///
    /// A held prefix that already names a type of the map is the torso of a placeholder, which a reader must not see:
    /// it is dropped and counted. Any other prefix is ordinary text and is emitted.
    pub fn finish(&mut self, out: &mut String) -> usize {
        let torso = matches!(match_start(&self.map.keys, &self.tail), Match::Partial { named: true });
        if !torso {
            out.push_str(&self.tail);
        }
        self.tail.clear();
        usize::from(torso)
    }

    /// Bytes held back at the moment.
    pub fn held_bytes(&self) -> usize {
        self.tail.len()
    }

    /// Values restored so far.
    pub fn restored(&self) -> u64 {
        self.restored
    }

    /// Emits all of `text` that is decided and gives the length of the suffix that is not.
    fn scan(&mut self, text: &str, out: &mut String) -> usize {
        let mut emitted = 0;
        let mut from = 0;
        while let Some(start) = next_bracket(text, from) {
            match match_start(&self.map.keys, &text[start..]) {
                Match::Full { key, len } => {
                    out.push_str(&text[emitted..start]);
                    encode(&self.map.values[key], self.encoding, out);
                    self.restored += 1;
                    emitted = start + len;
                    from = emitted;
                }
                Match::Dead => from = start + 1,
                Match::Partial { .. } => {
                    out.push_str(&text[emitted..start]);
                    return text.len() - start;
                }
            }
        }
        out.push_str(&text[emitted..]);
        0
    }
}

impl fmt::Debug for Restorer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Restorer({:?}, {} bytes held)", self.encoding, self.tail.len())
    }
}

/// Restores a complete text, including its last, cut placeholder as it is.
pub fn restore(map: &Arc<RestoreMap>, encoding: Encoding, text: &str) -> String {
    let mut restorer = Restorer::new(Arc::clone(map), encoding);
    let mut out = String::with_capacity(text.len() + text.len() / 4);
    restorer.push(text, &mut out);
    out.push_str(&restorer.tail);
    out
}

/// Finds the next ASCII or fullwidth opening bracket.
fn next_bracket(text: &str, mut from: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    loop {
        let start = from + memchr2(b'[', 0xef, bytes.get(from..)?)?;
        if bytes[start] == b'[' || bytes[start..].starts_with("［".as_bytes()) {
            return Some(start);
        }
        from = start + 1;
    }
}

fn encode(value: &str, encoding: Encoding, out: &mut String) {
    match encoding {
        Encoding::Text => out.push_str(value),
        Encoding::JsonString => value.chars().for_each(|character| push_json(character, out)),
        Encoding::Html => value.chars().for_each(|character| match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }),
    }
}

fn push_json(character: char, out: &mut String) {
    match character {
        '"' => out.push_str("\\\""),
        '\\' => out.push_str("\\\\"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        control if control < ' ' => {
            let value = u32::from(control);
            out.push_str("\\u00");
            for shift in [4, 0] {
                out.push(char::from_digit((value >> shift) & 15, 16).unwrap_or('0'));
            }
        }
        other => out.push(other),
    }
}
