//! Signed admissions: short-lived proof that a call was redacted and that its quota is held.

use hmac::{Hmac, KeyInit as _, Mac as _};
use kaleem_domain::Timestamp;
use kaleem_proto::common::v1::Admission;
use prost::Message as _;
use sha2::Sha256;

use crate::{Code, Fault, convert};

const TAG_LEN: usize = 32;
/// An admission is a handful of short fields; anything longer is not one.
const TOKEN_LEN_MAX: usize = 1024;

/// The mesh's signing key. Gateways mint with it, providers verify with it.
#[derive(Clone)]
pub struct Key(Hmac<Sha256>);

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("admission::Key")
    }
}

impl Key {
    /// Derives the signing state from 32 secret bytes.
    pub fn new(secret: &[u8; 32]) -> Self {
        #[expect(clippy::expect_used, reason = "HMAC takes keys of every length")]
        let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("any key length");
        // Separates this use of the secret from any other.
        mac.update(b"kaleem admission v1\0");
        Self(mac)
    }

    /// Signs `admission`.
    pub fn mint(&self, admission: &Admission) -> Vec<u8> {
        let mut token = Vec::with_capacity(admission.encoded_len() + TAG_LEN);
        admission.encode_raw(&mut token);
        let tag = self.tag(&token);
        token.extend_from_slice(&tag);
        token
    }

    /// Checks signature, redaction and expiry; the fault is `PERMISSION_DENIED` / `ADMISSION_INVALID`.
    pub fn verify(&self, token: &[u8], now: Timestamp) -> Result<Admission, Fault> {
        if token.len() > TOKEN_LEN_MAX {
            return Err(invalid("is too long"));
        }
        let split = token.len().checked_sub(TAG_LEN).ok_or_else(|| invalid("is missing"))?;
        let (body, tag) = token.split_at(split);
        let mut mac = self.0.clone();
        mac.update(body);
        mac.verify_slice(tag).map_err(|_| invalid("has a wrong signature"))?;
        let admission = Admission::decode(body).map_err(|_| invalid("cannot be read"))?;
        let expired =
            admission.expire_time.as_ref().is_none_or(|expire| convert::from_timestamp(expire) <= now);
        match (expired, admission.redacted) {
            (true, _) => Err(invalid("has expired")),
            (_, false) => Err(invalid("does not vouch for redaction")),
            _ => Ok(admission),
        }
    }

    fn tag(&self, body: &[u8]) -> [u8; TAG_LEN] {
        let mut mac = self.0.clone();
        mac.update(body);
        mac.finalize().into_bytes().into()
    }
}

fn invalid(what: &str) -> Fault {
    let message =
        format!("the admission {what}; providers only serve calls that the gateway redacted and reserved");
    Fault::new(Code::PermissionDenied, "provider.kaleem", "ADMISSION_INVALID", message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admission(expire_ms: i64, redacted: bool) -> Admission {
        Admission {
            request_id: "r".into(),
            target: "provider-local".into(),
            model: "m".into(),
            redacted,
            expire_time: Some(convert::timestamp(Timestamp::from_millis(expire_ms))),
            ..Admission::default()
        }
    }

    #[test]
    fn only_a_whole_fresh_redacted_admission_passes() {
        let key = Key::new(&[7; 32]);
        let now = Timestamp::from_millis(1_000);
        let good = key.mint(&admission(2_000, true));
        assert_eq!(key.verify(&good, now), Ok(admission(2_000, true)));
        for position in 0..good.len() {
            let mut bad = good.clone();
            bad[position] ^= 1;
            assert!(key.verify(&bad, now).is_err(), "byte {position}");
        }
        assert!(key.verify(&key.mint(&admission(1_000, true)), now).is_err());
        assert!(key.verify(&key.mint(&admission(2_000, false)), now).is_err());
        assert!(key.verify(&[], now).is_err());
        assert!(Key::new(&[8; 32]).verify(&good, now).is_err());
    }
}
