//! Cache salts: one merchant cannot learn from timing what another one has asked.

use hmac::{Hmac, KeyInit as _, Mac as _};
use kaleem_runtime::config::Secret;
use sha2::Sha256;

/// Bytes of a salt: enough that two merchants never share one.
const SALT_BYTES: usize = 16;

/// Makes a salt for each merchant.
#[derive(Clone)]
pub struct Salts(Hmac<Sha256>);

impl Salts {
    /// Salts under `key`, or under a fresh one where it is empty.
    pub fn new(key: &Secret) -> Self {
        let fresh: [u8; 32] = rand::random();
        let key = if key.is_empty() { fresh.as_slice() } else { key.expose().as_bytes() };
        #[expect(clippy::expect_used, reason = "HMAC takes keys of every length")]
        let mac = Hmac::<Sha256>::new_from_slice(key).expect("any key length");
        Self(mac)
    }

    /// The salt of `merchant`.
    pub fn of(&self, merchant: &str) -> String {
        let mut mac = self.0.clone();
        mac.update(b"kaleem cache salt v1\0");
        mac.update(merchant.as_bytes());
        hex::encode(&mac.finalize().into_bytes()[..SALT_BYTES])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn salts_differ_by_merchant_and_key_and_hide_the_merchant() {
        let key = Secret::from("k".to_owned());
        let salts = Salts::new(&key);
        assert_eq!(salts.of("dukkan"), Salts::new(&key).of("dukkan"));
        assert_ne!(salts.of("dukkan"), salts.of("bazaar"));
        assert_ne!(salts.of("dukkan"), Salts::new(&Secret::default()).of("dukkan"));
        assert_eq!(salts.of("dukkan").len(), 2 * SALT_BYTES);
    }
}
