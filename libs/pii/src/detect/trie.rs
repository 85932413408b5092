//! A set of byte strings that is asked what the longest of them is that starts at one place.

mod row;

use row::{Node, Row};

/// A trie, with ways to tell without it that nothing starts at a place.
///
/// An automaton would look at every byte; cues begin at few of them, so that asking at those alone is faster and smaller.
pub(super) struct Trie {
    row: Row,
    /// What is known of each entry.
    entries: Vec<Entry>,
    /// The nodes behind the first [`KEY`] bytes of the entries, by the hash of these; a power of two of slots.
    starts: Box<[Start]>,
    /// The bytes, by their last six bits, at [`PROBE`] of the entries whose first bytes have a hash.
    probes: Box<[u64; 1 << PROBE_BITS]>,
    /// The second bytes, by their last six bits, of the entries of fewer than [`KEY`] bytes that start with a byte.
    short: Box<[u64; 256]>,
}

#[derive(Clone, Copy)]
struct Entry {
    /// Bytes.
    len: u16,
    /// The longest other entry that it begins with, or [`NONE`].
    shorter: u16,
}

/// What begins with the same [`KEY`] bytes.
#[derive(Clone, Copy)]
struct Start {
    key: u32,
    /// A node, or [`FREE`] for a free slot.
    node: u32,
}

const NONE: u16 = u16::MAX;
const FREE: u32 = u32::MAX;
/// Bytes that are looked up at once, before the first node is looked at.
const KEY: usize = 4;
/// Where a byte is looked at that tells most words from the entries that begin like them: in their third Arabic letter.
const PROBE: usize = 5;
/// Hashes of first bytes, by their exponent.
const PROBE_BITS: u32 = 12;
/// Bytes that are read at once.
pub(super) const STRIDE: usize = 8;

/// The eight bytes at `at`, zeros behind the end.
#[inline]
pub(super) fn eight(bytes: &[u8], at: usize) -> [u8; STRIDE] {
    let rest = bytes.get(at..).unwrap_or_default();
    rest.first_chunk().copied().unwrap_or_else(|| {
        let mut padded = [0; STRIDE];
        padded[..rest.len()].copy_from_slice(rest);
        padded
    })
}

/// The first [`KEY`] bytes.
const fn key(first: [u8; STRIDE]) -> u32 {
    u32::from_le_bytes([first[0], first[1], first[2], first[3]])
}

const fn has(set: u64, byte: u8) -> bool {
    set >> (byte & 63) & 1 == 1
}

/// The bytes, by their last six bits, that stand at a place of some entries; all if one is shorter.
fn probed(entries: &[String], at: usize) -> u64 {
    let at = |entry: &String| entry.as_bytes().get(at).map_or(u64::MAX, |byte| 1 << (byte & 63));
    entries.iter().map(at).fold(0, |all, one| all | one)
}

/// The highest bits of a product, which all bits of the key have a part in.
const fn hash(key: u32, bits: u32) -> usize {
    (key.wrapping_mul(0x9e37_79b1) >> (u32::BITS - bits)) as usize
}

impl Trie {
    /// Builds the trie of some entries, ascending and each once; they are known by their place in the row.
    #[expect(clippy::large_stack_arrays, reason = "written once, before anything is scanned")]
    pub(super) fn new(entries: &[String]) -> Self {
        let long = entries.chunk_by(|a, b| a.as_bytes().get(..KEY) == b.as_bytes().get(..KEY)).count();
        let free = Start { key: 0, node: FREE };
        let mut trie = Self {
            row: Row::new(),
            entries: nested(entries),
            starts: vec![free; (4 * long).next_power_of_two()].into_boxed_slice(),
            probes: Box::new([0; 1 << PROBE_BITS]),
            short: Box::new([0; 256]),
        };
        for entry in entries.iter().filter(|entry| entry.len() < KEY) {
            let first = usize::from(entry.as_bytes()[0]);
            trie.short[first] |= probed(std::slice::from_ref(entry), 1);
        }
        trie.grow(Row::ROOT, entries, 0, 0);
        trie
    }

    /// Adds what stands behind the first `depth` bytes, which some entries share, under a node; `first` is the place of the first
    /// of these.
    fn grow(&mut self, node: usize, mut entries: &[String], mut first: usize, depth: usize) {
        if depth == KEY {
            let key = key(eight(entries[0].as_bytes(), 0));
            let slot = self.slot(key);
            self.starts[slot] = Start { key, node: u32::try_from(node).unwrap_or(FREE) };
            self.probes[hash(key, PROBE_BITS)] |= probed(entries, PROBE);
        }
        let (lowest, highest) = (entries[0].as_bytes(), entries[entries.len() - 1].as_bytes());
        let alike = |(a, b): &(&u8, &u8)| a == b;
        let most = if depth < KEY { 0 } else { STRIDE };
        let common = lowest[depth..].iter().zip(&highest[depth..]).take(most).take_while(alike).count();
        let common = &lowest[depth..depth + common];
        let depth = depth + common.len();
        let ends = lowest.len() == depth;
        let entry = if ends { entry_index(first) } else { NONE };
        entries = &entries[usize::from(ends)..];
        first += usize::from(ends);
        let label = |entry: &String| entry.as_bytes()[depth];
        let groups: Vec<&[String]> = entries.chunk_by(|a, b| label(a) == label(b)).collect();
        let labels: Vec<u8> = groups.iter().map(|group| label(&group[0])).collect();
        let base = self.row.add(&labels);
        self.row.set(node, common, entry, base);
        for (label, group) in labels.iter().zip(groups) {
            self.grow(base + usize::from(*label), group, first, depth + 1);
            first += group.len();
        }
    }

    /// The place in the row of the entry that is `word`.
    pub(super) fn get(&self, word: &[u8]) -> Option<usize> {
        let found = self.longest(word, 0, |_| false, |_, end| end == word.len());
        found.map(|(entry, _)| entry)
    }

    /// Whether [`Trie::longest`] may find an entry, as far as the first bytes tell: most words begin like none.
    #[inline]
    pub(super) fn may_start(&self, bytes: &[u8], at: usize, whole: impl Fn([u8; KEY]) -> bool) -> bool {
        let first = eight(bytes, at);
        self.may_be_long(first) || self.may_be_short(first) && !whole(key(first).to_le_bytes())
    }

    #[inline]
    fn may_be_long(&self, first: [u8; STRIDE]) -> bool {
        has(self.probes[hash(key(first), PROBE_BITS)], first[PROBE])
    }

    #[inline]
    fn may_be_short(&self, first: [u8; STRIDE]) -> bool {
        has(self.short[usize::from(first[0])], first[1])
    }

    /// The longest entry at `at` that `accepts` takes with where it ends: its place in the row, and its end.
    /// Where `whole` says so of the first bytes, zeros behind the end, entries of fewer than [`KEY`] bytes are left out.
    #[inline]
    pub(super) fn longest(
        &self,
        bytes: &[u8],
        at: usize,
        whole: impl Fn([u8; KEY]) -> bool,
        accepts: impl Fn(usize, usize) -> bool,
    ) -> Option<(usize, usize)> {
        let first = eight(bytes, at);
        if let Some(node) = self.start(key(first)) {
            let mut entry = self.row.walk(bytes, node, at + KEY);
            while let Some((place, end, shorter)) = self.entry(entry, at)
                && end >= at + KEY
            {
                if accepts(place, end) {
                    return Some((place, end));
                }
                entry = shorter;
            }
        }
        if !self.may_be_short(first) || whole(key(first).to_le_bytes()) {
            return None;
        }
        self.longest_short(bytes, at, accepts)
    }

    /// The longest entry at `at` of fewer than [`KEY`] bytes that `accepts` takes.
    fn longest_short(
        &self,
        bytes: &[u8],
        at: usize,
        accepts: impl Fn(usize, usize) -> bool,
    ) -> Option<(usize, usize)> {
        let near = &bytes[..bytes.len().min(at + KEY - 1)];
        let mut entry = self.row.walk(near, self.row.node(Row::ROOT), at);
        while let Some((place, end, shorter)) = self.entry(entry, at) {
            if accepts(place, end) {
                return Some((place, end));
            }
            entry = shorter;
        }
        None
    }

    /// The place of an entry that starts at `at`, where it ends, and the longest other one that it begins with.
    #[inline]
    fn entry(&self, entry: u16, at: usize) -> Option<(usize, usize, u16)> {
        if entry == NONE {
            return None;
        }
        let place = usize::from(entry);
        let Entry { len, shorter } = self.entries[place];
        Some((place, at + usize::from(len), shorter))
    }

    /// The node behind the first bytes of an entry.
    #[inline]
    fn start(&self, key: u32) -> Option<&Node> {
        let start = self.starts[self.slot(key)];
        (start.node != FREE).then(|| self.row.node(start.node as usize))
    }

    /// The slot of a key, or the free one where it would go.
    #[inline]
    fn slot(&self, key: u32) -> usize {
        let mask = self.starts.len() - 1;
        let mut slot = hash(key, self.starts.len().ilog2());
        // A quarter is taken at most, so that a free one is near.
        while self.starts[slot].key != key && self.starts[slot].node != FREE {
            slot = (slot + 1) & mask;
        }
        slot
    }
}

/// The lists have some ten thousand entries.
fn entry_index(place: usize) -> u16 {
    u16::try_from(place).unwrap_or(NONE)
}

/// The lengths of ascending entries, and the longest other entry that each begins with.
fn nested(entries: &[String]) -> Vec<Entry> {
    let mut around: Vec<usize> = Vec::new();
    let mut known = Vec::with_capacity(entries.len());
    for (place, entry) in entries.iter().enumerate() {
        while around.pop_if(|outer| !entry.starts_with(entries[*outer].as_str())).is_some() {}
        let shorter = around.last().map_or(NONE, |outer| entry_index(*outer));
        known.push(Entry { len: u16::try_from(entry.len()).unwrap_or(u16::MAX), shorter });
        around.push(place);
    }
    known
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_entry_that_is_accepted_is_found() {
        let entries = ["a", "ab", "abcd", "xyz", "جوال", "جوالي"].map(str::to_owned);
        let trie = Trie::new(&entries);
        let find = |text: &str, at| {
            trie.longest(text.as_bytes(), at, |_| false, |_, end| end <= 4).map(|(entry, _)| entry)
        };
        assert_eq!(find("abcde", 0), Some(2));
        assert_eq!(find("abxde", 0), Some(1));
        assert_eq!(find("aaxde", 0), Some(0));
        assert_eq!(find("-abcd", 1), Some(1));
        assert_eq!(find("xy", 0), None);
        assert_eq!(trie.longest("جواليه".as_bytes(), 0, |_| true, |_, _| true), Some((5, 10)));
        for (index, entry) in entries.iter().enumerate() {
            for text in [entry.clone(), format!("{entry} 123")] {
                assert!(
                    trie.longest(text.as_bytes(), 0, |_| false, |found, _| found == index).is_some(),
                    "{text}"
                );
            }
        }
    }
}
