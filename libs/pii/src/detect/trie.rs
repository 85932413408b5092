//! A set of byte strings that is asked what the longest of them is that starts at one place.

use std::ops::Range;

/// A trie whose nodes lie in one row, the children of a node next to each other.
///
/// An automaton would look at every byte; cues begin at few of them, so that asking at those alone is faster and smaller.
pub(super) struct Trie {
    nodes: Vec<Node>,
    /// The byte that leads to each node.
    labels: Vec<u8>,
    /// What the entries of each node have in common, in one row.
    common: Vec<u8>,
    /// The nodes behind the first [`KEY`] bytes of the entries, by the hash of these; a power of two of slots.
    starts: Box<[Start]>,
    /// The beginnings of all entries: most words of a text have none of them.
    beginnings: Beginnings,
}

/// A set of the first bytes of entries, by their hash: of eight, six or four, and of all where there are fewer.
struct Beginnings(Box<[u64; 1 << (Beginnings::BITS - 6)]>);

impl Beginnings {
    /// Bits, by their exponent; some thousand are set.
    const BITS: u32 = 17;
    /// The lengths of beginnings, longest first.
    const LENS: [u32; 6] = [8, 6, 4, 3, 2, 1];

    fn new() -> Self {
        Self(Box::new([0; 1 << (Self::BITS - 6)]))
    }

    fn add(&mut self, entry: &[u8]) {
        if let Some(len) = Self::LENS.into_iter().find(|len| *len as usize <= entry.len()) {
            let place = Self::place(first_eight(entry, 0), len);
            self.0[place / 64] |= 1 << (place % 64);
        }
    }

    /// Whether an entry of at least [`KEY`] bytes may begin with the first of eight bytes.
    fn may_be_long(&self, bytes: u64) -> bool {
        self.has(bytes, 8) || self.has(bytes, 6) || self.has(bytes, 4)
    }

    /// Whether the first of eight bytes may be an entry of fewer.
    fn may_be_short(&self, bytes: u64) -> bool {
        self.has(bytes, 3) || self.has(bytes, 2) || self.has(bytes, 1)
    }

    #[inline]
    fn has(&self, bytes: u64, len: u32) -> bool {
        let place = Self::place(bytes, len);
        self.0[place / 64] >> (place % 64) & 1 == 1
    }

    #[inline]
    fn place(bytes: u64, len: u32) -> usize {
        let first = bytes << (64 - 8 * len);
        (first.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - Self::BITS)) as usize
    }
}

/// The eight bytes at `at`, zeros behind the end.
fn first_eight(bytes: &[u8], at: usize) -> u64 {
    let rest = &bytes[at..];
    let first = rest.first_chunk().copied().unwrap_or_else(|| {
        let mut padded = [0; 8];
        padded[..rest.len()].copy_from_slice(rest);
        padded
    });
    u64::from_le_bytes(first)
}

#[derive(Clone, Copy)]
struct Node {
    /// Where the bytes start that follow in every entry, before the node branches, and their number.
    common: u32,
    common_len: u16,
    count: u16,
    children: u32,
    /// The entry that ends here, or [`NONE`].
    entry: u32,
}

#[derive(Clone, Copy)]
struct Start {
    key: [u8; KEY],
    /// A node, or [`NONE`] for a free slot.
    node: u32,
    /// The bytes, by their last six bits, that may stand at [`PROBE`] of an entry.
    probes: u64,
}

const NONE: u32 = u32::MAX;
/// Bytes that are looked up at once, before the first node is looked at.
const KEY: usize = 4;
/// Where a byte is looked at that tells most words from the entries that begin like them: in their third Arabic letter.
const PROBE: usize = 5;
/// Entries that end within each other that are remembered.
const NESTED: usize = 4;

impl Trie {
    /// Builds the trie of some entries, ascending and each once; they are known by their place in the row.
    pub(super) fn new(entries: &[String]) -> Self {
        let long = entries.chunk_by(|a, b| a.as_bytes().get(..KEY) == b.as_bytes().get(..KEY)).count();
        let free = Start { key: [0; KEY], node: NONE, probes: 0 };
        let mut trie = Self {
            nodes: vec![Node::EMPTY],
            labels: vec![0],
            common: Vec::new(),
            starts: vec![free; (4 * long).next_power_of_two()].into_boxed_slice(),
            beginnings: Beginnings::new(),
        };
        for entry in entries {
            trie.beginnings.add(entry.as_bytes());
        }
        trie.grow(0, entries, 0..entries.len(), 0);
        trie
    }

    /// Adds what stands behind the first `depth` bytes, which the entries of a range share, under a node.
    fn grow(&mut self, node: usize, entries: &[String], mut range: Range<usize>, depth: usize) {
        if depth == KEY
            && let Some(key) = entries[range.start].as_bytes().first_chunk::<KEY>()
        {
            let slot = self.slot(*key);
            let probe =
                |entry: &String| entry.as_bytes().get(PROBE).map_or(u64::MAX, |byte| 1 << (byte & 63));
            let probes = entries[range.clone()].iter().map(probe).fold(0, |all, one| all | one);
            self.starts[slot] = Start { key: *key, node: index(node), probes };
        }
        let (first, last) = (entries[range.start].as_bytes(), entries[range.end - 1].as_bytes());
        let alike = |(a, b): &(&u8, &u8)| a == b;
        let common =
            if depth < KEY { 0 } else { first[depth..].iter().zip(&last[depth..]).take_while(alike).count() };
        self.nodes[node].common = index(self.common.len());
        self.nodes[node].common_len = short_index(common);
        self.common.extend_from_slice(&first[depth..depth + common]);
        let depth = depth + common;
        if entries[range.start].len() == depth {
            self.nodes[node].entry = index(range.start);
            range.start += 1;
        }
        let rest = &entries[range.clone()];
        let groups: Vec<usize> =
            rest.chunk_by(|a, b| a.as_bytes()[depth] == b.as_bytes()[depth]).map(<[String]>::len).collect();
        let children = self.nodes.len();
        self.nodes[node].children = index(children);
        self.nodes[node].count = short_index(groups.len());
        self.nodes.resize(children + groups.len(), Node::EMPTY);
        let mut start = range.start;
        for len in &groups {
            self.labels.push(entries[start].as_bytes()[depth]);
            start += len;
        }
        let mut start = range.start;
        for (child, len) in (children..).zip(groups) {
            self.grow(child, entries, start..start + len, depth + 1);
            start += len;
        }
    }

    /// The place in the row of the entry that is `word`.
    pub(super) fn get(&self, word: &[u8]) -> Option<usize> {
        let found = self.longest(word, 0, |_| false, |_, end| end == word.len());
        found.map(|(entry, _)| entry)
    }

    /// The longest entry at `at` that `accepts` takes with where it ends: its place in the row, and its end.
    /// Where `whole` says so, entries of fewer than [`KEY`] bytes are left out.
    pub(super) fn longest(
        &self,
        bytes: &[u8],
        at: usize,
        whole: impl Fn([u8; KEY]) -> bool,
        accepts: impl Fn(usize, usize) -> bool,
    ) -> Option<(usize, usize)> {
        let first = first_eight(bytes, at);
        let key = bytes[at..].first_chunk::<KEY>();
        if let Some(key) = key
            && self.beginnings.may_be_long(first)
            && let Some(node) = self.start(*key, bytes.get(at + PROBE))
            && let Some(long) = self.walk(bytes, node, at + KEY, &accepts)
        {
            return Some(long);
        }
        if key.is_some_and(|key| whole(*key)) || !self.beginnings.may_be_short(first) {
            return None;
        }
        self.walk(&bytes[..bytes.len().min(at + KEY - 1)], 0, at, &accepts)
    }

    /// Goes down from a node over the bytes from `at` on, and back to the longest entry that `accepts` takes.
    fn walk(
        &self,
        bytes: &[u8],
        node: usize,
        at: usize,
        accepts: &impl Fn(usize, usize) -> bool,
    ) -> Option<(usize, usize)> {
        let mut node = self.nodes[node];
        let mut ends = [(NONE, 0_u32); NESTED];
        let mut count = 0;
        let mut end = at;
        loop {
            if node.common_len > 0 {
                let common = &self.common[node.common as usize..][..usize::from(node.common_len)];
                if !bytes[end..].starts_with(common) {
                    break;
                }
                end += common.len();
            }
            if node.entry != NONE {
                ends[count % NESTED] = (node.entry, index(end));
                count += 1;
            }
            let first = node.children as usize;
            let labels = &self.labels[first..first + usize::from(node.count)];
            let next = bytes.get(end).and_then(|byte| labels.iter().position(|label| label == byte));
            let Some(child) = next else { break };
            node = self.nodes[first + child];
            end += 1;
        }
        let longest_first = (0..count.min(NESTED)).map(|back| ends[(count - 1 - back) % NESTED]);
        longest_first
            .map(|(entry, end)| (entry as usize, end as usize))
            .find(|(entry, end)| accepts(*entry, *end))
    }

    /// The node behind the first bytes of an entry, unless the byte at [`PROBE`] says that none goes on so.
    fn start(&self, key: [u8; KEY], probe: Option<&u8>) -> Option<usize> {
        let slot = self.starts[self.slot(key)];
        let may_go_on = probe.is_none_or(|byte| slot.probes >> (byte & 63) & 1 == 1);
        (slot.node != NONE && may_go_on).then_some(slot.node as usize)
    }

    /// The slot of a key, or the free one where it would go.
    fn slot(&self, key: [u8; KEY]) -> usize {
        let mask = self.starts.len() - 1;
        let hash = (u32::from_le_bytes(key).wrapping_mul(0x9e37_79b1) >> 8) as usize;
        let mut slot = hash & mask;
        // A quarter is taken at most, so that a free one is near.
        while self.starts[slot].node != NONE && self.starts[slot].key != key {
            slot = (slot + 1) & mask;
        }
        slot
    }
}

impl Node {
    const EMPTY: Self = Self { common: 0, common_len: 0, count: 0, children: 0, entry: NONE };
}

fn short_index(count: usize) -> u16 {
    u16::try_from(count).unwrap_or(u16::MAX)
}

/// The lists are far from four thousand million bytes.
fn index(place: usize) -> u32 {
    u32::try_from(place).unwrap_or(NONE)
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
