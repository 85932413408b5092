//! From messages of the wire to commands; all that is wrong with a request is said at once.

mod upstream;

use std::sync::Arc;

use kaleem_domain::{MerchantId, RequestId, TOKENS_PER_CALL_MAX, id::IdError, window::Zone};
use kaleem_proto::quota::v1 as wire;
use kaleem_rpc::{Code, Fault, convert};
use sha2::{Digest as _, Sha256};

use super::fault::DOMAIN;
use crate::{
    clients,
    machine::{
        Adjust, Amount, Beat, COST_PER_CALL_MAX, COUNT_MAX, Candidate, Fingerprint, Key, LIFE_MAX_MS, Lost,
        Mode, Origin, Profile, PutPolicy, Release, Reserve, Settle, TTL_DEFAULT_MS, TopUp, WindowId,
    },
};

pub(super) use upstream::{acquire_upstream, quota_domains, report_upstream, spending};

const CANDIDATES_MAX: usize = 16;
const BEATS_MAX: usize = 1_024;
const ATTEMPT_MAX: i32 = 1_000;
const NAME_LEN_MAX: usize = 200;
const ADMISSION_ID_LEN_MAX: usize = 64;
/// The journal's queue holds as many events as commands, so their size is bounded too.
const USAGE_EVENT_LEN_MAX: usize = 8 * 1_024;

/// What is wrong with a request, field by field.
#[derive(Default)]
struct Violations(Vec<(String, String)>);

impl Violations {
    fn add(&mut self, field: impl Into<String>, description: impl Into<String>) {
        self.0.push((field.into(), description.into()));
    }

    fn require(&mut self, holds: bool, field: impl Into<String>, description: impl Into<String>) {
        if !holds {
            self.add(field, description);
        }
    }

    fn within(&mut self, value: i64, max: i64, field: impl Into<String>) {
        self.require((0..=max).contains(&value), field, format!("must be between 0 and {max}"));
    }

    /// The value, or the refusal if anything was wrong. A missing value has its violation.
    fn done<T>(self, value: Option<T>) -> Result<T, Fault> {
        match (value, self.0.first()) {
            (Some(value), None) => Ok(value),
            (_, first) => {
                let message =
                    first.map_or_else(String::new, |(field, description)| format!("{field} {description}"));
                let fault = Fault::new(Code::InvalidArgument, DOMAIN, "REQUEST_INVALID", message);
                Err(self
                    .0
                    .into_iter()
                    .fold(fault, |fault, (field, description)| fault.violation(field, description)))
            }
        }
    }
}

/// A merchant, or the account of an upstream project.
pub(super) fn account(id: &str) -> Result<MerchantId, Fault> {
    let mut violations = Violations::default();
    let account = account_id(id, &mut violations);
    violations.done(account)
}

/// The account to rebuild; `None` is all.
pub(super) fn rebuild(request: &wire::RebuildRequest) -> Result<Option<MerchantId>, Fault> {
    Some(request.merchant_id.as_str()).filter(|id| !id.is_empty()).map(account).transpose()
}

pub(super) fn reserve(mut request: wire::ReserveRequest) -> Result<(MerchantId, Reserve), Fault> {
    let mut violations = Violations::default();
    let merchant = merchant_id(&request.merchant_id, "merchant_id", &mut violations);
    let key = key(&request.request_id, request.attempt, "", &mut violations);
    violations.require(request.gateway_id.len() <= NAME_LEN_MAX, "gateway_id", "must be at most 200 bytes");
    violations.require(
        request.admission_id.len() <= ADMISSION_ID_LEN_MAX,
        "admission_id",
        "must be at most 64 bytes",
    );
    let mode = match wire::ReserveMode::try_from(request.mode) {
        Ok(wire::ReserveMode::Unspecified | wire::ReserveMode::Normal) => Mode::Normal,
        Ok(wire::ReserveMode::Shrink) => Mode::Shrink,
        Ok(wire::ReserveMode::CheckOnly) => Mode::CheckOnly,
        Err(_) => {
            violations.add("mode", "must be NORMAL, SHRINK or CHECK_ONLY");
            Mode::CheckOnly
        }
    };
    let ttl_ms = ttl_ms(request.ttl.as_ref(), &mut violations);
    let candidates = candidates(&request.candidates, &mut violations);
    // Which admission it is says `admission_id`, wherever its retries come from.
    request.gateway_id.clear();
    let fingerprint = fingerprint(&request);
    let command = merchant
        .zip(key)
        .map(|(merchant, key)| (merchant, Reserve { key, mode, candidates, ttl_ms, fingerprint }));
    violations.done(command)
}

pub(super) fn adjust(request: wire::AdjustRequest) -> Result<(MerchantId, Adjust), Fault> {
    let mut violations = Violations::default();
    let reservation = reservation(request.reservation.as_ref(), "reservation", &mut violations);
    let candidates = candidates(&request.candidates, &mut violations);
    let fingerprint = fingerprint(&wire::AdjustRequest { reservation: None, ..request });
    let command =
        reservation.map(|found| (found.merchant, Adjust { key: found.key, candidates, fingerprint }));
    violations.done(command)
}

pub(super) fn settle(mut request: wire::SettleRequest) -> Result<(MerchantId, Settle, Vec<u8>), Fault> {
    let mut violations = Violations::default();
    let reservation = reservation(request.reservation.take().as_ref(), "reservation", &mut violations);
    let usage = request.usage.as_ref().map(convert::from_usage);
    violations.require(
        usage.is_some_and(|usage| usage.within(TOKENS_PER_CALL_MAX)),
        "usage",
        format!("must be present, each count between 0 and {TOKENS_PER_CALL_MAX}"),
    );
    violations.within(request.cost_nano_usd, COST_PER_CALL_MAX, "cost_nano_usd");
    violations.within(request.upstream_cost_nano_usd, COST_PER_CALL_MAX, "upstream_cost_nano_usd");
    let event_len = request.usage_event.len();
    violations.require(
        event_len <= USAGE_EVENT_LEN_MAX,
        "usage_event",
        format!("must be at most {USAGE_EVENT_LEN_MAX} bytes"),
    );
    // The merchant's figures make a settle what it is; the event that billing must get may be worded otherwise the next time, and what
    // the provider charges is another account's.
    let usage_event = std::mem::take(&mut request.usage_event);
    request.upstream_cost_nano_usd = 0;
    let fingerprint = fingerprint(&request);
    let command = reservation.zip(usage).filter(|_| violations.0.is_empty()).map(|(found, usage)| {
        let actual = Amount { requests: 1, tokens: usage.total(), cost_nano: request.cost_nano_usd };
        (found.merchant, Settle { key: found.key, actual, fingerprint, lost: found.lost }, usage_event)
    });
    violations.done(command)
}

pub(super) fn release(request: &wire::ReleaseRequest) -> Result<(MerchantId, Release), Fault> {
    let mut violations = Violations::default();
    let reservation = reservation(request.reservation.as_ref(), "reservation", &mut violations);
    violations.done(reservation.map(|found| (found.merchant, Release { key: found.key, lost: found.lost })))
}

pub(super) fn heartbeat(request: &wire::HeartbeatRequest) -> Result<Vec<(MerchantId, Beat)>, Fault> {
    let mut violations = Violations::default();
    violations.require(request.beats.len() <= BEATS_MAX, "beats", format!("must be at most {BEATS_MAX}"));
    let mut beats = Vec::new();
    for (index, beat) in request.beats.iter().take(BEATS_MAX).enumerate() {
        let found =
            reservation(beat.reservation.as_ref(), &format!("beats[{index}].reservation"), &mut violations);
        // A provider's count that cannot be is no reason to let a hold go, nor those of the other beats.
        let observed_output = beat.output_token_count.clamp(0, TOKENS_PER_CALL_MAX);
        beats.extend(found.map(|found| (found.merchant, Beat { key: found.key, observed_output })));
    }
    violations.done(Some(beats))
}

pub(super) fn put_policy(request: wire::PutPolicyRequest) -> Result<(MerchantId, PutPolicy), Fault> {
    let mut violations = Violations::default();
    let merchant = merchant_id(&request.merchant_id, "merchant_id", &mut violations);
    if let Err(error) = Zone::parse(&request.time_zone) {
        violations.add("time_zone", error.to_string());
    }
    let policy = request.plan.map(clients::policy);
    match &policy {
        None => violations.add("plan", "must be present"),
        Some(policy) => {
            let outside = policy.caps.check();
            for cap in outside {
                let description = format!("must be between 0 and {COUNT_MAX}");
                violations.add(format!("plan.{}", cap.field), description);
            }
            let percents = &policy.alert_percents;
            let ascending = percents.is_sorted_by(|a, b| a < b)
                && percents.iter().all(|percent| (1..=100).contains(percent));
            violations.require(ascending, "plan.alert_percents", "must be ascending, from 1 to 100");
        }
    }
    let command = merchant.zip(policy).map(|(merchant, policy)| {
        let profile = Profile { policy, time_zone: request.time_zone };
        (merchant, PutPolicy { profile, origin: Origin::Operator })
    });
    violations.done(command)
}

pub(super) fn top_up(request: wire::GrantTopUpRequest) -> Result<(MerchantId, TopUp), Fault> {
    let mut violations = Violations::default();
    let merchant = account_id(&request.merchant_id, &mut violations);
    let named = (1..=NAME_LEN_MAX).contains(&request.op_id.len());
    violations.require(named, "op_id", "must be 1 to 200 bytes that name this grant and no other");
    violations.within(request.cost_nano_usd, COUNT_MAX, "cost_nano_usd");
    violations.within(request.token_count, COUNT_MAX, "token_count");
    let grants = request.cost_nano_usd != 0 || request.token_count != 0;
    violations.require(grants, "cost_nano_usd", "or token_count must be more than 0");
    let command = merchant.map(|merchant| {
        (
            merchant,
            TopUp { op_id: request.op_id, tokens: request.token_count, cost_nano: request.cost_nano_usd },
        )
    });
    violations.done(command)
}

/// After which alert to go on, and whose; `None` is from now on, and everybody's.
pub(super) fn watch_alerts(
    request: wire::WatchAlertsRequest,
) -> Result<(Option<String>, Option<MerchantId>), Fault> {
    let mut violations = Violations::default();
    let from = Some(request.from_alert_id).filter(|id| !id.is_empty());
    let id_fits = from.as_ref().is_none_or(|id| id.len() <= NAME_LEN_MAX);
    violations.require(id_fits, "from_alert_id", "must be the id of an alert");
    let named = !request.merchant_id.is_empty();
    let merchant = named.then(|| account_id(&request.merchant_id, &mut violations)).flatten();
    violations.done(Some((from, merchant)))
}

/// Whose policies are watched; `None` is all merchants'.
pub(super) fn watch_policy(request: &wire::WatchPolicyRequest) -> Result<Option<MerchantId>, Fault> {
    let mut violations = Violations::default();
    let name_fits = request.gateway_id.len() <= NAME_LEN_MAX;
    violations.require(name_fits, "gateway_id", "must be at most 200 bytes");
    let named = !request.merchant_id.is_empty();
    let account = named.then(|| account_id(&request.merchant_id, &mut violations)).flatten();
    violations.done(Some(account))
}

/// A reservation as its holder sends it back.
struct Found {
    merchant: MerchantId,
    key: Key,
    /// `None` where it contradicts itself; then it counts only as long as quota remembers it.
    lost: Option<Lost>,
}

fn reservation(
    reservation: Option<&wire::Reservation>,
    path: &str,
    violations: &mut Violations,
) -> Option<Found> {
    let Some(reservation) = reservation else {
        violations.add(path, "must be present");
        return None;
    };
    let merchant = merchant_id(&reservation.merchant_id, &format!("{path}.merchant_id"), violations)?;
    let key = key(&reservation.request_id, reservation.attempt, &format!("{path}."), violations)?;
    Some(Found { merchant, key, lost: lost(reservation, key) })
}

fn lost(reservation: &wire::Reservation, key: Key) -> Option<Lost> {
    let admitted_at = convert::from_timestamp(reservation.admit_time.as_ref()?);
    let day = WindowId::parse(&reservation.day_window_id).filter(|id| id.is_day())?;
    let month = WindowId::parse(&reservation.month_window_id).filter(|id| !id.is_day())?;
    let consistent = reservation.event_id == crate::machine::event_id(month, key);
    consistent.then_some(Lost { admitted_at, day, month, epoch: reservation.epoch })
}

fn merchant_id(id: &str, field: &str, violations: &mut Violations) -> Option<MerchantId> {
    named(MerchantId::parse(id), field, violations)
}

fn account_id(id: &str, violations: &mut Violations) -> Option<MerchantId> {
    named(MerchantId::parse_account(id), "merchant_id", violations)
}

fn named(id: Result<MerchantId, IdError>, field: &str, violations: &mut Violations) -> Option<MerchantId> {
    id.map_err(|error| violations.add(field, error.rule())).ok()
}

fn key(request_id: &str, attempt: i32, path: &str, violations: &mut Violations) -> Option<Key> {
    let request_id = RequestId::parse(request_id);
    violations.require(request_id.is_ok(), format!("{path}request_id"), "must be a UUID of version 7");
    let attempt_fits = (0..=ATTEMPT_MAX).contains(&attempt);
    violations.require(
        attempt_fits,
        format!("{path}attempt"),
        format!("must be between 0 and {ATTEMPT_MAX}"),
    );
    request_id.ok().map(|request_id| Key { request_id, attempt })
}

fn ttl_ms(ttl: Option<&prost_types::Duration>, violations: &mut Violations) -> i64 {
    let Some(ttl) = ttl else { return TTL_DEFAULT_MS };
    let ms = convert::from_duration(ttl).and_then(|ttl| i64::try_from(ttl.as_millis()).ok());
    match ms.filter(|ms| *ms <= LIFE_MAX_MS) {
        Some(0) => TTL_DEFAULT_MS,
        Some(ms) => ms,
        None => {
            violations.add("ttl", "must be between 0 and 15 minutes");
            TTL_DEFAULT_MS
        }
    }
}

fn candidates(candidates: &[wire::Candidate], violations: &mut Violations) -> Vec<Candidate> {
    let count_fits = (1..=CANDIDATES_MAX).contains(&candidates.len());
    violations.require(count_fits, "candidates", format!("must be 1 to {CANDIDATES_MAX}"));
    let read = candidates.iter().take(CANDIDATES_MAX).enumerate();
    read.map(|(index, candidate)| self::candidate(candidate, &format!("candidates[{index}]"), violations))
        .collect()
}

fn candidate(candidate: &wire::Candidate, path: &str, violations: &mut Violations) -> Candidate {
    for (name, field) in [(&candidate.target, "target"), (&candidate.model, "model")] {
        violations.require(
            (1..=NAME_LEN_MAX).contains(&name.len()),
            format!("{path}.{field}"),
            "must be 1 to 200 bytes",
        );
    }
    let domain_fits = candidate.quota_domain.len() <= NAME_LEN_MAX;
    violations.require(domain_fits, format!("{path}.quota_domain"), "must be at most 200 bytes");
    let priced = (1..=NAME_LEN_MAX).contains(&candidate.price_version.len());
    violations.require(
        priced,
        format!("{path}.price_version"),
        "must name a price version; a model without a price is not held",
    );
    let counts = [
        (candidate.input_token_count, TOKENS_PER_CALL_MAX, "input_token_count"),
        (candidate.max_output_token_count, TOKENS_PER_CALL_MAX, "max_output_token_count"),
        (candidate.min_output_token_count, TOKENS_PER_CALL_MAX, "min_output_token_count"),
        (candidate.input_pico_usd_per_token, COUNT_MAX, "input_pico_usd_per_token"),
        (candidate.output_pico_usd_per_token, COUNT_MAX, "output_pico_usd_per_token"),
        (candidate.request_pico_usd, COUNT_MAX, "request_pico_usd"),
    ];
    for (value, max, field) in counts {
        violations.within(value, max, format!("{path}.{field}"));
    }
    let useful = candidate.min_output_token_count <= candidate.max_output_token_count;
    violations.require(
        useful,
        format!("{path}.min_output_token_count"),
        "must not exceed max_output_token_count",
    );
    Candidate {
        price_version: Arc::from(candidate.price_version.as_str()),
        input_tokens: candidate.input_token_count,
        max_output_tokens: candidate.max_output_token_count,
        min_output_tokens: candidate.min_output_token_count,
        input_pico: candidate.input_pico_usd_per_token,
        output_pico: candidate.output_pico_usd_per_token,
        request_pico: candidate.request_pico_usd,
    }
}

/// 128 bits of the SHA-256 of what was sent: stable over restarts, which a hasher of the standard library need not be.
fn fingerprint(message: &impl prost::Message) -> Fingerprint {
    let digest = Sha256::digest(message.encode_to_vec());
    let half =
        |from: usize| digest[from..from + 8].iter().fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte));
    Fingerprint(half(0), half(8))
}
