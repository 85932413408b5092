//! Caps of a merchant and how near it is to them.

use serde::{Deserialize, Serialize};

use super::COUNT_MAX;

/// What happens at a cap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CapAction {
    /// Cheaper models and shorter answers, then the free local model.
    Degrade,
    /// Refuse until top-up, upgrade or the next window.
    Suspend,
}

/// When a merchant pays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BillingMode {
    /// After the month.
    #[default]
    Postpaid,
    /// Before it calls: its balance bounds every call beside the caps.
    Prepaid,
}

/// Caps, each in `0..=COUNT_MAX`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Caps {
    /// Requests a day.
    pub day_requests: i64,
    /// Tokens a month.
    pub month_tokens: i64,
    /// Nano-US-dollars a month.
    pub month_cost_nano: i64,
    /// Calls at once.
    pub concurrency: i64,
}

/// A plan as quota enforces it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// Plan.
    pub plan_id: String,
    /// Version of the plan.
    pub plan_version: i64,
    /// Caps.
    pub caps: Caps,
    /// What happens at a cap.
    pub on_cap: CapAction,
    /// Percentages of a cap that raise an alert, ascending.
    pub alert_percents: Vec<i32>,
    /// When the merchant pays.
    #[serde(default)]
    pub billing_mode: BillingMode,
}

/// A policy with the zone of its windows, as accounts or an operator states it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// Policy.
    pub policy: Policy,
    /// IANA zone.
    pub time_zone: String,
}

/// A cap that cannot be enforced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{field} must be between 0 and {COUNT_MAX}")]
pub struct CapOutOfRange {
    /// Field of the plan.
    pub field: &'static str,
}

impl Caps {
    /// Checks every cap and returns all that are out of range.
    pub fn check(&self) -> Vec<CapOutOfRange> {
        let caps = [
            ("day_request_cap", self.day_requests),
            ("month_token_cap", self.month_tokens),
            ("month_cost_nano_usd_cap", self.month_cost_nano),
            ("concurrent_request_cap", self.concurrency),
        ];
        let outside = caps.into_iter().filter(|(_, cap)| !(0..=COUNT_MAX).contains(cap));
        outside.map(|(field, _)| CapOutOfRange { field }).collect()
    }
}

/// How near its caps a merchant is; only posted usage counts, so that a burst of holds is no reason to degrade.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Posture {
    /// Far.
    Normal,
    /// 90 % of the money or of the tokens is used: prefer cheaper.
    NearCap,
    /// 95 % of the money is used and the plan degrades: only cheaper models.
    DegradeModel,
    /// 95 % of the tokens are used and the plan degrades: shorter answers.
    DegradeShorter,
    /// A cap is used up: nothing paid, and the free local path only if the plan degrades.
    Suspended,
}

/// Percentage of a cap from which a merchant is near it.
pub const NEAR_CAP_PERCENT: i64 = 90;
/// Percentage of a cap from which a plan that degrades does so.
pub const DEGRADE_PERCENT: i64 = 95;

/// Used part of a cap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Used {
    /// Posted usage.
    pub posted: i64,
    /// Cap in force.
    pub cap: i64,
}

impl Used {
    fn reaches(self, percent: i64) -> bool {
        i128::from(self.posted) * 100 >= i128::from(self.cap) * i128::from(percent)
    }
}

impl Posture {
    /// The posture for these used parts, with the balance of a merchant that pays ahead. A spent balance suspends nobody: gateways
    /// remember a posture for a while, and a payment serves at once. Until then each call is refused by its reservation, which says why.
    pub fn of(requests: Used, tokens: Used, cost: Used, balance: Option<Used>, on_cap: CapAction) -> Self {
        let degrades = on_cap == CapAction::Degrade;
        let money_reaches =
            |percent| cost.reaches(percent) || balance.is_some_and(|balance| balance.reaches(percent));
        if requests.reaches(100) || tokens.reaches(100) || cost.reaches(100) {
            Self::Suspended
        } else if degrades && money_reaches(DEGRADE_PERCENT) {
            Self::DegradeModel
        } else if degrades && tokens.reaches(DEGRADE_PERCENT) {
            Self::DegradeShorter
        } else if money_reaches(NEAR_CAP_PERCENT) || tokens.reaches(NEAR_CAP_PERCENT) {
            Self::NearCap
        } else {
            Self::Normal
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn posture(tokens: i64, cost: i64, on_cap: CapAction) -> Posture {
        let of_hundred = |posted| Used { posted, cap: 100 };
        Posture::of(of_hundred(0), of_hundred(tokens), of_hundred(cost), None, on_cap)
    }

    #[test]
    fn money_then_tokens_decide_by_plan() {
        assert_eq!(posture(89, 89, CapAction::Degrade), Posture::Normal);
        assert_eq!(posture(0, 90, CapAction::Degrade), Posture::NearCap);
        assert_eq!(posture(90, 0, CapAction::Suspend), Posture::NearCap);
        assert_eq!(posture(99, 95, CapAction::Degrade), Posture::DegradeModel);
        assert_eq!(posture(95, 94, CapAction::Degrade), Posture::DegradeShorter);
        assert_eq!(posture(99, 99, CapAction::Suspend), Posture::NearCap);
        assert_eq!(posture(100, 0, CapAction::Degrade), Posture::Suspended);
        assert_eq!(posture(0, 100, CapAction::Suspend), Posture::Suspended);
    }

    #[test]
    fn of_the_month_and_the_balance_the_scarcer_one_counts_and_a_spent_balance_suspends_nobody() {
        let of_hundred = |posted| Used { posted, cap: 100 };
        let posture = |month, balance, on_cap| {
            Posture::of(of_hundred(0), of_hundred(0), of_hundred(month), Some(of_hundred(balance)), on_cap)
        };
        assert_eq!(posture(0, 90, CapAction::Suspend), Posture::NearCap);
        assert_eq!(posture(90, 95, CapAction::Degrade), Posture::DegradeModel);
        assert_eq!(posture(0, 100, CapAction::Degrade), Posture::DegradeModel);
        assert_eq!(posture(0, 100, CapAction::Suspend), Posture::NearCap);
        assert_eq!(posture(100, 0, CapAction::Degrade), Posture::Suspended);
    }

    #[test]
    fn a_cap_of_nothing_is_used_up() {
        let nothing = Used { posted: 0, cap: 0 };
        let far = Used { posted: 0, cap: COUNT_MAX };
        assert_eq!(Posture::of(nothing, far, far, None, CapAction::Suspend), Posture::Suspended);
    }

    #[test]
    fn caps_beyond_exact_doubles_are_refused_all_at_once() {
        let caps = Caps {
            day_requests: -1,
            month_tokens: COUNT_MAX,
            month_cost_nano: COUNT_MAX + 1,
            concurrency: 0,
        };
        let fields: Vec<_> = caps.check().into_iter().map(|wrong| wrong.field).collect();
        assert_eq!(fields, ["day_request_cap", "month_cost_nano_usd_cap"]);
    }
}
