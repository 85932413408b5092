//! Recognises a placeholder of a known set at the start of a text, tolerating what models do to it.

/// Bytes that a placeholder may take in the answer, with everything that is tolerated in it.
pub(crate) const MAX_RAW_BYTES: usize = 64;

/// What the start of a text is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Match {
    /// A placeholder: position of its key and bytes that it takes.
    Full { key: usize, len: usize },
    /// Not a placeholder, whatever follows.
    Dead,
    /// A proper prefix of a placeholder; `named` once its type and colon are complete.
    Partial { named: bool },
}

/// A character as the placeholder grammar sees it.
#[derive(Clone, Copy)]
enum Symbol {
    Open,
    Close,
    /// Part of `TYPE:CODE`, upper case.
    Inner(u8),
    Space,
    Escape,
    /// Invisible, dropped.
    Mark,
    Other,
}

/// Progress through `[[TYPE:CODE]]`.
struct State {
    opened: u8,
    closed: u8,
    /// Keys that share the inner bytes read so far.
    low: usize,
    high: usize,
    depth: usize,
    last: u8,
    after_space: bool,
    after_escape: bool,
}

/// Matches the start of `text` against `keys`, which are sorted and of the form `TYPE:CODE]`.
///
/// Tolerates: letter case, one space at each joint, a backslash before `_`, `[` and `]`, zero-width and bidi marks,
/// Arabic-Indic, Persian and fullwidth digits, fullwidth brackets and colon. Never takes more than [`MAX_RAW_BYTES`].
pub(crate) fn match_start<K: AsRef<[u8]>>(keys: &[K], text: &str) -> Match {
    let mut state = State {
        opened: 0,
        closed: 0,
        low: 0,
        high: keys.len(),
        depth: 0,
        last: 0,
        after_space: false,
        after_escape: false,
    };
    for (start, character) in text.char_indices() {
        let end = start + character.len_utf8();
        if end > MAX_RAW_BYTES || !state.step(keys, classify(character)) {
            return Match::Dead;
        }
        if state.closed == 2 {
            return Match::Full { key: state.low, len: end };
        }
    }
    // At the limit nothing can complete the match any more.
    if text.len() >= MAX_RAW_BYTES { Match::Dead } else { Match::Partial { named: state.named(keys) } }
}

impl State {
    /// Takes one symbol; `false` when no placeholder goes on like this.
    fn step<K: AsRef<[u8]>>(&mut self, keys: &[K], symbol: Symbol) -> bool {
        let taken = match symbol {
            // Nothing may come before the first bracket, where the caller starts to hold back.
            _ if self.opened == 0 => return self.open(symbol),
            Symbol::Mark => return true,
            Symbol::Space => {
                let first = !self.after_space && !self.after_escape;
                self.after_space = true;
                return first;
            }
            Symbol::Escape => {
                let first = !self.after_escape;
                self.after_escape = true;
                return first;
            }
            Symbol::Open => self.opened == 1 && self.open(symbol),
            Symbol::Close if self.closed == 1 => {
                self.closed = 2;
                true
            }
            Symbol::Close => self.inner(keys, b']'),
            Symbol::Inner(byte) => (!self.after_escape || byte == b'_') && self.inner(keys, byte),
            Symbol::Other => false,
        };
        self.after_space = false;
        self.after_escape = false;
        taken
    }

    fn open(&mut self, symbol: Symbol) -> bool {
        self.opened += 1;
        matches!(symbol, Symbol::Open)
    }

    /// Narrows the keys to those with `byte` next.
    fn inner<K: AsRef<[u8]>>(&mut self, keys: &[K], byte: u8) -> bool {
        let at_joint = self.depth == 0 || self.last == b':' || byte == b':' || byte == b']';
        if self.opened < 2 || self.closed > 0 || (self.after_space && !at_joint) {
            return false;
        }
        let depth = self.depth;
        let next = |key: &K| key.as_ref().get(depth).copied().unwrap_or(0);
        let range = &keys[self.low..self.high];
        let low = self.low + range.partition_point(|key| next(key) < byte);
        let high = self.low + range.partition_point(|key| next(key) <= byte);
        (self.low, self.high) = (low, high);
        self.depth += 1;
        self.last = byte;
        self.closed = u8::from(byte == b']');
        low < high
    }

    /// Whether the bytes read so far include the colon.
    fn named<K: AsRef<[u8]>>(&self, keys: &[K]) -> bool {
        keys.get(self.low).is_some_and(|key| {
            let read = key.as_ref().get(..self.depth).unwrap_or_default();
            read.contains(&b':')
        })
    }
}

fn classify(character: char) -> Symbol {
    match character {
        '[' | '［' => Symbol::Open,
        ']' | '］' => Symbol::Close,
        ' ' | '\u{a0}' => Symbol::Space,
        '\\' => Symbol::Escape,
        ':' | '：' => Symbol::Inner(b':'),
        '_' | '＿' => Symbol::Inner(b'_'),
        '0'..='9' | 'A'..='Z' | 'a'..='z' => Symbol::Inner((character as u8).to_ascii_uppercase()),
        '\u{660}'..='\u{669}' => digit(character, '\u{660}'),
        '\u{6f0}'..='\u{6f9}' => digit(character, '\u{6f0}'),
        '\u{ff10}'..='\u{ff19}' => digit(character, '\u{ff10}'),
        '\u{200b}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{2069}'
        | '\u{61c}'
        | '\u{ad}'
        | '\u{feff}' => Symbol::Mark,
        _ => Symbol::Other,
    }
}

fn digit(character: char, zero: char) -> Symbol {
    let value = u32::from(character) - u32::from(zero);
    Symbol::Inner(b'0' + u8::try_from(value).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYS: [&str; 3] = ["IBAN:000000]", "PHONE:7QX2MA4F]", "PHONE:7QX2MA]"];

    fn full(key: usize, text: &str) {
        assert_eq!(match_start(&KEYS, text), Match::Full { key, len: text.len() }, "{text}");
    }

    #[test]
    fn keys_are_sorted() {
        assert!(KEYS.is_sorted());
    }

    #[test]
    fn tolerates_what_models_do() {
        for text in [
            "[[PHONE:7QX2MA]]",
            "[[phone:7qx2ma]]",
            "[[ PHONE : 7QX2MA ]]",
            "[ [PHONE:7QX2MA] ]",
            "［［PHONE：7QX2MA］］",
            "[[PHONE:٧QX٢MA]]",
            "[[PHONE:۷QX۲MA]]",
            "[\u{200f}[PHO\u{200b}NE:7QX2MA]\u{2069}]",
            "[\\[PHONE:7QX2MA\\]\\]",
        ] {
            full(2, text);
        }
        full(1, "[[PHONE:7QX2MA4F]]");
        full(0, "[[IBAN:٠٠٠٠٠٠]]");
        assert_eq!(
            match_start(&["SA_IQAMA:7QX2MA]"], "[[SA\\_IQAMA:7QX2MA]]"),
            Match::Full { key: 0, len: 20 }
        );
    }

    #[test]
    fn refuses_early() {
        for text in [
            "[a",
            "[[X",
            "[[PHONE:8",
            "[[PHONE:7QX2MA4]",
            "[[PH ONE",
            "[[PHONE:7QX 2MA]]",
            "[[  PHONE",
            "[[PHONE:7QX2MA}",
            "[[[",
            "[]",
            "[[]]",
            "x[[PHONE:7QX2MA]]",
            "[[\\P",
            "[[PHONE:7QX2MA]x",
            "[[EMAIL",
        ] {
            assert_eq!(match_start(&KEYS, text), Match::Dead, "{text}");
        }
    }

    #[test]
    fn waits_only_on_a_live_prefix() {
        for (text, named) in
            [("[", false), ("[[", false), ("[[PHONE", false), ("[[PHONE:", true), ("[[phone:7qx2ma]", true)]
        {
            assert_eq!(match_start(&KEYS, text), Match::Partial { named }, "{text}");
        }
    }

    #[test]
    fn never_takes_more_than_the_bound() {
        let marks = "\u{200b}".repeat(16);
        full(2, &format!("[{marks}[PHONE:7QX2MA]]"));
        let marks = "\u{200b}".repeat(17);
        assert_eq!(match_start(&KEYS, &format!("[{marks}[PHONE:7QX2MA]]")), Match::Dead);
        let prefix = format!("[{}", "\u{200b}".repeat(21));
        assert_eq!(prefix.len(), MAX_RAW_BYTES);
        assert_eq!(match_start(&KEYS, &prefix), Match::Dead);
    }
}
