//! Reserve, Adjust and Heartbeat: making and moving holds.

use std::sync::Arc;

use kaleem_domain::Timestamp;

use super::{
    Amount, COST_PER_CALL_MAX, Candidate, Change, Decision, Dimension, DimensionUsage, Fingerprint, Hold,
    Key, LIFE_MAX_MS, MerchantState, Mode, OverCap, Posture, Refusal, Remaining, Span, WindowId, Windows,
    ladder::{Blocked, Choice, Room},
};

/// Wait that a refusal for concurrency asks for, in milliseconds: calls end all the time.
const CONCURRENCY_RETRY_MS: i64 = 1_000;

/// A call to admit.
#[derive(Debug, Clone)]
pub struct Reserve {
    /// Identity.
    pub key: Key,
    /// How.
    pub mode: Mode,
    /// Best first, at least one.
    pub candidates: Vec<Candidate>,
    /// Life without heartbeats, in milliseconds; cut to `1..=LIFE_MAX_MS`.
    pub ttl_ms: i64,
    /// Of all that the caller sent.
    pub fingerprint: Fingerprint,
}

/// Other candidates for a hold.
#[derive(Debug, Clone)]
pub struct Adjust {
    /// Identity.
    pub key: Key,
    /// Best first, at least one.
    pub candidates: Vec<Candidate>,
    /// Of all that the caller sent.
    pub fingerprint: Fingerprint,
}

/// A sign of life.
#[derive(Debug, Clone, Copy)]
pub struct Beat {
    /// Identity.
    pub key: Key,
    /// Output tokens seen so far.
    pub observed_output: i64,
}

/// Facts of a reservation that its holder carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ticket {
    /// Identity.
    pub key: Key,
    /// Admission.
    pub admitted_at: Timestamp,
    /// Day of admission.
    pub day: WindowId,
    /// Month of admission.
    pub month: WindowId,
    /// Price version to bill with.
    pub price_version: Arc<str>,
    /// Fences off reservations from before counters were rebuilt.
    pub epoch: i64,
}

impl Ticket {
    /// Identity of the charge everywhere: `<YYYYMM>/<request_id>/<attempt>`.
    pub fn event_id(&self) -> String {
        event_id(self.month, self.key)
    }
}

/// `<YYYYMM>/<request_id>/<attempt>`.
pub(crate) fn event_id(month: WindowId, key: Key) -> String {
    format!("{:06}/{}/{}", month.number(), key.request_id, key.attempt)
}

/// An admitted call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reserved {
    /// What.
    pub decision: Decision,
    /// Index of the candidate that holds.
    pub candidate_index: usize,
    /// Bound on output tokens.
    pub granted_output: i64,
    /// The reservation; `None` for [`Mode::CheckOnly`].
    pub ticket: Option<Ticket>,
    /// What is left after the hold.
    pub remaining: Remaining,
    /// Posture after the hold.
    pub posture: Posture,
    /// The cap that would have refused or degraded the call, were the merchant not in shadow; `None` in a repeated reply.
    pub waived: Option<OverCap>,
}

impl MerchantState {
    /// Holds quota for the first candidate that fits in every dimension, all or nothing. The same command again gets the same
    /// hold; a refusal changes nothing but due holds, and tells once of the cap in its way.
    pub fn reserve(
        &mut self,
        command: &Reserve,
        now: Timestamp,
        changes: &mut Vec<Change>,
    ) -> Result<Reserved, Refusal> {
        let now = self.begin(now, changes)?;
        let check_only = command.mode == Mode::CheckOnly;
        if !check_only && let Some(reserved) = self.repeated(command, now, changes)? {
            return Ok(reserved);
        }
        self.know_balance()?;
        let windows = self.calendar.windows();
        let choice = self.room(windows).choose(&command.candidates, command.mode != Mode::Normal);
        let decided = self.decide(choice, &command.candidates, windows, now);
        if check_only {
            return decided.map(|(choice, waived)| self.checked(choice, waived));
        }
        self.tell_blocked(choice, windows, now, changes);
        let (choice, waived) = decided?;
        let ttl_ms = command.ttl_ms.clamp(1, LIFE_MAX_MS);
        let candidate = &command.candidates[choice.index];
        let hold = Hold {
            key: command.key,
            decision: choice.decision,
            candidate_index: choice.index,
            granted_output: choice.granted_output,
            amount: choice.amount,
            input_tokens: candidate.input_tokens,
            input_pico: candidate.input_pico,
            output_pico: candidate.output_pico,
            request_pico: candidate.request_pico,
            observed_output: 0,
            day: windows.day.id,
            month: windows.month.id,
            admitted_at: now,
            expires_at: now.plus_millis(ttl_ms),
            ttl_ms,
            mode: command.mode,
            price_version: Arc::clone(&candidate.price_version),
            fingerprint: command.fingerprint,
        };
        changes.push(Change::HoldOpened(hold.clone()));
        self.open(hold.clone());
        Ok(Reserved { waived, ..self.reserved(&hold) })
    }

    /// Swaps a live hold for one of other candidates within the windows of its admission; a refusal leaves the old hold.
    pub fn adjust(
        &mut self,
        command: &Adjust,
        now: Timestamp,
        changes: &mut Vec<Change>,
    ) -> Result<Reserved, Refusal> {
        let now = self.begin(now, changes)?;
        self.expire_if_due(command.key, now, changes);
        let Some(old) = self.holds.get(&command.key) else {
            return Err(self
                .tombstones
                .get(&command.key)
                .map_or(Refusal::Unknown, |ended| Refusal::Conflict(ended.ending)));
        };
        if old.fingerprint == command.fingerprint {
            return Ok(self.reserved(old));
        }
        self.know_balance()?;
        let admitted = self.calendar.at(old.admitted_at)?;
        let windows = Windows {
            day: Span { id: old.day, ..admitted.day },
            month: Span { id: old.month, ..admitted.month },
        };
        let mut room = self.room(windows);
        room.left = room.left.plus(old.amount);
        room.balance = room.balance.map(|balance| balance.saturating_add(old.amount.cost_nano));
        room.slots += 1;
        let old = old.clone();
        let choice = room.choose(&command.candidates, old.mode == Mode::Shrink);
        let decided = self.decide(choice, &command.candidates, windows, now);
        self.tell_blocked(choice, windows, now, changes);
        let (choice, waived) = decided?;
        let candidate = &command.candidates[choice.index];
        let hold = Hold {
            decision: choice.decision,
            candidate_index: choice.index,
            granted_output: choice.granted_output,
            amount: choice.amount,
            input_tokens: candidate.input_tokens,
            input_pico: candidate.input_pico,
            output_pico: candidate.output_pico,
            request_pico: candidate.request_pico,
            observed_output: 0,
            expires_at: prolonged(&old, now),
            price_version: Arc::clone(&candidate.price_version),
            fingerprint: command.fingerprint,
            ..old
        };
        self.close(command.key);
        changes.push(Change::HoldMoved(hold.clone()));
        self.open(hold.clone());
        Ok(Reserved { waived, ..self.reserved(&hold) })
    }

    /// Prolongs a live hold and notes what it used so far; says whether there is one.
    pub fn beat(
        &mut self,
        command: &Beat,
        now: Timestamp,
        changes: &mut Vec<Change>,
    ) -> Result<bool, Refusal> {
        let now = self.begin(now, changes)?;
        self.expire_if_due(command.key, now, changes);
        let Some(hold) = self.holds.get_mut(&command.key) else { return Ok(false) };
        let expires_at = prolonged(hold, now);
        self.expiries.remove(&(hold.expires_at, command.key));
        self.expiries.insert((expires_at, command.key));
        hold.expires_at = expires_at;
        hold.observed_output = hold.observed_output.max(command.observed_output);
        changes.push(Change::HoldMoved(hold.clone()));
        Ok(true)
    }

    /// The grant of an earlier Reserve with the same id, or the refusal where the id was used otherwise.
    fn repeated(
        &mut self,
        command: &Reserve,
        now: Timestamp,
        changes: &mut Vec<Change>,
    ) -> Result<Option<Reserved>, Refusal> {
        self.expire_if_due(command.key, now, changes);
        if let Some(hold) = self.holds.get(&command.key) {
            let same = hold.fingerprint == command.fingerprint;
            return if same { Ok(Some(self.reserved(hold))) } else { Err(Refusal::Reused { ended: None }) };
        }
        match self.tombstones.get(&command.key) {
            Some(ended) => Err(Refusal::Reused { ended: Some(ended.ending) }),
            None => Ok(None),
        }
    }

    fn room(&self, windows: Windows) -> Room {
        let of = |dimension| self.dimension(dimension, windows);
        let (cost, balance) = (of(Dimension::MonthCost), self.balance_usage());
        let is_spent = |usage: &DimensionUsage| usage.posted >= usage.cap;
        let spent = [Some(cost), balance].into_iter().flatten().find(is_spent);
        Room {
            left: Amount {
                requests: of(Dimension::DayRequests).left(),
                tokens: of(Dimension::MonthTokens).left(),
                cost_nano: cost.left(),
            },
            balance: balance.map(|balance| balance.left()),
            slots: of(Dimension::Concurrency).left(),
            spent: spent.map(|usage| usage.dimension),
            on_cap: self.profile.policy.on_cap,
        }
    }

    /// Tells of a cap that refused the call or made it degrade.
    fn tell_blocked(
        &mut self,
        choice: Result<Choice, Blocked>,
        windows: Windows,
        now: Timestamp,
        changes: &mut Vec<Change>,
    ) {
        if let Some(blocked) = choice.map_or_else(Some, |choice| choice.blocked) {
            let window = match blocked.dimension {
                Dimension::Balance => Some(WindowId::EVER),
                dimension => self.dimension(dimension, windows).window.map(|window| window.id),
            };
            self.tell_cap_reached(blocked.dimension, window, now, changes);
        }
    }

    /// What fits, or in shadow what was asked for first, with the cap that is waived for it.
    fn decide(
        &self,
        choice: Result<Choice, Blocked>,
        candidates: &[Candidate],
        windows: Windows,
        now: Timestamp,
    ) -> Result<(Choice, Option<OverCap>), Refusal> {
        let over = |blocked| self.over_cap(blocked, windows, now);
        let blocked = choice.map_or_else(Some, |choice| choice.blocked).filter(|_| self.shadow);
        let waived = blocked.and_then(|blocked| Some((self.waiver(candidates.first()?)?, over(blocked))));
        match waived {
            Some((waived, over)) => Ok((waived, Some(over))),
            None => choice.map(|choice| (choice, None)).map_err(|blocked| Refusal::OverCap(over(blocked))),
        }
    }

    /// The candidate in full, whatever the caps; `None` where that would pass a bound of memory or of exact numbers.
    fn waiver(&self, candidate: &Candidate) -> Option<Choice> {
        let granted_output = candidate.max_output_tokens;
        let amount = candidate.amount(granted_output);
        let bounded = self.holds.len() < self.limits.holds_max && amount.cost_nano <= COST_PER_CALL_MAX;
        bounded.then_some(Choice {
            index: 0,
            decision: Decision::Allow,
            granted_output,
            amount,
            blocked: None,
        })
    }

    fn over_cap(&self, blocked: Blocked, windows: Windows, now: Timestamp) -> OverCap {
        let usage = self.dimension(blocked.dimension, windows);
        let until_reset = match blocked.dimension {
            Dimension::Balance => None,
            Dimension::Concurrency => Some(CONCURRENCY_RETRY_MS),
            _ => usage.window.map(|window| window.end.millis_since(now)),
        };
        // A hold in the way mostly ends in less than it holds, except of requests, where it stays one.
        let only_holds = blocked.needed > 0 && usage.posted.saturating_add(blocked.needed) <= usage.cap;
        let shrinks = [Dimension::MonthTokens, Dimension::MonthCost, Dimension::Balance];
        let may_shrink = only_holds && shrinks.contains(&blocked.dimension);
        let until_expiry = self.next_expiry().filter(|_| may_shrink).map(|at| at.millis_since(now));
        let retry_after_ms = until_reset.into_iter().chain(until_expiry).min();
        OverCap {
            dimension: blocked.dimension,
            posted: usage.posted,
            held: usage.held,
            cap: usage.cap,
            needed: blocked.needed,
            window: usage.window,
            retry_after_ms: retry_after_ms.map(|wait| wait.max(1)),
        }
    }

    fn reserved(&self, hold: &Hold) -> Reserved {
        let ticket = Ticket {
            key: hold.key,
            admitted_at: hold.admitted_at,
            day: hold.day,
            month: hold.month,
            price_version: Arc::clone(&hold.price_version),
            epoch: self.epoch,
        };
        Reserved {
            decision: hold.decision,
            candidate_index: hold.candidate_index,
            granted_output: hold.granted_output,
            ticket: Some(ticket),
            remaining: self.remaining(),
            posture: self.posture(),
            waived: None,
        }
    }

    fn checked(&self, choice: Choice, waived: Option<OverCap>) -> Reserved {
        let mut remaining = self.remaining();
        remaining.left = remaining.left.minus(choice.amount);
        remaining.balance = remaining.balance.map(|balance| balance.saturating_sub(choice.amount.cost_nano));
        Reserved {
            decision: choice.decision,
            candidate_index: choice.index,
            granted_output: choice.granted_output,
            ticket: None,
            remaining,
            posture: self.posture(),
            waived,
        }
    }
}

/// End of a hold that gave a sign of life at `now`: never earlier than before, never beyond [`LIFE_MAX_MS`] after admission, nor
/// after now where the clock went back since.
fn prolonged(hold: &Hold, now: Timestamp) -> Timestamp {
    let wanted = now.plus_millis(hold.ttl_ms).max(hold.expires_at);
    wanted.min(hold.admitted_at.min(now).plus_millis(LIFE_MAX_MS))
}
