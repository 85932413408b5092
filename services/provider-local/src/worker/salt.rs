//! Cache salts: one merchant cannot learn from timing what another one has asked.

use hmac::{Hmac, KeyInit as _, Mac as _};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::Sha256;

/// Bytes of a salt: enough that two merchants never share one.
const SALT_BYTES: usize = 16;

/// Makes a salt for each merchant.
#[derive(Clone)]
pub struct Salts(Hmac<Sha256>);

impl Salts {
    /// Salts under `key`, or under a fresh one.
    pub fn new(key: Option<&SecretString>) -> Self {
        let fresh: [u8; 32] = rand::random();
        let key = key.map_or(fresh.as_slice(), |key| key.expose_secret().as_bytes());
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
        let key = SecretString::from("k");
        let salts = Salts::new(Some(&key));
        assert_eq!(salts.of("dukkan"), Salts::new(Some(&key)).of("dukkan"));
        assert_ne!(salts.of("dukkan"), salts.of("bazaar"));
        assert_ne!(salts.of("dukkan"), Salts::new(None).of("dukkan"));
        assert_eq!(salts.of("dukkan").len(), 2 * SALT_BYTES);
    }
}
