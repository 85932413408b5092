//! The nodes of a trie in one row, in which one look tells where a byte leads.

use super::{NONE, STRIDE, eight};

/// A double array: the children of a node lie at its base plus their bytes, between those of others.
pub(super) struct Row {
    nodes: Vec<Node>,
    /// Which bases are taken; no two nodes share one, so that base and byte tell whose child a node is.
    taken: Vec<bool>,
    /// Where the first free place may be.
    free: usize,
}

/// A node with the bytes that follow in one word, so that the rest of most entries is told in one comparison.
#[derive(Clone, Copy)]
pub(super) struct Node {
    /// The bytes that follow in every entry before the node branches, first byte lowest.
    common: u64,
    /// Where its children are.
    base: u32,
    /// The entry that ends here, or [`NONE`].
    entry: u16,
    common_len: u8,
    /// The byte that leads here, or [`FREE`].
    label: u8,
}

/// No byte of UTF-8.
const FREE: u8 = 0xff;
/// Places at which children may not fit before the free ones so far are given up.
const TRIES: usize = 2;
/// The base of nodes without children.
const CHILDLESS: usize = 0;

impl Node {
    const EMPTY: Self = Self { common: 0, base: 0, entry: NONE, common_len: 0, label: FREE };
}

impl Row {
    /// The place of the root: behind where a byte leads from [`CHILDLESS`], so that it is nobody's child.
    pub(super) const ROOT: usize = 256;

    pub(super) fn new() -> Self {
        // The root's label is that of a free place, and of no byte.
        Self {
            nodes: vec![Node::EMPTY; Self::ROOT + 1],
            taken: vec![true; Self::ROOT + 1],
            free: Self::ROOT + 1,
        }
    }

    /// Reserves places for the children of a node, which their labels lead to, ascending, and gives their base.
    pub(super) fn add(&mut self, labels: &[u8]) -> usize {
        let Some(lowest) = labels.first() else { return CHILDLESS };
        while self.nodes.get(self.free).is_some_and(|node| node.label != FREE) {
            self.free += 1;
        }
        let first = self.free.saturating_sub(usize::from(*lowest));
        let mut base = first;
        while !self.fits(base, labels) {
            base += 1;
        }
        // What is left in a dense stretch is not worth looking through again and again.
        if base - first > TRIES {
            self.free = base;
        }
        let end = base + usize::from(FREE) + 1;
        self.nodes.resize(end.max(self.nodes.len()), Node::EMPTY);
        self.taken.resize(end.max(self.taken.len()), false);
        self.taken[base] = true;
        for label in labels {
            self.nodes[base + usize::from(*label)].label = *label;
        }
        base
    }

    fn fits(&self, base: usize, labels: &[u8]) -> bool {
        let is_free =
            |label: &u8| self.nodes.get(base + usize::from(*label)).is_none_or(|node| node.label == FREE);
        !self.taken.get(base).is_some_and(|taken| *taken) && labels.iter().all(is_free)
    }

    /// Says what is known of the node at a place.
    pub(super) fn set(&mut self, place: usize, common: &[u8], entry: u16, base: usize) {
        let node = &mut self.nodes[place];
        node.common = u64::from_le_bytes(eight(common, 0));
        node.common_len = u8::try_from(common.len().min(STRIDE)).unwrap_or(0);
        node.entry = entry;
        // The lists are far from four thousand million bytes.
        node.base = u32::try_from(base).unwrap_or(0);
    }

    /// The node at a place.
    #[inline]
    pub(super) fn node(&self, place: usize) -> &Node {
        &self.nodes[place]
    }

    /// Goes down from a node over the bytes from `at` on, and gives the last entry on the way.
    #[inline]
    pub(super) fn walk<'r>(&'r self, bytes: &[u8], mut node: &'r Node, mut at: usize) -> u16 {
        let mut last = NONE;
        loop {
            if node.common_len > 0 {
                let len = u32::from(node.common_len);
                // What differs behind the common bytes is shifted out. No entry holds the zeros behind the end of the text.
                let next = u64::from_le_bytes(eight(bytes, at));
                if (node.common ^ next) << (u64::BITS - 8 * len) != 0 {
                    return last;
                }
                at += len as usize;
            }
            if node.entry != NONE {
                last = node.entry;
            }
            let Some(byte) = bytes.get(at) else { return last };
            match self.nodes.get(node.base as usize + usize::from(*byte)) {
                Some(child) if child.label == *byte => node = child,
                _ => return last,
            }
            at += 1;
        }
    }
}
