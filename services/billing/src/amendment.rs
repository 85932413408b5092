//! Corrections of recorded events: the charge is taken back whole, and another event may take its place.
//!
//! A replacement is an event of its own and is the next revision of the one that it replaces: `202611/r/0` is replaced by
//! `202611/r/0~1`, and that by `202611/r/0~2`. An event is reversed at most once, so each revision exists at most once, and
//! recording refuses ids with the mark, so that no call can take the place of a revision: (merchant, event id) stays unique.

use kaleem_domain::MerchantId;
use sha2::{Digest as _, Sha256};

use crate::rating::RatedEvent;

/// Stands between an event id and the number of its revision.
pub const REVISION_MARK: char = '~';

/// A correction that passed all checks.
#[derive(Debug, Clone)]
pub struct Amendment {
    /// Identity of the correction; it is carried out once for ever by it.
    pub op_id: String,
    /// Whose event.
    pub merchant_id: MerchantId,
    /// Event to reverse.
    pub event_id: String,
    /// Event that takes its place.
    pub replacement: Option<RatedEvent>,
    /// Why, for the books.
    pub reason: String,
}

impl Amendment {
    /// SHA-256 of what is corrected and how.
    pub fn payload_sha256(&self) -> [u8; 32] {
        let mut hash = Sha256::new_with_prefix(b"kaleem amendment v1\0");
        for text in [self.merchant_id.as_str(), &self.event_id, &self.reason] {
            hash.update((text.len() as u64).to_be_bytes());
            hash.update(text.as_bytes());
        }
        if let Some(replacement) = &self.replacement {
            hash.update(replacement.payload_sha256);
        }
        hash.finalize().into()
    }
}

/// The id of the event that replaces `event_id`.
pub fn next_revision(event_id: &str) -> String {
    let revision = event_id
        .rsplit_once(REVISION_MARK)
        .and_then(|(first, number)| Some((first, number.parse::<u32>().ok()?.checked_add(1)?)));
    let (first, number) = revision.unwrap_or((event_id, 1));
    format!("{first}{REVISION_MARK}{number}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        event::tests::event,
        rating::{rate, tests::version},
    };

    #[test]
    fn revisions_are_counted_from_1() {
        assert_eq!(next_revision("202611/r/0"), "202611/r/0~1");
        assert_eq!(next_revision("202611/r/0~1"), "202611/r/0~2");
        assert_eq!(next_revision("202611/r/0~9"), "202611/r/0~10");
        assert_eq!(next_revision("202611/r~x/0"), "202611/r~x/0~1", "recorded before the mark had a meaning");
    }

    #[test]
    fn the_hash_covers_everything_that_is_asked() {
        let plain = Amendment {
            op_id: "op".into(),
            merchant_id: MerchantId::parse("dukkan").unwrap(),
            event_id: "202611/r/0".into(),
            replacement: None,
            reason: "why".into(),
        };
        let hashes = [
            plain.payload_sha256(),
            Amendment { event_id: "202611/r/1".into(), ..plain.clone() }.payload_sha256(),
            Amendment { reason: "whyy".into(), ..plain.clone() }.payload_sha256(),
            Amendment { merchant_id: MerchantId::parse("dukkan2").unwrap(), ..plain.clone() }
                .payload_sha256(),
            Amendment { replacement: Some(rate(event(), &version(1, 1)).unwrap()), ..plain }.payload_sha256(),
        ];
        assert!((0..5).all(|at| hashes[..at].iter().all(|earlier| *earlier != hashes[at])));
    }
}
