//! Which marks occur in a text: what most detectors look for is in few texts, which one pass over the bytes tells for all.

/// A set of the bytes in [`LOOKED_FOR`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Marks(u8);

/// The bytes that are told, each by its bit.
const LOOKED_FOR: [u8; 6] = *b"@:=-.\n";
/// Bytes that are looked at together, without a branch for each.
const STRIDE: usize = 16;

impl Marks {
    /// Those of a text.
    pub(super) fn of(bytes: &[u8]) -> Self {
        let Some(last) = bytes.last_chunk() else {
            return Self(bytes.iter().fold(0, |all, byte| all | bits(*byte)));
        };
        // The last stride overlaps the one before it, so that none is read byte by byte.
        let mut found = [0; STRIDE];
        add(&mut found, last);
        bytes.as_chunks().0.iter().for_each(|stride| add(&mut found, stride));
        let folded = u128::from_le_bytes(found);
        let folded = folded | folded >> 64;
        let folded = folded | folded >> 32;
        let folded = folded | folded >> 16;
        let [all, ..] = (folded | folded >> 8).to_le_bytes();
        Self(all)
    }

    /// Whether one of some bytes occurs, all of which are in [`LOOKED_FOR`].
    pub(super) const fn have<const N: usize>(self, bytes: [u8; N]) -> bool {
        let mut wanted = 0;
        let mut index = 0;
        while index < N {
            wanted |= bits(bytes[index]);
            index += 1;
        }
        self.0 & wanted != 0
    }
}

/// Adds the bits of each byte of a stride to those of its place.
#[inline]
fn add(found: &mut [u8; STRIDE], stride: &[u8; STRIDE]) {
    for (found, byte) in found.iter_mut().zip(stride) {
        *found |= bits(*byte);
    }
}

/// The bit of a byte, if it is one of those.
#[inline]
const fn bits(byte: u8) -> u8 {
    let mut bits = 0;
    let mut index = 0;
    while index < LOOKED_FOR.len() {
        bits |= ((byte == LOOKED_FOR[index]) as u8) << index;
        index += 1;
    }
    bits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mark_is_told_at_every_place() {
        for len in 0..40 {
            assert!(!Marks::of(&vec![b'a'; len]).have(LOOKED_FOR), "{len}");
            for at in 0..len {
                for (index, mark) in LOOKED_FOR.into_iter().enumerate() {
                    let mut bytes = vec![0xd9; len];
                    bytes[at] = mark;
                    assert_eq!(Marks::of(&bytes), Marks(1 << index), "{at} of {len}");
                    assert!(Marks::of(&bytes).have([mark, b'@']));
                }
            }
        }
    }
}
