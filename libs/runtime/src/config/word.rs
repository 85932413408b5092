//! Durations and sizes as people write them.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize, Serializer};

const SPAN_EXAMPLE: &str = "a duration such as `250ms`, `30s` or `5m`";
const SIZE_EXAMPLE: &str = "a size such as `512KiB`, `8MiB` or `1GB`";

/// Why a text is not the word it should be. It does not quote the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("write it as {0}")]
pub struct WordError(&'static str);

/// A duration that is written as a word: `250ms`, `30s`, `5m`, `1h 30m`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Span(Duration);

impl Span {
    /// No time at all.
    pub const ZERO: Self = Self(Duration::ZERO);

    /// A span of `millis` milliseconds.
    pub const fn millis(millis: u64) -> Self {
        Self(Duration::from_millis(millis))
    }

    /// A span of `seconds` seconds.
    pub const fn seconds(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }

    /// The span as the standard library's duration.
    pub const fn get(self) -> Duration {
        self.0
    }
}

impl From<Duration> for Span {
    fn from(duration: Duration) -> Self {
        Self(duration)
    }
}

impl From<Span> for Duration {
    fn from(span: Span) -> Self {
        span.0
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        humantime::format_duration(self.0).fmt(f)
    }
}

impl FromStr for Span {
    type Err = WordError;

    fn from_str(text: &str) -> Result<Self, WordError> {
        humantime::parse_duration(text).map(Self).map_err(|_| WordError(SPAN_EXAMPLE))
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Word::<Self>::expecting(SPAN_EXAMPLE))
    }
}

/// A number of bytes that is written as a word: `512KiB`, `8MiB`, `1GB`, or a plain number of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Size(u64);

impl Size {
    /// A size of `count` bytes.
    pub const fn bytes(count: u64) -> Self {
        Self(count)
    }

    /// A size of `count` × 1024 bytes.
    pub const fn kib(count: u64) -> Self {
        Self(count << 10)
    }

    /// A size of `count` × 1024² bytes.
    pub const fn mib(count: u64) -> Self {
        Self(count << 20)
    }

    /// The number of bytes.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The number of bytes as a length in memory, saturating where pointers are narrow.
    pub fn as_usize(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

impl fmt::Display for Size {
    /// Writes the largest unit that divides the size, so that reading it back loses nothing.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [(u32, &str); 4] = [(40, "TiB"), (30, "GiB"), (20, "MiB"), (10, "KiB")];
        let fits = |shift: u32| self.0 != 0 && self.0.trailing_zeros() >= shift;
        match UNITS.into_iter().find(|(shift, _)| fits(*shift)) {
            Some((shift, unit)) => write!(f, "{}{unit}", self.0 >> shift),
            None => write!(f, "{}B", self.0),
        }
    }
}

impl FromStr for Size {
    type Err = WordError;

    fn from_str(text: &str) -> Result<Self, WordError> {
        text.parse::<bytesize::ByteSize>().map(|size| Self(size.0)).map_err(|_| WordError(SIZE_EXAMPLE))
    }
}

impl Serialize for Size {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SizeVisitor(Word::expecting(SIZE_EXAMPLE)))
    }
}

/// Reads a word from a text.
struct Word<T> {
    example: &'static str,
    word: std::marker::PhantomData<T>,
}

impl<T> Word<T> {
    const fn expecting(example: &'static str) -> Self {
        Self { example, word: std::marker::PhantomData }
    }
}

impl<T: FromStr<Err = WordError>> Visitor<'_> for Word<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.example)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        text.parse().map_err(E::custom)
    }
}

/// Reads a size from a word or a number of bytes.
struct SizeVisitor(Word<Size>);

impl Visitor<'_> for SizeVisitor {
    type Value = Size;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.expecting(f)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Size, E> {
        self.0.visit_str(text)
    }

    fn visit_u64<E: de::Error>(self, count: u64) -> Result<Size, E> {
        Ok(Size(count))
    }

    fn visit_i64<E: de::Error>(self, count: i64) -> Result<Size, E> {
        u64::try_from(count).map(Size).map_err(|_| E::custom("a size cannot be negative"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_read_and_write_as_words() {
        for (text, duration) in [
            ("30s", Duration::from_secs(30)),
            ("250ms", Duration::from_millis(250)),
            ("1h 30m", Duration::from_mins(90)),
            ("0s", Duration::ZERO),
        ] {
            let span: Span = text.parse().unwrap();
            assert_eq!(span.get(), duration);
            assert_eq!(span.to_string(), text);
        }
        for text in ["", "30", "-5s", "soon", "99999999999999999999y"] {
            assert_eq!(text.parse::<Span>(), Err(WordError(SPAN_EXAMPLE)), "{text}");
        }
    }

    #[test]
    fn sizes_read_and_write_without_loss() {
        for (text, count, written) in [
            ("8MiB", 8 << 20, "8MiB"),
            ("1 GB", 1_000_000_000, "1000000000B"),
            ("1.5KiB", 1536, "1536B"),
            ("4096", 4096, "4KiB"),
            ("0", 0, "0B"),
        ] {
            let size: Size = text.parse().unwrap();
            assert_eq!((size.get(), size.to_string().as_str()), (count, written));
            assert_eq!(written.parse(), Ok(size));
        }
        for text in ["", "big", "-1MiB", "1 parsec"] {
            assert_eq!(text.parse::<Size>(), Err(WordError(SIZE_EXAMPLE)), "{text}");
        }
    }
}
