//! Tells quickly that a word is not among many: most words of an answer are no names and no codes.

use std::hash::Hasher;

use crate::hash::WordHasher;

/// Bits for each key; about one word in sixteen is looked up in vain.
const BITS_PER_KEY: usize = 16;

/// A set of hashes that has no false negatives.
#[derive(Debug, Default)]
pub(crate) struct Filter {
    bits: Vec<u64>,
    /// The first two characters of all keys, by their hash.
    beginnings: [u64; 8],
}

impl Filter {
    pub(crate) fn new<'k>(keys: impl Iterator<Item = &'k str> + Clone) -> Self {
        let words = (keys.clone().count() * BITS_PER_KEY).div_ceil(64).next_power_of_two();
        let mut filter = Self { bits: vec![0; words], ..Self::default() };
        for key in keys {
            let (word, bit) = filter.place(key);
            filter.bits[word] |= bit;
            let Beginning(place) = Beginning::of(key);
            filter.beginnings[usize::from(place / 64)] |= 1 << (place % 64);
        }
        filter
    }

    /// Whether `key` may be in the set.
    pub(crate) fn may_have(&self, key: &str) -> bool {
        if self.bits.is_empty() {
            return false;
        }
        let (word, bit) = self.place(key);
        self.bits[word] & bit != 0
    }

    /// Whether a key may begin like this.
    pub(crate) fn may_begin(&self, Beginning(place): Beginning) -> bool {
        self.beginnings[usize::from(place / 64)] & (1 << (place % 64)) != 0
    }

    fn place(&self, key: &str) -> (usize, u64) {
        let mut hasher = WordHasher::default();
        hasher.write(key.as_bytes());
        let hash = hasher.finish();
        let word = usize::try_from(hash >> 6).unwrap_or(0) & (self.bits.len() - 1);
        (word, 1 << (hash & 63))
    }
}

/// The first two characters of a word, by their hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Beginning(u16);

impl Beginning {
    pub(crate) fn of(text: &str) -> Self {
        // Of two bytes each in Arabic, of one each in Latin.
        let place = match *text.as_bytes() {
            [first @ ..0x80, second @ ..0x80, ..] | [0xd8..=0xdb, first, 0xd8..=0xdb, second, ..] => {
                (u32::from(first) * 31) ^ (u32::from(second) * 17)
            }
            _ => text.chars().take(2).fold(0, |place, character| (place * 31) ^ u32::from(character)),
        };
        Self((place & 511) as u16)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_key_is_missed_and_few_others_pass() {
        let keys: Vec<String> = (0..1000).map(|number| format!("كلمة{number}")).collect();
        let filter = Filter::new(keys.iter().map(String::as_str));
        assert!(keys.iter().all(|key| filter.may_have(key) && filter.may_begin(Beginning::of(key))));
        let vain = (1000..2000).filter(|number| filter.may_have(&format!("كلمة{number}"))).count();
        assert!(vain < 150, "{vain} of 1000");
        assert!(!filter.may_begin(Beginning::of("سعر")) && !filter.may_begin(Beginning::of("")));
        assert!(!Filter::default().may_have("x") && !Filter::default().may_begin(Beginning::of("x")));
    }
}
