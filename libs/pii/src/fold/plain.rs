//! Where a text holds more than what folds to itself, told for many bytes at once.

/// Bytes that are looked at together, without a branch for each.
const STRIDE: usize = 16;

/// Marks the characters that may fold to something else, at the first byte of each; the marks of another text are dropped.
///
/// Most of a chat folds to itself: copying it in pieces that are known beforehand is what makes folding cheap.
pub(super) fn stops(bytes: &[u8], stops: &mut Vec<u8>) {
    // Each of them is written.
    stops.resize(bytes.len(), 0);
    let mut at = 0;
    while let Some(stride) = bytes.get(at..at + STRIDE + 1) {
        look(stride, &mut stops[at..at + STRIDE]);
        // The last stride overlaps the one before it, so that only a short text is read byte by byte.
        let next = (at + STRIDE).min(bytes.len() - STRIDE - 1);
        if next <= at {
            break;
        }
        at = next;
    }
    let rest = if bytes.len() > STRIDE { bytes.len() - 1 } else { 0 };
    for (at, byte) in bytes.iter().enumerate().skip(rest) {
        let next = bytes.get(at + 1).copied().unwrap_or_default();
        stops[at] = u8::from(!is_plain(*byte, next));
    }
}

/// Where the first mark is at or behind `at`, or the end.
pub(super) fn next_stop(stops: &[u8], at: usize) -> usize {
    let rest = &stops[at..];
    let (words, tail) = rest.as_chunks();
    for (index, word) in words.iter().enumerate() {
        let marks = u64::from_le_bytes(*word);
        if marks != 0 {
            return at + 8 * index + marks.trailing_zeros() as usize / 8;
        }
    }
    let marked = tail.iter().position(|mark| *mark != 0).unwrap_or(tail.len());
    at + 8 * words.len() + marked
}

/// Marks the bytes of a stride; behind it stands one more byte.
#[inline]
fn look(stride: &[u8], stops: &mut [u8]) {
    let (Some(bytes), Some(next)) = (stride.first_chunk::<STRIDE>(), stride.last_chunk::<STRIDE>()) else {
        return;
    };
    for ((stop, byte), next) in stops.iter_mut().zip(bytes).zip(next) {
        *stop = u8::from(!is_plain(*byte, *next));
    }
}

/// Whether a character that starts with `byte` and goes on with `next` folds to itself: ASCII without capitals and what may
/// begin an escape, an Arabic letter without variants; true for bytes that go on a character.
#[expect(
    clippy::needless_bitwise_bool,
    reason = "without a branch the bytes of a stride are looked at together"
)]
#[inline]
const fn is_plain(byte: u8, next: u8) -> bool {
    // As a signed number, ASCII is not below zero, and what goes on a character is below its first bytes.
    let value = byte.cast_signed();
    let escape = (byte == b'%') | (byte == b'&') | (byte == b'\\');
    let visible = (value >= 0x20) & (byte != 0x7f) & !escape & !within(byte, b'A', b'Z');
    let letter = (next == 0xa1) | within(next, 0xa7, 0xba) & (next != 0xa9);
    let further = within(next, 0x81, 0x88) | (next == 0x8a) | (next == 0xbe);
    let arabic = (byte == 0xd8) & letter | (byte == 0xd9) & further;
    (value < -0x40) | (byte == b'\n') | visible | arabic
}

#[inline]
const fn within(byte: u8, first: u8, last: u8) -> bool {
    byte.wrapping_sub(first) <= last - first
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fold::character::{Form, fold};

    fn marked(text: &str) -> Vec<usize> {
        let mut marks = vec![1; 8];
        stops(text.as_bytes(), &mut marks);
        (0..text.len()).filter(|at| marks[*at] != 0).collect()
    }

    #[test]
    fn what_is_not_marked_folds_to_itself() {
        for character in (0..0x1_0000).filter_map(char::from_u32) {
            let text = character.to_string();
            match marked(&text).as_slice() {
                [] => {
                    let same = [Form::Char(character), Form::Ascii(text.as_bytes()[0])];
                    assert!(same.contains(&fold(character)), "{:x}", u32::from(character));
                }
                marked => assert_eq!(marked, [0], "{:x}", u32::from(character)),
            }
        }
        assert!(marked("مرحبا 12 abc\n").is_empty());
    }

    #[test]
    fn marks_are_told_at_every_place() {
        for len in 0..70 {
            assert_eq!(next_stop(&vec![0; len], len / 2), len);
            for at in 0..len {
                let mut text = "a".repeat(len);
                text.replace_range(at..=at, "أ");
                assert_eq!(marked(&text), [at], "{len}");
                let mut marks = Vec::new();
                stops(text.as_bytes(), &mut marks);
                for from in 0..=at {
                    assert_eq!(next_stop(&marks, from), at, "{from} of {len}");
                }
                assert_eq!(next_stop(&marks, at + 1), len + 1);
            }
        }
    }
}
