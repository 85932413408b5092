//! Holds, what is left of them once they ended, and the ladder's candidates.

use std::{fmt, sync::Arc};

use kaleem_domain::{Pico, RequestId, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Amount, CONFIRMED_LIFE_MS, TOMBSTONE_LIFE_MS, WindowId};

/// Identity of a reservation: an attempt that reaches a provider is its own charge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Key {
    /// Request.
    pub request_id: RequestId,
    /// Attempt, from 0.
    pub attempt: i32,
}

/// 128 bits of a hash over everything a caller sent, to tell a repetition from a reuse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Fingerprint(pub u64, pub u64);

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}{:016x}", self.0, self.1)
    }
}

impl Fingerprint {
    /// Reads 32 hexadecimal digits.
    pub fn parse(text: &str) -> Option<Self> {
        let (high, low) = text.split_at_checked(16)?;
        Some(Self(u64::from_str_radix(high, 16).ok()?, u64::from_str_radix(low, 16).ok()?))
    }
}

/// How to reserve.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// All or nothing.
    Normal,
    /// May grant fewer output tokens.
    Shrink,
    /// Says what SHRINK would do, holds nothing.
    CheckOnly,
}

/// A model that could serve. Token counts are at most [`kaleem_domain::TOKENS_PER_CALL_MAX`], prices at most [`super::COUNT_MAX`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Price version to bill with.
    pub price_version: Arc<str>,
    /// Estimated input tokens.
    pub input_tokens: i64,
    /// Wanted bound on output tokens.
    pub max_output_tokens: i64,
    /// Less output than this is of no use; at least 1 counts.
    pub min_output_tokens: i64,
    /// Dearest price of an input token, in pico-US-dollars.
    pub input_pico: i64,
    /// Dearest price of an output token, in pico-US-dollars.
    pub output_pico: i64,
    /// Dearest price of the call itself, in pico-US-dollars.
    pub request_pico: i64,
}

impl Candidate {
    /// What a call with `output` output tokens uses at most.
    pub fn amount(&self, output: i64) -> Amount {
        let cost_nano = ceil_nano(self.fixed_pico(), output, self.output_pico);
        Amount { requests: 1, tokens: self.input_tokens.saturating_add(output), cost_nano }
    }

    /// What the call costs before its first output token, in pico-US-dollars.
    pub(super) fn fixed_pico(&self) -> i128 {
        fixed_pico(self.request_pico, self.input_tokens, self.input_pico)
    }
}

fn fixed_pico(request_pico: i64, input: i64, input_pico: i64) -> i128 {
    i128::from(request_pico) + i128::from(input) * i128::from(input_pico)
}

/// `fixed + output × price`, rounded up; `i64::MAX` where that does not fit, which no cap admits.
fn ceil_nano(fixed_pico: i128, output: i64, output_pico: i64) -> i64 {
    let pico = fixed_pico + i128::from(output) * i128::from(output_pico);
    Pico::new(pico).ceil_nano().map_or(i64::MAX, |nano| nano.0)
}

/// What was decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// The first candidate in full.
    Allow,
    /// A later candidate in full.
    DegradeModel,
    /// A candidate with fewer output tokens.
    DegradeShorter,
}

/// Quota held for one call in flight.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// Identity.
    pub key: Key,
    /// What was decided.
    pub decision: Decision,
    /// Index of the candidate that holds.
    pub candidate_index: usize,
    /// Bound on output tokens.
    pub granted_output: i64,
    /// What is held.
    pub amount: Amount,
    /// Estimated input tokens.
    pub input_tokens: i64,
    /// Price of an input token, in pico-US-dollars.
    pub input_pico: i64,
    /// Price of an output token, in pico-US-dollars.
    pub output_pico: i64,
    /// Price of the call itself, in pico-US-dollars; 0 in holds that an earlier build made.
    #[serde(default)]
    pub request_pico: i64,
    /// Output tokens that heartbeats reported.
    pub observed_output: i64,
    /// Day of admission.
    pub day: WindowId,
    /// Month of admission.
    pub month: WindowId,
    /// Admission.
    pub admitted_at: Timestamp,
    /// Not live from here on.
    pub expires_at: Timestamp,
    /// Life without heartbeats, in milliseconds.
    pub ttl_ms: i64,
    /// How it was reserved.
    pub mode: Mode,
    /// Price version to bill with.
    pub price_version: Arc<str>,
    /// Of the command that made or last adjusted it.
    pub fingerprint: Fingerprint,
}

impl Hold {
    /// What is posted when nobody says what the call used: one request, its fee, the input estimate and the output seen. Not nothing, as
    /// the provider has probably billed; not the whole hold, as that would lock the merchant out.
    pub fn conservative(&self) -> Amount {
        let fixed_pico = fixed_pico(self.request_pico, self.input_tokens, self.input_pico);
        Amount {
            requests: 1,
            tokens: self.input_tokens.saturating_add(self.observed_output),
            cost_nano: ceil_nano(fixed_pico, self.observed_output, self.output_pico),
        }
    }
}

/// States in which a reservation has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// Real usage is posted.
    Settled,
    /// Given back.
    Released,
    /// Ran out; a conservative amount is posted.
    Expired,
    /// Settled after it ran out, or after its hold was lost.
    LateSettled,
}

impl Ending {
    /// Name in the store and in messages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Settled => "SETTLED",
            Self::Released => "RELEASED",
            Self::Expired => "EXPIRED",
            Self::LateSettled => "LATE_SETTLED",
        }
    }

    /// Reads a name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Settled, Self::Released, Self::Expired, Self::LateSettled]
            .into_iter()
            .find(|ending| ending.name() == name)
    }
}

/// What is remembered of a reservation that ended, so that a repeated verb gets the same answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tombstone {
    /// Identity.
    pub key: Key,
    /// How it ended.
    pub ending: Ending,
    /// Of the settle that ended it; nothing where the ledger ended it.
    pub fingerprint: Fingerprint,
    /// What it contributes to posted usage.
    pub posted: Amount,
    /// What was held.
    pub held: Amount,
    /// Day of admission.
    pub day: WindowId,
    /// Month of admission.
    pub month: WindowId,
    /// When it first ended.
    pub ended_at: Timestamp,
    /// When the ledger was heard to have it; its figures are the ledger's from then on.
    pub confirmed_at: Option<Timestamp>,
}

impl Tombstone {
    /// Whether it is settled here and the ledger was not heard to have it.
    pub fn awaits_ledger(&self) -> bool {
        matches!(self.ending, Ending::Settled | Ending::LateSettled) && self.confirmed_at.is_none()
    }

    /// Whether it need not be remembered any more.
    pub(super) fn is_over(&self, now: Timestamp) -> bool {
        let is_long_confirmed = self.confirmed_at.is_some_and(|at| now.millis_since(at) >= CONFIRMED_LIFE_MS);
        is_long_confirmed || now.millis_since(self.ended_at) >= TOMBSTONE_LIFE_MS
    }

    /// Whether more was used than held; unknown, hence false, for a lost hold.
    pub fn over_hold(&self) -> bool {
        let settled = matches!(self.ending, Ending::Settled | Ending::LateSettled);
        let known = self.held != Amount::ZERO;
        settled
            && known
            && (self.posted.tokens > self.held.tokens || self.posted.cost_nano > self.held.cost_nano)
    }
}
