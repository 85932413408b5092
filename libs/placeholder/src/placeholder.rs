//! The placeholder itself: `[[TYPE:CODE]]`.

use std::fmt;
use std::str::FromStr;

use crate::Kind;

/// Characters of an ordinary code: 30 bits of a keyed hash.
pub const MIN_CODE_LEN: usize = 6;
/// Characters of the longest code, reached only when shorter ones are taken.
pub const MAX_CODE_LEN: usize = 16;

/// Crockford's base32: no `I`, `L`, `O`, `U`.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// A token that stands for one value: `[[TYPE:CODE]]`, ASCII, at most 37 bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Placeholder {
    kind: Kind,
    len: u8,
    code: [u8; MAX_CODE_LEN],
}

impl Placeholder {
    /// Encodes the first `5 × len` bits of `digest`; `len` is held between the bounds of a code.
    pub(crate) fn from_digest(kind: Kind, digest: &[u8; 32], len: usize) -> Self {
        let len = len.clamp(MIN_CODE_LEN, MAX_CODE_LEN);
        let mut placeholder = Self { kind, len: 0, code: [0; MAX_CODE_LEN] };
        placeholder.append(digest, len);
        placeholder
    }

    /// The same code followed by `count` characters of `digest`, as far as the longest code allows.
    pub(crate) fn extended(mut self, digest: &[u8; 32], count: usize) -> Self {
        self.append(digest, count.min(MAX_CODE_LEN - usize::from(self.len)));
        self
    }

    fn append(&mut self, digest: &[u8; 32], count: usize) {
        for index in 0..count {
            let bit = index * 5;
            let pair = u16::from_be_bytes([digest[bit / 8], digest[bit / 8 + 1]]);
            let symbol = (pair >> (11 - bit % 8)) & 31;
            self.code[usize::from(self.len)] = ALPHABET[usize::from(symbol)];
            self.len += 1;
        }
    }

    /// The type of the value.
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// The code, 6 to 16 characters of Crockford base32.
    pub fn code(&self) -> &str {
        let bytes = &self.code[..usize::from(self.len)];
        std::str::from_utf8(bytes).unwrap_or_default()
    }

    /// Reads a placeholder in its exact form at the start of `text` and gives it with its length in bytes.
    pub fn at_start(text: &str) -> Option<(Self, usize)> {
        let inner = text.strip_prefix("[[")?;
        let window = inner.as_bytes().get(..inner.len().min(40))?;
        let colon = memchr::memchr(b':', window)?;
        let kind: Kind = inner.get(..colon)?.parse().ok()?;
        let code = window.get(colon + 1..)?;
        let len = code.iter().take_while(|byte| ALPHABET.contains(byte)).count();
        if !(MIN_CODE_LEN..=MAX_CODE_LEN).contains(&len) || !code[len..].starts_with(b"]]") {
            return None;
        }
        let mut placeholder = Self { kind, len: 0, code: [0; MAX_CODE_LEN] };
        placeholder.code[..len].copy_from_slice(&code[..len]);
        placeholder.len = u8::try_from(len).ok()?;
        Some((placeholder, 2 + colon + 1 + len + 2))
    }
}

impl fmt::Display for Placeholder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[[{}:{}]]", self.kind, self.code())
    }
}

impl fmt::Debug for Placeholder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Placeholder {
    type Err = MalformedPlaceholder;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match Self::at_start(text) {
            Some((placeholder, len)) if len == text.len() => Ok(placeholder),
            _ => Err(MalformedPlaceholder),
        }
    }
}

/// The text is not of the form `[[TYPE:CODE]]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a placeholder of the form [[TYPE:CODE]] with a known type and 6 to 16 base32 characters")]
pub struct MalformedPlaceholder;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodes_the_leading_bits() {
        let mut digest = [0_u8; 32];
        digest[..5].copy_from_slice(&[0b0000_1000, 0b1000_0110, 0b0100_0010, 0b1001_1000, 0b1110_1000]);
        let placeholder = Placeholder::from_digest(Kind::Phone, &digest, 6);
        assert_eq!(placeholder.to_string(), "[[PHONE:123456]]");
        assert_eq!(placeholder.extended(&[255; 32], 2).to_string(), "[[PHONE:123456ZZ]]");
        assert_eq!(placeholder.extended(&[255; 32], 99).code().len(), MAX_CODE_LEN);
    }

    #[test]
    fn parses_only_the_exact_form() {
        for text in ["[[PHONE:7QX2MA]]", "[[SA_NATIONAL_ID:0123456789ABCDEF]]"] {
            assert_eq!(text.parse::<Placeholder>().map(|p| p.to_string()), Ok(text.to_owned()));
        }
        for text in [
            "",
            "[[",
            "[[PHONE:7QX2M]]",
            "[[PHONE:7QX2MU]]",
            "[[phone:7QX2MA]]",
            "[[PHONE:7QX2MA] ]",
            "[[PHONE:7QX2MA]] ",
            "[[NOPE:7QX2MA]]",
            "[[PHONE:0123456789ABCDEFG]]",
            "[[جوال:7QX2MA]]",
        ] {
            assert_eq!(text.parse::<Placeholder>(), Err(MalformedPlaceholder), "{text}");
        }
    }
}
