//! The value without which no provider can be called.

use kaleem_domain::Timestamp;
use kaleem_proto::{common::v1 as wire, router::v1::Step};
use kaleem_rpc::{admission::Key, convert};

use super::{redact::Redacted, reserve::Grant};

/// How long an admission may be on its way to a provider, in milliseconds.
const LIFE_MS: i64 = 30_000;

/// Proof that a text was redacted and that quota is held for one step. It is made from both values and in no other way, so a
/// route that forgets metering or redaction does not compile.
pub(crate) struct Admission {
    target: String,
    token: Vec<u8>,
}

impl Admission {
    pub(super) fn new(redacted: &Redacted, grant: &Grant, step: &Step, now: Timestamp, key: &Key) -> Self {
        let reservation = grant.reservation();
        let token = key.mint(&wire::Admission {
            request_id: reservation.request_id.clone(),
            attempt: reservation.attempt,
            merchant_id: reservation.merchant_id.clone(),
            target: step.target.clone(),
            model: step.model.clone(),
            max_output_token_count: grant.output_token_count(),
            redacted: redacted.vouched_for(),
            expire_time: Some(convert::timestamp(now.plus_millis(LIFE_MS))),
        });
        Self { target: step.target.clone(), token }
    }

    pub(crate) fn target(&self) -> &str {
        &self.target
    }

    pub(crate) fn into_token(self) -> Vec<u8> {
        self.token
    }
}
