//! Given names as words of a text: a filter tells nearly all other words by their first bytes and their length.

use std::collections::BTreeSet;

use super::{COMMON, GIVEN, WORDS, set};
use crate::detect::affixes::Letter;
use crate::detect::trie::{STRIDE, Trie, eight};

/// Hashes that the filter tells, by their exponent.
const FILTER_BITS: u32 = 18;
/// Words of the filter.
const FILTER_LEN: usize = 1 << FILTER_BITS >> u64::BITS.ilog2();
/// Bytes of the shortest name behind a particle: three letters.
const MIN_BYTES: usize = 3 * LETTER;
const LETTER: usize = size_of::<Letter>();
/// The letters و, ل, ب and ي, by the last six bits of their second byte.
const JOINED_FIRST: u64 = 1 << 0x08 | 1 << 0x04 | 1 << 0x28 | 1 << 0x0a;

/// The given names, folded as they are spelled.
pub(in crate::detect) struct Given {
    names: Trie,
    /// The hashes of the names, one bit each.
    filter: Box<[u64; FILTER_LEN]>,
}

impl Given {
    /// Folds the lists.
    #[expect(clippy::large_stack_arrays, reason = "written once, before anything is scanned")]
    pub(in crate::detect) fn new() -> Self {
        let words = set(&[WORDS, COMMON]);
        let forms = |name: &String| forms(name, !words.contains(name));
        let names: BTreeSet<String> =
            set(&GIVEN).iter().filter(|name| is_told(name)).flat_map(forms).collect();
        let names: Vec<String> = names.into_iter().collect();
        let mut filter = Box::new([0; FILTER_LEN]);
        for name in &names {
            let hash = hash(eight(name.as_bytes(), 0), name.len());
            filter[hash / 64] |= 1 << (hash % 64);
        }
        Self { names: Trie::new(&names), filter }
    }

    /// Where the given name starts that ends the word of `len` bytes at `at`, if one does.
    #[inline]
    pub(in crate::detect) fn start_in(&self, bytes: &[u8], at: usize, len: usize) -> Option<usize> {
        let first = eight(bytes, at);
        let likely =
            self.may_be(first, len) || !first[0].is_ascii() && self.may_be_joined(bytes, at, first, len);
        if likely { self.look_up(bytes, at, len) } else { None }
    }

    /// Whether a name may follow what is joined to it, as far as the filter tells.
    #[inline]
    fn may_be_joined(&self, bytes: &[u8], at: usize, first: [u8; STRIDE], len: usize) -> bool {
        if JOINED_FIRST >> (first[1] & 0x3f) & 1 == 0 || len < MIN_BYTES + LETTER {
            return false;
        }
        // Behind و another particle may follow; after يا, the name.
        let more = matches!(first, [0xd9, 0x88, 0xd9, 0x84 | 0x8a, ..] | [0xd9, 0x8a, 0xd8, 0xa7, ..]);
        more || self.may_be(eight(bytes, at + LETTER), len - LETTER)
    }

    /// Looks for the word, and for what is left of it behind what is joined to a name: `and`, `for`, `with` or `O`, folded.
    #[inline(never)]
    fn look_up(&self, bytes: &[u8], at: usize, len: usize) -> Option<usize> {
        let particles: [usize; 2] = match bytes[at..at + len] {
            // و and ل, و and يا; و; ل; ب; يا.
            [0xd9, 0x88, 0xd9, 0x84, ..] => [2, 4],
            [0xd9, 0x88, 0xd9, 0x8a, 0xd8, 0xa7, ..] => [2, 6],
            [0xd9, 0x88 | 0x84, ..] | [0xd8, 0xa8, ..] => [2, 0],
            [0xd9, 0x8a, 0xd8, 0xa7, ..] => [4, 0],
            _ => [0, 0],
        };
        let is_name = |skipped: usize| {
            let (at, len) = (at + skipped, len.saturating_sub(skipped));
            let whole = skipped == 0 || len >= MIN_BYTES;
            whole && self.may_be(eight(bytes, at), len) && self.names.get(&bytes[at..at + len]).is_some()
        };
        if is_name(0) {
            return Some(at);
        }
        particles.into_iter().find(|skipped| *skipped > 0 && is_name(*skipped)).map(|skipped| at + skipped)
    }

    /// Whether a word may be a name, as far as its first bytes and its length tell.
    #[inline]
    fn may_be(&self, first: [u8; STRIDE], len: usize) -> bool {
        let hash = hash(first, len);
        self.filter[hash / 64] >> (hash % 64) & 1 == 1
    }
}

/// Whether a folded name is one as it is spelled: `عليه` folds to a name, `في` is one in Persian.
fn is_told(name: &str) -> bool {
    name.len() >= 3 && !matches!(name, "عليه" | "في" | "ندي")
}

/// A name, also with `ابو` joined before it, unless that is as short as a word.
fn forms(name: &str, plain: bool) -> Vec<String> {
    let long = name.len() > MIN_BYTES || plain && name.len() == MIN_BYTES;
    let kunyas: &[&str] = if long && !name.is_ascii() { &["", "ابو", "بو"] } else { &[""] };
    kunyas.iter().map(|kunya| format!("{kunya}{name}")).collect()
}

/// The hash of a word of some bytes, of which the first are given with what stands behind them.
#[inline]
fn hash(first: [u8; STRIDE], len: usize) -> usize {
    let word = u64::from_le_bytes(first) << (8 * (STRIDE - len.min(STRIDE)));
    ((word ^ len as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (u64::BITS - FILTER_BITS)) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fold::fold;

    #[test]
    fn a_name_is_found_as_a_whole_word_and_behind_particles() {
        let given = Given::new();
        for (word, name) in [
            ("محمد", Some("محمد")),
            ("لفاطمة", Some("فاطمة")),
            ("ولنواف", Some("نواف")),
            ("بوسالم", Some("بوسالم")),
            ("ياسارة", Some("سارة")),
            ("بوناصر", Some("بوناصر")),
            ("priya", Some("priya")),
            ("النواف", None),
            ("محمدية", None),
            ("عليه", None),
            ("priyas", None),
            ("ل", None),
        ] {
            let text = fold(word);
            let found = given.start_in(text.as_bytes(), 0, text.len()).map(|at| &text[at..]);
            assert_eq!(found, name.map(fold).as_deref(), "{word}");
        }
    }
}
