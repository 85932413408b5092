//! Usage events: what a call used, with the rules that make it safe to charge.

use kaleem_domain::{MerchantId, ServiceTier, Timestamp, TokenUsage, UsageSource};
use sha2::{Digest as _, Sha256};

use crate::amendment::REVISION_MARK;

/// Largest token count: counters elsewhere live in stores whose numbers are doubles.
pub const COUNT_MAX: i64 = (1 << 53) - 1;
/// An admission may seem to lie this far ahead, as the clocks of quota and billing differ.
const SKEW_MAX_MS: i64 = 5 * 60 * 1_000;
/// Longest text.
pub const TEXT_BYTES_MAX: usize = 256;

/// How a call ended, for the bill.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Complete.
    Ok,
    /// Ended early after output.
    Partial,
    /// Failed, but the provider bills it.
    FailedBilled,
    /// Not known yet; resolved by the provider's bill.
    Unconfirmed,
}

impl Status {
    /// Whether the merchant pays. A call that failed, or that nobody can vouch for yet, is the operator's cost alone.
    pub fn is_sold(self) -> bool {
        matches!(self, Self::Ok | Self::Partial)
    }

    /// The word of the store and of the payload hash.
    pub fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Partial => "partial",
            Self::FailedBilled => "failed_billed",
            Self::Unconfirmed => "unconfirmed",
        }
    }

    /// The status of a word.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Ok, Self::Partial, Self::FailedBilled, Self::Unconfirmed]
            .into_iter()
            .find(|s| s.word() == word)
    }
}

/// The word of a usage source in the store and the payload hash.
pub fn source_word(source: UsageSource) -> &'static str {
    match source {
        UsageSource::Provider => "provider",
        UsageSource::Counted => "counted",
        UsageSource::Partial => "partial",
    }
}

/// The usage source of a word.
pub fn parse_source(word: &str) -> Option<UsageSource> {
    [UsageSource::Provider, UsageSource::Counted, UsageSource::Partial]
        .into_iter()
        .find(|s| source_word(*s) == word)
}

/// The word of a tier in the store and the payload hash.
pub fn tier_word(tier: ServiceTier) -> &'static str {
    match tier {
        ServiceTier::Standard => "standard",
        ServiceTier::Batch => "batch",
    }
}

/// The tier of a word.
pub fn parse_tier(word: &str) -> Option<ServiceTier> {
    ServiceTier::ALL.into_iter().find(|tier| tier_word(*tier) == word)
}

/// Why an event cannot be recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rejection {
    /// The reservation lacks identity, windows, admission time or price version.
    ReservationIncomplete,
    /// The event id does not start with the month of its window, or holds the mark of revisions.
    EventIdInvalid,
    /// A window id is malformed, or the day lies outside the month.
    WindowInvalid,
    /// The admission lies ahead of this machine's clock by more than five minutes.
    AdmitTimeInFuture,
    /// Target or served model is missing.
    ModelMissing,
    /// Token counts are missing, negative or beyond 2^53-1.
    TokenCountInvalid,
    /// The status is missing or unknown.
    StatusInvalid,
    /// A text is longer than 256 bytes or holds control characters.
    TextInvalid,
    /// The price version does not exist; a price that is not known is never zero.
    PriceUnknown,
    /// The amount does not fit a ledger row.
    AmountOverflow,
}

impl Rejection {
    /// `UPPER_SNAKE` reason on the wire.
    pub fn reason(self) -> &'static str {
        match self {
            Self::ReservationIncomplete => "RESERVATION_INCOMPLETE",
            Self::EventIdInvalid => "EVENT_ID_INVALID",
            Self::WindowInvalid => "WINDOW_INVALID",
            Self::AdmitTimeInFuture => "ADMIT_TIME_IN_FUTURE",
            Self::ModelMissing => "MODEL_MISSING",
            Self::TokenCountInvalid => "TOKEN_COUNT_INVALID",
            Self::StatusInvalid => "STATUS_INVALID",
            Self::TextInvalid => "TEXT_INVALID",
            Self::PriceUnknown => "PRICE_UNKNOWN",
            Self::AmountOverflow => "AMOUNT_OVERFLOW",
        }
    }
}

impl Rejection {
    /// Path of the wrong field below the event, from its dot on and empty for the event as a whole, and what would be right.
    pub fn rule(self) -> (&'static str, &'static str) {
        match self {
            Self::ReservationIncomplete => (
                ".reservation",
                "complete: merchant, request, attempt of 0 or more, event, windows, admission time and price version",
            ),
            Self::EventIdInvalid => {
                (".reservation.event_id", "the month of its window, a slash, and a rest without ~")
            }
            Self::WindowInvalid => {
                (".reservation.month_window_id", "MYYYYMM, with the day window dYYYYMMDD inside it")
            }
            Self::AdmitTimeInFuture => {
                (".reservation.admit_time", "at most five minutes ahead of the ledger's clock")
            }
            Self::ModelMissing => (".model_served", "set, and so must target be"),
            Self::TokenCountInvalid => (".usage", "set, with counts from 0 to 2^53-1"),
            Self::StatusInvalid => (".status", "a USAGE_STATUS other than UNSPECIFIED"),
            Self::TextInvalid => ("", "of texts of at most 256 bytes without control characters"),
            Self::PriceUnknown => (".reservation.price_version", "one that ListPrices shows"),
            Self::AmountOverflow => (".usage", "an amount that fits a ledger row, $9.2 million"),
        }
    }
}

/// One call that reached a provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageEvent {
    /// Who pays.
    pub merchant_id: MerchantId,
    /// Identity of the charge: `<YYYYMM>/<request_id>/<attempt>`, with [`REVISION_MARK`] and a number for a replacement.
    pub event_id: String,
    /// Request.
    pub request_id: String,
    /// Attempt, from 0.
    pub attempt: i32,
    /// Fence of quota's counters.
    pub epoch: i64,
    /// Stamped by quota; day, month and price follow from it.
    pub admit_time: Timestamp,
    /// Day window, for example `d20261120`.
    pub day_window: String,
    /// Month window, for example `M202611`.
    pub month_window: String,
    /// Price version to bill with.
    pub price_version: String,
    /// Provider target.
    pub target: String,
    /// Upstream quota domain or worker.
    pub upstream: String,
    /// Model asked for.
    pub model_requested: String,
    /// Model that served, as billed.
    pub model_served: String,
    /// The provider's id of the answer.
    pub provider_request_id: String,
    /// Gateway instance.
    pub gateway_id: String,
    /// API key that asked.
    pub key_id: String,
    /// Decision of the router.
    pub decision_id: String,
    /// Tokens.
    pub usage: TokenUsage,
    /// How it ended.
    pub status: Status,
}

impl UsageEvent {
    /// Checks every rule for an event from outside that needs no price.
    pub fn check(&self, now: Timestamp) -> Result<(), Rejection> {
        if self.event_id.contains(REVISION_MARK) {
            return Err(Rejection::EventIdInvalid);
        }
        self.check_fields(now)
    }

    /// Month of an event id, `YYYYMM`.
    pub fn month_of(event_id: &str) -> Option<&str> {
        let (month, rest) = event_id.split_once('/')?;
        let is_month = month.len() == 6 && month.bytes().all(|byte| byte.is_ascii_digit());
        (is_month && !rest.is_empty() && event_id.len() <= TEXT_BYTES_MAX).then_some(month)
    }

    /// Checks every rule of an event, also one that replaces another.
    pub fn check_fields(&self, now: Timestamp) -> Result<(), Rejection> {
        if [&self.event_id, &self.request_id, &self.price_version].iter().any(|text| text.is_empty())
            || self.attempt < 0
        {
            return Err(Rejection::ReservationIncomplete);
        }
        let mut texts = self.texts().into_iter().chain([self.gateway_id.as_str()]);
        if texts.any(|text| text.len() > TEXT_BYTES_MAX || text.chars().any(char::is_control)) {
            return Err(Rejection::TextInvalid);
        }
        let (day, month) = (digits(&self.day_window, 'd', 8), digits(&self.month_window, 'M', 6));
        let (Some(day), Some(month)) = (day, month) else { return Err(Rejection::WindowInvalid) };
        if !day.starts_with(month) {
            return Err(Rejection::WindowInvalid);
        }
        if Self::month_of(&self.event_id) != Some(month) {
            return Err(Rejection::EventIdInvalid);
        }
        if self.admit_time.millis_since(now) > SKEW_MAX_MS {
            return Err(Rejection::AdmitTimeInFuture);
        }
        if self.target.is_empty() || self.model_served.is_empty() {
            return Err(Rejection::ModelMissing);
        }
        if !self.usage.within(COUNT_MAX) {
            return Err(Rejection::TokenCountInvalid);
        }
        Ok(())
    }

    /// SHA-256 of what was used and what it costs. Who reported it and the fence of the counters stay out, so that a second
    /// reporter of the same call is a duplicate and not a conflict.
    pub fn payload_sha256(&self) -> [u8; 32] {
        // Gathered first: one call of the hash costs less than one a field.
        let mut payload = Vec::with_capacity(640);
        payload.extend(b"kaleem usage event v1\0");
        let mut text = |text: &str| {
            // A length before each text keeps two texts from trading characters.
            payload.extend((text.len() as u64).to_be_bytes());
            payload.extend(text.as_bytes());
        };
        self.texts().into_iter().for_each(&mut text);
        text(self.status.word());
        text(source_word(self.usage.source));
        let (first, later) = self.counts();
        for number in [i64::from(self.attempt), self.admit_time.as_millis()].into_iter().chain(first) {
            payload.extend(number.to_be_bytes());
        }
        // What a call without pictures and the like has not, so that its hash is that of books from before there were any.
        if self.usage.service_tier != ServiceTier::Standard || later.into_iter().any(|count| count != 0) {
            payload.extend(tier_word(self.usage.service_tier).as_bytes());
            payload.extend(later.into_iter().flat_map(i64::to_be_bytes));
        }
        Sha256::digest(&payload).into()
    }

    /// Token counts in the order of the store's columns: those that every call has, and those that few have, with what is unexplained.
    pub fn counts(&self) -> ([i64; 6], [i64; 4]) {
        let [fresh, read, write, tool, text, reasoning, image, audio, write_1h] = self.usage.buckets();
        ([fresh, read, write, tool, text, reasoning], [image, audio, write_1h, self.usage.unexplained])
    }

    /// The texts that make up the payload, in the order of its hash.
    fn texts(&self) -> [&str; 13] {
        [
            self.merchant_id.as_str(),
            &self.event_id,
            &self.request_id,
            &self.day_window,
            &self.month_window,
            &self.price_version,
            &self.target,
            &self.upstream,
            &self.model_requested,
            &self.model_served,
            &self.provider_request_id,
            &self.key_id,
            &self.decision_id,
        ]
    }
}

/// The digits of a window id.
pub fn digits(id: &str, prefix: char, count: usize) -> Option<&str> {
    let digits = id.strip_prefix(prefix)?;
    (digits.len() == count && digits.bytes().all(|b| b.is_ascii_digit())).then_some(digits)
}

#[cfg(test)]
pub mod tests {
    use proptest::prelude::*;

    use super::*;

    pub const NOW: Timestamp = Timestamp::from_millis(1_795_000_000_000);

    pub fn event() -> UsageEvent {
        UsageEvent {
            merchant_id: MerchantId::parse("dukkan").unwrap(),
            event_id: "202611/0199-a/0".into(),
            request_id: "0199-a".into(),
            attempt: 0,
            epoch: 1,
            admit_time: NOW,
            day_window: "d20261120".into(),
            month_window: "M202611".into(),
            price_version: "m@1".into(),
            target: "provider-gemini".into(),
            upstream: "project-1".into(),
            model_requested: "auto".into(),
            model_served: "m".into(),
            provider_request_id: "p-1".into(),
            gateway_id: "gw-1".into(),
            key_id: "k".into(),
            decision_id: "d".into(),
            usage: TokenUsage { input_fresh: 300, output_text: 150, ..TokenUsage::default() },
            status: Status::Ok,
        }
    }

    fn refused(change: impl FnOnce(&mut UsageEvent)) -> Option<Rejection> {
        let mut event = event();
        change(&mut event);
        event.check(NOW).err()
    }

    #[test]
    fn each_rule_has_its_reason() {
        assert_eq!(refused(|_| ()), None);
        assert_eq!(refused(|e| e.event_id.clear()), Some(Rejection::ReservationIncomplete));
        assert_eq!(refused(|e| e.price_version.clear()), Some(Rejection::ReservationIncomplete));
        assert_eq!(refused(|e| e.attempt = -1), Some(Rejection::ReservationIncomplete));
        assert_eq!(refused(|e| e.event_id = "202612/0199-a/0".into()), Some(Rejection::EventIdInvalid));
        assert_eq!(refused(|e| e.event_id = "202611".into()), Some(Rejection::EventIdInvalid));
        assert_eq!(refused(|e| e.event_id = "202611/0199-a/0~1".into()), Some(Rejection::EventIdInvalid));
        assert_eq!(refused(|e| e.event_id = "2026110199/0".into()), Some(Rejection::EventIdInvalid));
        assert_eq!(refused(|e| e.month_window = "202611".into()), Some(Rejection::WindowInvalid));
        assert_eq!(refused(|e| e.day_window = "d20261220".into()), Some(Rejection::WindowInvalid));
        assert_eq!(refused(|e| e.day_window = "d2026112".into()), Some(Rejection::WindowInvalid));
        assert_eq!(refused(|e| e.model_served.clear()), Some(Rejection::ModelMissing));
        assert_eq!(refused(|e| e.target.clear()), Some(Rejection::ModelMissing));
        assert_eq!(refused(|e| e.upstream = "x".repeat(257)), Some(Rejection::TextInvalid));
        assert_eq!(refused(|e| e.gateway_id = "a\nb".into()), Some(Rejection::TextInvalid));
    }

    #[test]
    fn counts_are_from_0_to_2_to_the_53_less_1() {
        assert_eq!(refused(|e| e.usage.input_fresh = -1), Some(Rejection::TokenCountInvalid));
        assert_eq!(refused(|e| e.usage.output_reasoning = COUNT_MAX + 1), Some(Rejection::TokenCountInvalid));
        assert_eq!(refused(|e| e.usage.output_reasoning = COUNT_MAX), None);
    }

    #[test]
    fn clocks_may_differ_by_five_minutes_but_the_past_is_open() {
        assert_eq!(refused(|e| e.admit_time = NOW.plus_millis(SKEW_MAX_MS)), None);
        assert_eq!(
            refused(|e| e.admit_time = NOW.plus_millis(SKEW_MAX_MS + 1)),
            Some(Rejection::AdmitTimeInFuture)
        );
        assert_eq!(
            refused(|e| e.admit_time = Timestamp::from_millis(0)),
            None,
            "late events have no age limit"
        );
    }

    #[test]
    fn the_hash_covers_the_charge_and_not_the_reporter() {
        let changed = |change: fn(&mut UsageEvent)| {
            let mut event = event();
            change(&mut event);
            event.payload_sha256()
        };
        let same = event().payload_sha256();
        assert_eq!(changed(|e| e.gateway_id = "gw-2".into()), same);
        assert_eq!(changed(|e| e.epoch = 9), same);
        let different = [
            changed(|e| e.usage.output_text += 1),
            changed(|e| e.usage.input_image += 1),
            changed(|e| e.usage.input_audio += 1),
            changed(|e| e.usage.input_cache_write_1h += 1),
            changed(|e| e.usage.unexplained = -1),
            changed(|e| e.usage.service_tier = ServiceTier::Batch),
            changed(|e| e.usage.source = UsageSource::Provider),
            changed(|e| e.status = Status::Partial),
            changed(|e| e.price_version = "m@2".into()),
            changed(|e| e.admit_time = NOW.plus_millis(1)),
            changed(|e| (e.key_id, e.decision_id) = ("kd".into(), String::new())),
        ];
        assert!(different.iter().all(|hash| *hash != same));
        let again: std::collections::HashSet<_> = different.iter().collect();
        assert_eq!(again.len(), different.len());
    }

    proptest! {
        #[test]
        fn checking_never_panics(event_id in "\\PC{0,40}", day in "\\PC{0,12}", month in "\\PC{0,9}") {
            let event = UsageEvent { event_id, day_window: day, month_window: month, ..event() };
            let _ = event.check(NOW);
        }
    }
}
