//! Policies and top-ups.

use kaleem_domain::Timestamp;

use super::{Amount, COUNT_MAX, Change, MerchantState, Profile, Refusal, WindowId};

/// Top-ups that the months kept may have together.
const TOP_UPS_MAX: usize = 1_000;

/// Who states a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// Accounts, over and over; only news counts, so that it does not undo what an operator put in force since.
    Accounts,
    /// An operator, once.
    Operator,
}

/// A policy to put in force.
#[derive(Debug, Clone)]
pub struct PutPolicy {
    /// Policy and zone. Caps must be in range.
    pub profile: Profile,
    /// Who states it.
    pub origin: Origin,
}

/// An addition to the caps of the month now open.
#[derive(Debug, Clone)]
pub struct TopUp {
    /// Identity of the grant.
    pub op_id: String,
    /// Added to the token cap, not negative.
    pub tokens: i64,
    /// Added to the cost cap, in nano-US-dollars, not negative.
    pub cost_nano: i64,
}

/// A top-up that was granted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopUpRecord {
    /// Identity of the grant.
    pub op_id: String,
    /// Month that it belongs to.
    pub month: WindowId,
    /// Added tokens.
    pub tokens: i64,
    /// Added nano-US-dollars.
    pub cost_nano: i64,
    /// Version of the policy that it made.
    pub policy_version: i64,
}

impl TopUpRecord {
    /// Whether it grants what `command` asks for.
    pub fn grants(&self, command: &TopUp) -> bool {
        self.op_id == command.op_id && self.tokens == command.tokens && self.cost_nano == command.cost_nano
    }
}

impl MerchantState {
    /// Puts caps in force at once and a zone from the next month on; returns the version in force, which rises with each change.
    /// What was posted stays; caps below it refuse new calls only.
    pub fn put_policy(
        &mut self,
        command: &PutPolicy,
        now: Timestamp,
        changes: &mut Vec<Change>,
    ) -> Result<i64, Refusal> {
        let now = self.begin(now, changes)?;
        let stated_by_accounts = command.origin == Origin::Accounts;
        if stated_by_accounts && self.accounts_profile.as_ref() == Some(&command.profile) {
            return Ok(self.policy_version);
        }
        let stays_overridden = stated_by_accounts && self.overridden && self.accounts_profile.is_none();
        if !stays_overridden {
            let zone_changed = self.calendar.change_zone(&command.profile.time_zone, now)?;
            if zone_changed || self.profile != command.profile || self.policy_version == 0 {
                self.policy_version += 1;
            }
            self.profile = command.profile.clone();
            self.overridden = !stated_by_accounts;
            self.drop_unused_balance(changes);
            self.tell_crossed_now(now, changes);
        }
        if stated_by_accounts {
            self.accounts_profile = Some(command.profile.clone());
        }
        changes.push(Change::Merchant(Box::new(self.record())));
        Ok(self.policy_version)
    }

    /// Adds to the caps of the month now open, once for each `op_id`; returns the version in force.
    pub fn top_up(
        &mut self,
        command: &TopUp,
        now: Timestamp,
        changes: &mut Vec<Change>,
    ) -> Result<i64, Refusal> {
        let now = self.begin(now, changes)?;
        if let Some(record) = self.top_ups.get(&command.op_id) {
            return if record.grants(command) {
                Ok(record.policy_version)
            } else {
                Err(Refusal::TopUpReused)
            };
        }
        if self.top_ups.len() >= TOP_UPS_MAX {
            return Err(Refusal::TooManyTopUps);
        }
        let month = self.calendar.windows().month.id;
        let (caps, extra) = (self.profile.policy.caps, self.months.get(month).extra);
        let fits = |parts: [i64; 3]| {
            parts.iter().map(|part| i128::from(*part)).sum::<i128>() <= i128::from(COUNT_MAX)
        };
        let tokens_fit = fits([caps.month_tokens, extra.tokens, command.tokens]);
        if !tokens_fit || !fits([caps.month_cost_nano, extra.cost_nano, command.cost_nano]) {
            return Err(Refusal::CapTooLarge);
        }
        self.policy_version += 1;
        let record = TopUpRecord {
            op_id: command.op_id.clone(),
            month,
            tokens: command.tokens,
            cost_nano: command.cost_nano,
            policy_version: self.policy_version,
        };
        let counter = self.months.entry(record.month);
        counter.extra =
            counter.extra.plus(Amount { requests: 0, tokens: command.tokens, cost_nano: command.cost_nano });
        changes.extend([Change::Counter(*counter), Change::TopUp(record.clone())]);
        changes.push(Change::Merchant(Box::new(self.record())));
        self.top_ups.insert(record.op_id.clone(), record);
        self.tell_crossed_now(now, changes);
        Ok(self.policy_version)
    }

    /// Takes changed caps of the windows now open in: what they re-arm, and what a cut makes crossed.
    fn tell_crossed_now(&mut self, now: Timestamp, changes: &mut Vec<Change>) {
        let windows = self.calendar.windows();
        self.tell_crossed((windows.day.id, windows.month.id), now, changes);
    }
}
