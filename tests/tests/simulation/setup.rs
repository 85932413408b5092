//! What every run of the simulation is about: merchants, their plan, the price, and what may be broken on purpose.

use kaleem_domain::{
    RequestId, ServiceTier, Timestamp, TokenUsage,
    price::{Book, Component, PriceVersion, Rate},
};
use kaleem_quota::machine::{
    BillingMode, CapAction, Caps, Fingerprint, Key, Limits, MerchantState, Policy, Profile, Snapshot,
};

pub const GATEWAYS: usize = 3;
pub const QUOTAS: usize = 2;
pub const MERCHANTS: usize = 3;
/// Six minutes before December in Riyadh, so that every run crosses midnight and month.
pub const START_MS: i64 = 1_796_072_040_000;
pub const ZONE: &str = "Asia/Riyadh";
pub const PRICE: &str = "sim@1";
/// Life of a hold without heartbeats.
pub const TTL_MS: i64 = 30_000;
/// Output that a caller asks for.
pub const OUTPUT_MAX: i64 = 600;

/// What is broken on purpose, to see that the auditor notices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mutation {
    None,
    /// Quota forgets how reservations ended, so that a repeated Settle is a new one.
    ForgetEndings,
    /// The shared store takes commits whatever their writer has seen.
    CommitBlindly,
    /// A gateway that returns does not read its journal.
    DropReplay,
    /// A gateway dispatches without noting its intent.
    DropIntent,
    /// A gateway tells of an outcome before it notes it, and notes it only now and then.
    DropOutcome,
    /// Billing takes every event for a new one.
    RecordTwice,
    /// Billing answers before it commits, and dies in between.
    AnswerEarly,
    /// A gateway bills one token more than the provider says.
    CountWrong,
}

pub fn profile() -> Profile {
    let caps = Caps { day_requests: 70, month_tokens: 18_000, month_cost_nano: 3_000_000, concurrency: 4 };
    let policy = Policy {
        plan_id: "simulated".into(),
        plan_version: 1,
        caps,
        on_cap: CapAction::Suspend,
        alert_percents: vec![60, 80, 90, 95],
        billing_mode: BillingMode::Postpaid,
    };
    Profile { policy, time_zone: ZONE.into() }
}

/// A price that is no whole nano a token, so that roundings show.
pub fn price() -> PriceVersion {
    let rate = |component, pico_usd_per_unit| Rate {
        book: Book::Sell,
        component,
        pico_usd_per_unit,
        min_input_token_count: 0,
        service_tier: ServiceTier::Standard,
    };
    PriceVersion {
        price_version: PRICE.into(),
        target: "provider".into(),
        model: "model".into(),
        effective_time: Timestamp::from_millis(0),
        source: "simulation".into(),
        verified: true,
        rates: vec![rate(Component::InputFresh, 75_001), rate(Component::OutputText, 300_007)],
    }
}

/// What a merchant pays for `usage`, in pico-US-dollars.
pub fn sell_pico(usage: &TokenUsage) -> i64 {
    price().amount(Book::Sell, usage).unwrap().to_i64().unwrap()
}

pub fn request_id(number: u64) -> RequestId {
    RequestId::parse(&format!("01930000-0000-7000-8000-{number:012x}")).unwrap()
}

pub fn key_of(event_id: &str) -> Key {
    let mut parts = event_id.split('/').skip(1);
    let request_id = RequestId::parse(parts.next().unwrap()).unwrap();
    Key { request_id, attempt: parts.next().unwrap().parse().unwrap() }
}

pub fn merchant_id(merchant: usize) -> String {
    format!("shop-{merchant}")
}

pub fn merchant_of(merchant_id: &str) -> usize {
    merchant_id.strip_prefix("shop-").unwrap().parse().unwrap()
}

/// Of all that is said in a verb.
pub fn fingerprint(parts: &impl std::hash::Hash) -> Fingerprint {
    use std::hash::{DefaultHasher, Hasher as _};
    let mut hasher = DefaultHasher::new();
    parts.hash(&mut hasher);
    Fingerprint(hasher.finish(), 0)
}

/// `state` without its tombstones.
pub fn without_endings(state: &MerchantState, generation: i64, now: Timestamp) -> MerchantState {
    let snapshot = Snapshot { tombstones: Vec::new(), ..state.snapshot() };
    MerchantState::restore(snapshot, generation, Limits::default(), now).unwrap()
}
