//! Issues placeholders for values under the key of one conversation of one merchant.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::vault::Slot;
use crate::{Error, Kind, MAX_CODE_LEN, MIN_CODE_LEN, Placeholder, Vault};

/// The block size of SHA-256 in bytes, the size of a padded HMAC key.
const HMAC_BLOCK: usize = 64;

/// Characters that tell two spellings of one value apart.
const SPELLING_CODE_LEN: usize = 2;

/// The secret under which the placeholders of one conversation are made.
#[derive(Clone)]
pub struct IssuerKey(Zeroizing<[u8; 32]>);

impl IssuerKey {
    /// Takes a key of 32 random or derived bytes.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// Derives the key of one conversation of one merchant from the installation's master key.
    ///
    /// Equal values get equal placeholders within the conversation and unrelated ones everywhere else.
    pub fn derive(master: &[u8; 32], merchant: &str, conversation: &str) -> Self {
        let mut mac = keyed(master);
        for part in ["kaleem placeholder key v1", merchant, conversation] {
            update_framed(&mut mac, part);
        }
        Self(Zeroizing::new(mac.finalize().into_bytes().into()))
    }
}

impl fmt::Debug for IssuerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IssuerKey(…)")
    }
}

/// Makes placeholders and puts their values into a [`Vault`].
#[derive(Clone)]
pub struct Issuer {
    mac: Hmac<Sha256>,
}

impl Issuer {
    /// Makes an issuer for one conversation.
    pub fn new(key: &IssuerKey) -> Self {
        Self { mac: keyed(&key.0) }
    }

    /// Gives the placeholder of a value and keeps the value in `vault`.
    ///
    /// `normal` is the value's normal form, from which the code is made: the same value has the same placeholder in
    /// every turn. `original` is the spelling in the text, which restoring brings back byte for byte; when one request
    /// spells a value in two ways, the second spelling's code is the first one's followed by two more characters. A
    /// code that another value of the vault has is lengthened.
    ///
    /// Errors: [`Error::Full`] when the vault is at its limit, [`Error::Collision`] when even the longest code is taken.
    pub fn issue(
        &self,
        vault: &mut Vault,
        kind: Kind,
        normal: &str,
        original: &str,
    ) -> Result<Placeholder, Error> {
        let digest = self.digest(kind, normal);
        for len in MIN_CODE_LEN..=MAX_CODE_LEN {
            let placeholder = Placeholder::from_digest(kind, &digest, len);
            match vault.slot(&placeholder, &digest, original) {
                Slot::Same => return Ok(placeholder),
                Slot::Vacant => return vault.put(placeholder, digest, Some(original)),
                Slot::OtherSpelling => return self.issue_spelling(vault, placeholder, digest, original),
                Slot::OtherValue => {}
            }
        }
        Err(Error::Collision)
    }

    /// Gives the placeholder of a value that must not come back: `vault` does not keep it, and forgets it if it did.
    ///
    /// All spellings of the value have one placeholder. Errors: as [`Issuer::issue`].
    pub fn issue_masked(&self, vault: &mut Vault, kind: Kind, normal: &str) -> Result<Placeholder, Error> {
        let digest = self.digest(kind, normal);
        for len in MIN_CODE_LEN..=MAX_CODE_LEN {
            let placeholder = Placeholder::from_digest(kind, &digest, len);
            match vault.slot(&placeholder, &digest, "") {
                Slot::Same | Slot::OtherSpelling => {
                    vault.forget(&placeholder);
                    return Ok(placeholder);
                }
                Slot::Vacant => return vault.put(placeholder, digest, None),
                Slot::OtherValue => {}
            }
        }
        Err(Error::Collision)
    }

    fn issue_spelling(
        &self,
        vault: &mut Vault,
        base: Placeholder,
        digest: [u8; 32],
        original: &str,
    ) -> Result<Placeholder, Error> {
        let spelling = self.digest(base.kind(), original);
        let room = MAX_CODE_LEN - base.code().len();
        for count in SPELLING_CODE_LEN..=room {
            let placeholder = base.extended(&spelling, count);
            match vault.slot(&placeholder, &digest, original) {
                Slot::Same => return Ok(placeholder),
                Slot::Vacant => return vault.put(placeholder, digest, Some(original)),
                Slot::OtherSpelling | Slot::OtherValue => {}
            }
        }
        Err(Error::Collision)
    }

    fn digest(&self, kind: Kind, text: &str) -> [u8; 32] {
        let mut mac = self.mac.clone();
        update_framed(&mut mac, kind.name());
        update_framed(&mut mac, text);
        mac.finalize().into_bytes().into()
    }
}

impl fmt::Debug for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Issuer(…)")
    }
}

/// HMAC under a 32-byte key, which the standard pads with zeros to the block size.
fn keyed(key: &[u8; 32]) -> Hmac<Sha256> {
    let mut block = Zeroizing::new([0_u8; HMAC_BLOCK]);
    block[..key.len()].copy_from_slice(key);
    Hmac::new((&*block).into())
}

/// Adds a part with its length, so that no two lists of parts look alike.
fn update_framed(mac: &mut Hmac<Sha256>, part: &str) {
    mac.update(&(part.len() as u64).to_be_bytes());
    mac.update(part.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn issuer(conversation: &str) -> Issuer {
        Issuer::new(&IssuerKey::derive(&[7; 32], "merchant-1", conversation))
    }

    #[test]
    fn a_value_keeps_its_placeholder_across_vaults_and_conversations_differ() {
        let (mut first, mut second, mut other) = (Vault::new(), Vault::new(), Vault::new());
        let a = issuer("c1").issue(&mut first, Kind::Phone, "966551234567", "0551234567").unwrap();
        let b = issuer("c1").issue(&mut second, Kind::Phone, "966551234567", "+966 55 123 4567").unwrap();
        let c = issuer("c2").issue(&mut other, Kind::Phone, "966551234567", "0551234567").unwrap();
        assert_eq!(a, b);
        assert_ne!(a, c);
        assert_eq!(a.code().len(), MIN_CODE_LEN);
        assert_eq!(first.get(&a), Some("0551234567"));
        assert_eq!(second.get(&b), Some("+966 55 123 4567"));
    }

    #[test]
    fn spellings_of_one_value_share_the_first_code() {
        let (issuer, mut vault) = (issuer("c1"), Vault::new());
        let a = issuer.issue(&mut vault, Kind::Phone, "966551234567", "0551234567").unwrap();
        let b = issuer.issue(&mut vault, Kind::Phone, "966551234567", "٠٥٥١٢٣٤٥٦٧").unwrap();
        assert!(b.code().starts_with(a.code()) && b.code().len() == 8, "{a} {b}");
        assert_eq!(issuer.issue(&mut vault, Kind::Phone, "966551234567", "٠٥٥١٢٣٤٥٦٧").unwrap(), b);
        assert_eq!(issuer.issue(&mut vault, Kind::Phone, "966551234567", "0551234567").unwrap(), a);
        assert_eq!((vault.get(&a), vault.get(&b)), (Some("0551234567"), Some("٠٥٥١٢٣٤٥٦٧")));
        assert_eq!(vault.len(), 2);
    }

    #[test]
    fn a_masked_value_is_not_kept_and_forgotten_if_it_was() {
        let (issuer, mut vault) = (issuer("c1"), Vault::new());
        let kept = issuer.issue(&mut vault, Kind::Phone, "966551234567", "0551234567").unwrap();
        let masked = issuer.issue_masked(&mut vault, Kind::Phone, "966551234567").unwrap();
        assert_eq!((masked, vault.get(&kept), vault.len()), (kept, None, 1));
        // Nothing brings it back within the request.
        assert_eq!(issuer.issue(&mut vault, Kind::Phone, "966551234567", "0551234567").unwrap(), kept);
        assert_eq!(vault.restorable().count(), 0);
        let other = issuer.issue_masked(&mut vault, Kind::Phone, "966557654321").unwrap();
        assert_ne!(other, kept);
        assert_eq!((vault.len(), vault.restorable().count()), (2, 0));
    }

    #[test]
    fn a_taken_code_is_lengthened() {
        let issuer = issuer("c1");
        let digest = issuer.digest(Kind::Email, "a@example.com");
        let taken = Placeholder::from_digest(Kind::Email, &digest, MIN_CODE_LEN);
        let mut vault = Vault::new();
        vault.insert(taken, "b@example.com").unwrap();
        let longer = issuer.issue(&mut vault, Kind::Email, "a@example.com", "a@example.com").unwrap();
        assert_eq!(longer.code().len(), MIN_CODE_LEN + 1);
        assert!(longer.code().starts_with(taken.code()));
        assert_eq!(vault.get(&taken), Some("b@example.com"));
        assert_eq!(vault.get(&longer), Some("a@example.com"));
    }

    #[test]
    fn a_full_vault_refuses_new_values_and_still_finds_old_ones() {
        let (issuer, mut vault) = (issuer("c1"), Vault::with_limit(1));
        let first = issuer.issue(&mut vault, Kind::Email, "a@x.sa", "a@x.sa").unwrap();
        assert_eq!(issuer.issue(&mut vault, Kind::Email, "b@x.sa", "b@x.sa"), Err(Error::Full { limit: 1 }));
        assert_eq!(issuer.issue(&mut vault, Kind::Email, "a@x.sa", "a@x.sa"), Ok(first));
    }

    #[test]
    fn a_secret_has_a_placeholder_and_no_kept_value() {
        let (issuer, mut vault) = (issuer("c1"), Vault::new());
        let secret = issuer.issue(&mut vault, Kind::Secret, "hunter2", "hunter2").unwrap();
        assert!(vault.contains(&secret));
        assert_eq!(vault.get(&secret), None);
        assert_eq!(issuer.issue(&mut vault, Kind::Secret, "hunter2", "hunter2"), Ok(secret));
    }

    #[test]
    fn debug_shows_no_secret() {
        let (issuer, mut vault) = (issuer("c1"), Vault::new());
        issuer.issue(&mut vault, Kind::Phone, "966551234567", "0551234567").unwrap();
        let shown = format!("{:?} {:?} {:?}", issuer, vault, IssuerKey::new([9; 32]));
        assert!(!shown.contains("0551234567") && !shown.contains('9'), "{shown}");
    }
}
