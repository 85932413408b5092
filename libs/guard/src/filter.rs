//! Tells quickly that a word is not among many: most words of an answer are no names and no codes.

/// Bits for each key; about one word in sixteen is looked up in vain.
const BITS_PER_KEY: usize = 16;

/// A set of hashes that has no false negatives.
#[derive(Debug, Default)]
pub(crate) struct Filter {
    bits: Vec<u64>,
}

impl Filter {
    pub(crate) fn new<'k>(keys: impl Iterator<Item = &'k str> + Clone) -> Self {
        let words = (keys.clone().count() * BITS_PER_KEY).div_ceil(64).next_power_of_two();
        let mut filter = Self { bits: vec![0; words] };
        for key in keys {
            let (word, bit) = filter.place(key);
            filter.bits[word] |= bit;
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

    fn place(&self, key: &str) -> (usize, u64) {
        let hash = key.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        let mixed = hash ^ (hash >> 29);
        let word = usize::try_from(mixed >> 6).unwrap_or(0) & (self.bits.len() - 1);
        (word, 1 << (mixed & 63))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_key_is_missed_and_few_others_pass() {
        let keys: Vec<String> = (0..1000).map(|number| format!("كلمة{number}")).collect();
        let filter = Filter::new(keys.iter().map(String::as_str));
        assert!(keys.iter().all(|key| filter.may_have(key)));
        let vain = (1000..2000).filter(|number| filter.may_have(&format!("كلمة{number}"))).count();
        assert!(vain < 150, "{vain} of 1000");
        assert!(!Filter::default().may_have("x"));
    }
}
