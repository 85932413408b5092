//! A small generator of reproducible choices.

pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed | 1)
    }

    pub fn below(&mut self, bound: usize) -> usize {
        // Marsaglia's xorshift64*.
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        usize::try_from(self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33).unwrap_or(0) % bound
    }

    pub fn pick<T: Copy>(&mut self, items: &[T]) -> T {
        items[self.below(items.len())]
    }

    pub fn from(&mut self, alphabet: &str, count: usize) -> String {
        (0..count).map(|_| char::from(self.pick(alphabet.as_bytes()))).collect()
    }

    pub fn digits(&mut self, count: usize) -> String {
        self.from("0123456789", count)
    }

    pub fn letters(&mut self, count: usize) -> String {
        self.from("ABCDEFGHJKLMNPRSTUVWXYZ", count)
    }

    pub fn hex(&mut self, count: usize) -> String {
        self.from("0123456789abcdef", count)
    }

    pub fn base58(&mut self, count: usize) -> String {
        self.from("123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz", count)
    }

    /// Letters and digits, with a digit at every seventh place.
    pub fn token(&mut self, count: usize) -> String {
        let alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
        let place = |this: &mut Self, index: usize| {
            if index % 7 == 3 { this.digits(1) } else { this.from(alphabet, 1) }
        };
        (0..count).map(|index| place(self, index)).collect()
    }
}
