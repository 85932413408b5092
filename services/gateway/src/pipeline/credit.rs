//! What a merchant may still spend while quota cannot be asked: little, and only on what quota said of it lately.
//!
//! The gateway then makes the reservation itself, with the windows and the epoch that quota named last. Its usage is journalled and told as
//! any other, and quota posts it late, so that counters and ledger agree once it is back.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use kaleem_domain::{Pico, Timestamp};
use kaleem_proto::{
    accounts::v1::{BillingMode, Plan},
    quota::v1::{Candidate, Decision, Remaining, Reservation, ReserveRequest, ReserveResponse},
    router::v1::QuotaPosture,
};
use kaleem_rpc::{Fault, convert};
use moka::sync::Cache;

use super::upstream::QUOTA_DOMAIN;
use crate::config::Credit;

/// Merchants that are remembered at once.
const MERCHANTS_MAX: u64 = 100_000;
/// A posture only orders preferences; caps are enforced by the reservation.
const POSTURE_LIFE: Duration = Duration::from_secs(30);
/// Ids that callers gave their requests and quota admitted, remembered at once.
const IDS_MAX: u64 = 1_000_000;
/// Part of the month's cap that may be lent: one hundredth.
const CAP_PART: i64 = 100;
/// No money is lent to a merchant that has less than this part of a cap left: one twentieth.
const LEFT_PART: i64 = 20;

/// Whether `fault` says that nobody knows what quota would have said.
pub(super) fn is_away(fault: &Fault) -> bool {
    match fault.reason.as_ref() {
        "STORE_UNAVAILABLE" => fault.domain == QUOTA_DOMAIN,
        "PEER_UNAVAILABLE" | "DEADLINE_EXCEEDED" => true,
        _ => false,
    }
}

/// What quota said of each merchant last, and what was lent since.
pub(super) struct Standings {
    limits: Credit,
    merchants: Cache<Arc<str>, Arc<Mutex<Standing>>>,
    /// Event ids of requests whose callers named them, and may name another so.
    admitted: Cache<String, ()>,
}

#[derive(Default)]
struct Standing {
    posture: Option<(i32, Timestamp)>,
    said: Option<Said>,
    lent: Lent,
}

/// What quota said with a reservation.
struct Said {
    at: Timestamp,
    remaining: Remaining,
    day_window_id: String,
    month_window_id: String,
    epoch: i64,
}

/// What was lent in one outage, as much as the calls could cost.
#[derive(Default)]
struct Lent {
    at: Timestamp,
    cost_pico: i128,
    token_count: i64,
    event_ids: HashSet<String>,
}

impl Standings {
    pub(super) fn new(limits: Credit) -> Self {
        // Twice, so that what was lent outlives what it was lent on.
        let life = limits.snapshot_age_max.get() * 2;
        let merchants = Cache::builder().max_capacity(MERCHANTS_MAX).time_to_idle(life).build();
        let admitted = Cache::builder().max_capacity(IDS_MAX).time_to_live(life).build();
        Self { limits, merchants, admitted }
    }

    fn of(&self, merchant: &str) -> Arc<Mutex<Standing>> {
        self.merchants.get(merchant).unwrap_or_else(|| self.merchants.get_with(merchant.into(), Arc::default))
    }

    /// Takes up what quota answered.
    pub(super) fn heard(&self, merchant: &str, held: &ReserveResponse, now: Timestamp) {
        let standing = self.of(merchant);
        let mut standing = lock(&standing);
        standing.posture = Some((held.posture, now));
        let (Some(reservation), Some(remaining)) = (&held.reservation, held.remaining) else { return };
        standing.said = Some(Said {
            at: now,
            remaining,
            day_window_id: reservation.day_window_id.clone(),
            month_window_id: reservation.month_window_id.clone(),
            epoch: reservation.epoch,
        });
    }

    /// Takes up that quota admitted a request which its caller named.
    pub(super) fn admitted(&self, held: &ReserveResponse) {
        if let Some(reservation) = &held.reservation {
            self.admitted.insert(reservation.event_id.clone(), ());
        }
    }

    /// Takes up that quota refused a call: what it said before is nothing to lend on.
    pub(super) fn refused(&self, merchant: &str) {
        if let Some(standing) = self.merchants.get(merchant) {
            lock(&standing).said = None;
        }
    }

    /// Takes up how near its caps a merchant is; `None` if quota did not say, which leaves what is known.
    pub(super) fn placed(&self, merchant: &str, posture: Option<i32>, now: Timestamp) -> i32 {
        let standing = self.of(merchant);
        let mut standing = lock(&standing);
        let posture = posture.or(standing.posture.map(|(posture, _)| posture)).unwrap_or_default();
        standing.posture = Some((posture, now));
        posture
    }

    /// How near its caps a merchant is, if that was heard lately.
    pub(super) fn posture(&self, merchant: &str, now: Timestamp) -> Option<i32> {
        let standing = self.merchants.get(merchant)?;
        let (posture, at) = lock(&standing).posture?;
        is_within(at, POSTURE_LIFE, now).then_some(posture)
    }

    /// Admits a call on credit, as quota would, for the first candidate that fits into it; `None` if none does.
    pub(super) fn lend(
        &self,
        request: &ReserveRequest,
        plan: &Plan,
        now: Timestamp,
    ) -> Option<ReserveResponse> {
        let standing = self.merchants.get(request.merchant_id.as_str())?;
        let lent = lock(&standing).lend(request, plan, &self.limits, (now, &self.admitted));
        let outcome = if lent.is_some() { "lent" } else { "refused" };
        metrics::counter!("kaleem_gateway_credit_calls_total", "outcome" => outcome).increment(1);
        lent
    }
}

fn lock(standing: &Mutex<Standing>) -> MutexGuard<'_, Standing> {
    standing.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether `now` is at or after `at` by at most `life`. After a clock went back nothing is.
fn is_within(at: Timestamp, life: Duration, now: Timestamp) -> bool {
    u128::try_from(now.millis_since(at)).is_ok_and(|age| age <= life.as_millis())
}

/// What may be lent to one call.
struct Room {
    cost_pico: i128,
    token_count: i64,
}

impl Standing {
    fn lend(
        &mut self,
        request: &ReserveRequest,
        plan: &Plan,
        limits: &Credit,
        (now, admitted): (Timestamp, &Cache<String, ()>),
    ) -> Option<ReserveResponse> {
        // Calls at once may come in another order than their times.
        let quiet_ms = u128::try_from(now.millis_since(self.lent.at)).unwrap_or(0);
        if quiet_ms > limits.snapshot_age_max.get().as_millis() {
            self.lent = Lent::default();
        }
        let said =
            self.said.as_ref().filter(|said| said.holds(limits, now) && said.knows_the_money_of(plan))?;
        let posture = self.posture.map_or(0, |(posture, _)| posture);
        if posture == i32::from(QuotaPosture::Suspended) {
            return None;
        }
        let room = self.room(said, plan, limits)?;
        let (index, granted) = (0..).zip(&request.candidates).find_map(|(index, candidate)| {
            Some((index, room.output_token_count(candidate)?)).filter(|_| !candidate.price_version.is_empty())
        })?;
        let candidate = request.candidates.get(index)?;
        let reservation = said.reservation(request, candidate, now)?;
        let event_id = &reservation.event_id;
        if admitted.contains_key(event_id) || !self.lent.event_ids.insert(event_id.clone()) {
            return None;
        }
        self.lent.at = self.lent.at.max(now);
        self.lent.cost_pico += cost_pico(candidate, granted);
        self.lent.token_count += candidate.input_token_count + granted;
        let decision = match index {
            0 if granted == candidate.max_output_token_count => Decision::Allow,
            0 => Decision::DegradeShorter,
            _ => Decision::DegradeModel,
        };
        Some(ReserveResponse {
            decision: decision.into(),
            candidate_index: i32::try_from(index).ok()?,
            granted_output_token_count: granted,
            reservation: Some(reservation),
            remaining: None,
            posture,
        })
    }

    /// What is left of the credit; `None` if there is no call left.
    fn room(&self, said: &Said, plan: &Plan, limits: &Credit) -> Option<Room> {
        let gateways = i64::from(limits.gateways);
        let requests = i64::from(limits.requests_max).min(said.remaining.day_request_count / gateways);
        let left_nano =
            said.remaining.month_cost_nano_usd.min(said.remaining.balance_nano_usd.unwrap_or(i64::MAX));
        let cost_nano =
            (plan.month_cost_nano_usd_cap / CAP_PART).min(limits.cost_nano_usd_max).min(left_nano / gateways);
        let cost_nano = if said.is_far_from(plan) { cost_nano } else { 0 };
        let room = Room {
            // A model that costs nothing needs none.
            cost_pico: (i128::from(cost_nano) * 1_000 - self.lent.cost_pico).max(0),
            token_count: said.remaining.month_token_count / gateways - self.lent.token_count,
        };
        (i64::try_from(self.lent.event_ids.len()).is_ok_and(|lent| lent < requests)).then_some(room)
    }
}

impl Said {
    /// It is fresh, and its windows are open.
    fn holds(&self, limits: &Credit, now: Timestamp) -> bool {
        let resets = [&self.remaining.day_reset_time, &self.remaining.month_reset_time];
        let is_open =
            |reset: &Option<_>| reset.as_ref().is_some_and(|reset| now < convert::from_timestamp(reset));
        is_within(self.at, limits.snapshot_age_max.get(), now) && resets.into_iter().all(is_open)
    }

    /// Who pays ahead is lent to only on a balance.
    fn knows_the_money_of(&self, plan: &Plan) -> bool {
        plan.billing_mode() != BillingMode::Prepaid || self.remaining.balance_nano_usd.is_some()
    }

    /// Enough is left of every cap.
    fn is_far_from(&self, plan: &Plan) -> bool {
        let left = &self.remaining;
        let dimensions = [
            (left.day_request_count, plan.day_request_cap),
            (left.month_token_count, plan.month_token_cap),
            (left.month_cost_nano_usd, plan.month_cost_nano_usd_cap),
        ];
        dimensions.into_iter().all(|(left, cap)| i128::from(left) * i128::from(LEFT_PART) > i128::from(cap))
    }

    /// The reservation that quota would have made.
    fn reservation(
        &self,
        request: &ReserveRequest,
        candidate: &Candidate,
        now: Timestamp,
    ) -> Option<Reservation> {
        let month = self.month_window_id.strip_prefix('M')?;
        Some(Reservation {
            request_id: request.request_id.clone(),
            attempt: request.attempt,
            merchant_id: request.merchant_id.clone(),
            admit_time: Some(convert::timestamp(now)),
            day_window_id: self.day_window_id.clone(),
            month_window_id: self.month_window_id.clone(),
            event_id: format!("{month}/{}/{}", request.request_id, request.attempt),
            price_version: candidate.price_version.clone(),
            epoch: self.epoch,
            quota_domain: candidate.quota_domain.clone(),
        })
    }
}

impl Room {
    /// Output tokens that fit; `None` if the input alone is too much, or less fits than is of use.
    fn output_token_count(&self, candidate: &Candidate) -> Option<i64> {
        let price = i128::from(candidate.output_pico_usd_per_token);
        let cost_pico = self.cost_pico - cost_pico(candidate, 0);
        let affordable = if price > 0 { cost_pico / price } else { i128::from(i64::MAX) };
        let output = candidate
            .max_output_token_count
            .min(self.token_count.checked_sub(candidate.input_token_count)?)
            .min(i64::try_from(affordable).unwrap_or(i64::MAX));
        (cost_pico >= 0 && output >= candidate.min_output_token_count.max(1)).then_some(output)
    }
}

/// What a call costs at most.
fn cost_pico(candidate: &Candidate, output_token_count: i64) -> i128 {
    let part = |tokens: i64, price: i64| {
        Pico::new(price.into()).checked_mul(tokens).map_or(i128::MAX / 4, Pico::get)
    };
    i128::from(candidate.request_pico_usd)
        + part(candidate.input_token_count, candidate.input_pico_usd_per_token)
        + part(output_token_count, candidate.output_pico_usd_per_token)
}

#[cfg(test)]
mod tests;
