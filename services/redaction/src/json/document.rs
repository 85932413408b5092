//! A JSON text taken apart into its keys, strings and numbers, and put together again.

use std::{borrow::Cow, ops::Range};

use kaleem_pii::Span;

use super::{
    literal::{decoded, is_structured, number_end, string_end},
    merge::Claim,
    scope::{Names, Scopes},
};
use crate::{
    joined::Joined,
    policy::Action,
    redact::{MAX_HINT_BYTES, hint},
};

/// JSON within strings of JSON that is taken apart; deeper down it is the text of a string.
const NESTING_MAX: usize = 4;
/// Bytes of one name that count as words before a value.
const NAME_BYTES_MAX: usize = MAX_HINT_BYTES / 2;

/// A range of a text whose length is bounded far below 4 GiB; a document may hold half a million of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Extent {
    start: u32,
    end: u32,
}

impl Extent {
    pub(super) const EMPTY: Self = Self { start: 0, end: 0 };

    fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }
}

impl From<Range<usize>> for Extent {
    fn from(range: Range<usize>) -> Self {
        let narrow = |at| u32::try_from(at).unwrap_or(u32::MAX);
        Self { start: narrow(range.start), end: narrow(range.end) }
    }
}

/// A JSON text taken apart.
pub(super) struct Document<'j> {
    /// The text with its strings decoded, JSON in strings as well: what a model reads.
    text: String,
    /// In order of place.
    leaves: Vec<Leaf>,
    root: Level<'j>,
}

/// A key, a string or a number.
struct Leaf {
    /// Where it lies in the text of the document.
    place: Extent,
    names: Names,
    sort: Sort,
    /// Whether it was not yet looked at as it is now.
    is_unread: bool,
    /// What stands there now, if it was changed.
    edited: Option<Box<str>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Sort {
    Key,
    Text,
    Number,
}

/// A JSON text as it is written.
struct Level<'j> {
    source: Cow<'j, str>,
    tokens: Vec<Token<'j>>,
}

/// What may change of a level.
struct Token<'j> {
    /// Where it is written.
    literal: Extent,
    what: What<'j>,
}

enum What<'j> {
    /// The leaf of this index.
    Leaf(u32),
    /// JSON in a string.
    Nested(Box<Level<'j>>),
}

impl<'j> Document<'j> {
    /// Takes a text apart, if it is a JSON object, array or string.
    pub(super) fn read(json: &'j str) -> Option<Self> {
        if !is_structured(json) {
            return None;
        }
        let mut reader =
            Reader { text: String::with_capacity(json.len()), leaves: Vec::new(), scopes: Scopes::new() };
        let root = reader.level(Cow::Borrowed(json), 1);
        let Reader { text, leaves, .. } = reader;
        Some(Self { text, leaves, root })
    }

    /// The text as it stands, and where its leaves lie in it.
    pub(super) fn draft(&self) -> Joined {
        let mut draft = Joined::with_capacity(self.text.len(), self.leaves.len());
        let mut copied = 0;
        for leaf in &self.leaves {
            let place = leaf.place.range();
            draft.text.push_str(&self.text[copied..place.start]);
            // A number that was edited is a string.
            let quote = if leaf.sort == Sort::Number && leaf.edited.is_some() { "\"" } else { "" };
            draft.text.push_str(quote);
            draft.push(leaf.edited.as_deref().unwrap_or(&self.text[place.clone()]));
            draft.text.push_str(quote);
            copied = place.end;
        }
        draft.text.push_str(&self.text[copied..]);
        draft
    }

    /// What findings in the whole text take of its leaves, in order.
    ///
    /// A key that lies in the middle of a finding, as between a street and a number, is a word of the format and stays.
    pub(super) fn claims(&self, draft: &Joined, found: &[(Span, Action)]) -> Vec<Claim> {
        let mut claims = Vec::new();
        for (span, action) in found {
            for (leaf, range) in draft.touched(span.range.clone()) {
                if self.leaves[leaf].sort == Sort::Key && span.range.start < draft.places[leaf].start {
                    continue;
                }
                let is_whole = range.len() == span.range.len();
                let normal = is_whole.then(|| span.normal.clone());
                claims.push(Claim {
                    leaf,
                    range,
                    kind: span.kind,
                    points: span.points,
                    action: *action,
                    normal,
                });
            }
        }
        claims
    }

    /// The words before a leaf, if it was not yet looked at as it is now.
    pub(super) fn hint_if_unread(&mut self, index: usize) -> Option<String> {
        let leaf = self.leaves.get_mut(index).filter(|leaf| leaf.is_unread)?;
        leaf.is_unread = false;
        let names = leaf.names.map(|name| {
            let name = &self.text[name.range()];
            &name[name.ceil_char_boundary(name.len().saturating_sub(NAME_BYTES_MAX))..]
        });
        Some(hint(names.join(" ").trim_start()).into_owned())
    }

    pub(super) fn edit(&mut self, index: usize, text: String) {
        if let Some(leaf) = self.leaves.get_mut(index) {
            leaf.edited = Some(text.into_boxed_str());
            leaf.is_unread = true;
        }
    }

    /// The text as it is written now.
    pub(super) fn into_text(self) -> Cow<'j, str> {
        match self.root.rewritten(&self.leaves) {
            Some(text) => Cow::Owned(text),
            None => self.root.source,
        }
    }
}

impl Level<'_> {
    /// The level with what was changed in it; `None` if that is nothing.
    fn rewritten(&self, leaves: &[Leaf]) -> Option<String> {
        let (mut out, mut copied) = (String::new(), 0);
        for Token { literal, what } in &self.tokens {
            let new = match what {
                What::Leaf(index) => {
                    leaves.get(*index as usize).and_then(|leaf| leaf.edited.as_deref()).map(Cow::from)
                }
                What::Nested(level) => level.rewritten(leaves).map(Cow::from),
            };
            if let Some(new) = new {
                let literal = literal.range();
                out.push_str(&self.source[copied..literal.start]);
                out.push_str(&serde_json::Value::from(new).to_string());
                copied = literal.end;
            }
        }
        (copied > 0).then(|| out + &self.source[copied..])
    }
}

/// Takes texts apart that are known to be well formed.
struct Reader {
    text: String,
    leaves: Vec<Leaf>,
    scopes: Scopes,
}

impl Reader {
    fn level<'j>(&mut self, source: Cow<'j, str>, depth: usize) -> Level<'j> {
        let mut tokens = Vec::new();
        let bytes = source.as_bytes();
        let (mut at, mut copied) = (0, 0);
        while let Some(byte) = bytes.get(at) {
            let end = match byte {
                b'"' => string_end(bytes, at),
                b'-' | b'0'..=b'9' => number_end(bytes, at),
                _ => {
                    self.structure(*byte);
                    at += 1;
                    continue;
                }
            };
            self.text.push_str(&source[copied..at]);
            let literal = &source[at..end];
            let what = if *byte == b'"' {
                let is_key = source[end..].trim_start().starts_with(':');
                self.string(decoded(literal), is_key, depth)
            } else {
                self.number(literal)
            };
            tokens.push(Token { literal: (at..end).into(), what });
            (at, copied) = (end, end);
        }
        self.text.push_str(&source[copied..]);
        Level { source, tokens }
    }

    fn structure(&mut self, byte: u8) {
        match byte {
            b'{' | b'[' => self.scopes.enter(byte == b'['),
            b'}' | b']' => self.scopes.leave(),
            b't' | b'n' => self.scopes.other(),
            _ => {}
        }
    }

    fn string<'j>(&mut self, text: Cow<'_, str>, is_key: bool, depth: usize) -> What<'j> {
        self.text.push('"');
        let what = if !is_key && depth < NESTING_MAX && is_structured(&text) {
            What::Nested(Box::new(self.level(Cow::Owned(text.into_owned()), depth + 1)))
        } else {
            let leaf = self.leaf(&text, if is_key { Sort::Key } else { Sort::Text });
            let place = self.leaves[leaf as usize].place;
            if is_key {
                self.scopes.key(place, &text);
            } else {
                self.scopes.string(place);
            }
            What::Leaf(leaf)
        };
        self.text.push('"');
        what
    }

    fn number<'j>(&mut self, literal: &str) -> What<'j> {
        let leaf = self.leaf(literal, Sort::Number);
        self.scopes.other();
        What::Leaf(leaf)
    }

    fn leaf(&mut self, text: &str, sort: Sort) -> u32 {
        let start = self.text.len();
        self.text.push_str(text);
        // A key is none of its own words, but those above it tell what it is.
        let names = if sort == Sort::Key { self.scopes.names_of_key() } else { self.scopes.names() };
        let place = (start..self.text.len()).into();
        self.leaves.push(Leaf { place, names, sort, is_unread: true, edited: None });
        u32::try_from(self.leaves.len() - 1).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes of words that go before the values of a document.
    fn hinted(json: &str) -> usize {
        let mut document = Document::read(json).unwrap();
        (0..document.leaves.len())
            .filter_map(|leaf| document.hint_if_unread(leaf))
            .map(|hint| hint.len())
            .sum()
    }

    #[test]
    fn words_before_values_do_not_grow_with_names_and_depth() {
        const VALUES: usize = 1_000;
        let values = |value: &str| vec![value; VALUES].join(",");
        let bound = (VALUES + 1) * (MAX_HINT_BYTES + 4);
        let long = format!(r#"{{"{}":[{}]}}"#, "رقم ".repeat(50_000), values("1"));
        let deep = format!(
            "{}{}{}",
            r#"{"phone":"#.repeat(VALUES),
            values("").replace(',', ""),
            "1".to_owned() + &"}".repeat(VALUES)
        );
        let wide = format!(r#"{{"head":[{}],"rows":[[{}]]}}"#, values(r#""phone""#), values("1"));
        for json in [&long, &deep, &wide] {
            let bytes = hinted(json);
            assert!(bytes > VALUES && bytes <= 2 * bound, "{bytes}");
        }
    }

    #[test]
    fn what_is_not_edited_is_written_as_it_was() {
        let json = "{ \"a\\u0062\" : [1.0, -2e3 , \"\\ud800\", \"[\\\"x\\\"]\"],\n \"c\": null}";
        let mut document = Document::read(json).unwrap();
        assert_eq!(
            document.draft().text,
            "{ \"ab\" : [1.0, -2e3 , \"\u{fffd}\u{fffd}\u{fffd}\", \"[\"x\"]\"],\n \"c\": null}"
        );
        document.edit(4, "y\"".to_owned());
        assert_eq!(document.into_text(), json.replace(r#"\"x\""#, r#"\"y\\\"\""#));
        assert!(matches!(Document::read(json).unwrap().into_text(), Cow::Borrowed(text) if text == json));
        for other in ["1", "null", "{", "x", "\"x", ""] {
            assert!(Document::read(other).is_none(), "{other}");
        }
    }
}
