//! Plans: the caps that a merchant pays for.

use crate::{Error, Violation, merchant::is_slug};

/// Largest cap: quota counters live in stores whose numbers are doubles.
pub const CAP_MAX: i64 = (1 << 53) - 1;
const ALERTS_MAX: usize = 16;

/// What happens at a cap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CapAction {
    /// Cheaper model and shorter answers, then the free local model.
    Degrade,
    /// Refuse until top-up, upgrade or the next window.
    Suspend,
}

/// When a merchant pays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BillingMode {
    /// After the month, what its statement says.
    Postpaid,
    /// Before it calls, which what is left of its payments bounds.
    Prepaid,
}

/// Caps of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Identity.
    pub id: String,
    /// From 1; made by the store.
    pub version: i64,
    /// Requests a day.
    pub day_request_cap: i64,
    /// Input and output tokens a month.
    pub month_token_cap: i64,
    /// Nano-US-dollars a month.
    pub month_cost_nano_usd_cap: i64,
    /// Requests at once.
    pub concurrent_request_cap: i64,
    /// What happens at a cap.
    pub on_cap: CapAction,
    /// Percentages that raise an alert, ascending.
    pub alert_percents: Vec<i32>,
    /// When the merchant pays.
    pub billing_mode: BillingMode,
}

impl Plan {
    /// Checks every rule and names each field that breaks one.
    pub fn check(&self) -> Result<(), Error> {
        let mut violations = Vec::new();
        if !is_slug(&self.id, 2) {
            violations.push(Violation::new("plan.plan_id", "2 to 40 lower-case letters, digits and dashes"));
        }
        let caps = [
            ("plan.day_request_cap", self.day_request_cap),
            ("plan.month_token_cap", self.month_token_cap),
            ("plan.month_cost_nano_usd_cap", self.month_cost_nano_usd_cap),
            ("plan.concurrent_request_cap", self.concurrent_request_cap),
        ];
        for (field, cap) in caps {
            if !(0..=CAP_MAX).contains(&cap) {
                violations.push(Violation::new(field, "0 to 2^53-1"));
            }
        }
        let in_range = self.alert_percents.iter().all(|percent| (1..=100).contains(percent));
        let ascending = self.alert_percents.is_sorted_by(|a, b| a < b);
        if !in_range || !ascending || self.alert_percents.len() > ALERTS_MAX {
            violations
                .push(Violation::new("plan.alert_percents", "at most 16 ascending numbers from 1 to 100"));
        }
        if violations.is_empty() { Ok(()) } else { Err(Error::RequestInvalid(violations)) }
    }

    /// Whether `other` has the same caps; the version does not count.
    pub fn same_terms(&self, other: &Self) -> bool {
        Self { version: 0, ..self.clone() } == Self { version: 0, ..other.clone() }
    }

    /// The plans of a new store. Their merchants pay afterwards: one that pays ahead is refused until it has paid, and what it may owe is
    /// bounded by the cost cap of a month.
    pub fn defaults() -> Vec<Self> {
        let plan = |id: &str, requests, million_tokens: i64, dollars: i64, concurrent, on_cap| Self {
            id: id.to_owned(),
            version: 1,
            day_request_cap: requests,
            month_token_cap: million_tokens * 1_000_000,
            month_cost_nano_usd_cap: dollars * 1_000_000_000,
            concurrent_request_cap: concurrent,
            on_cap,
            alert_percents: vec![60, 80, 90, 95],
            billing_mode: BillingMode::Postpaid,
        };
        vec![
            plan("starter", 2_000, 20, 10, 20, CapAction::Suspend),
            plan("growth", 5_000, 100, 50, 50, CapAction::Degrade),
            plan("scale", 10_000, 200, 200, 100, CapAction::Degrade),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_valid_and_grow() {
        let plans = Plan::defaults();
        for plan in &plans {
            plan.check().unwrap();
        }
        assert!(plans.is_sorted_by_key(|plan| plan.month_cost_nano_usd_cap));
        assert_eq!(plans[0].month_cost_nano_usd_cap, 10_000_000_000);
    }

    #[test]
    fn every_wrong_field_is_named_at_once() {
        let plan = Plan {
            id: "X".into(),
            day_request_cap: -1,
            month_token_cap: CAP_MAX + 1,
            alert_percents: vec![80, 60],
            ..Plan::defaults().remove(0)
        };
        let Err(Error::RequestInvalid(violations)) = plan.check() else { panic!("accepted") };
        let fields: Vec<_> = violations.iter().map(|violation| violation.field.as_str()).collect();
        assert_eq!(
            fields,
            ["plan.plan_id", "plan.day_request_cap", "plan.month_token_cap", "plan.alert_percents"]
        );
    }

    #[test]
    fn percentages_are_from_1_to_100_without_repeats() {
        let with =
            |percents: &[i32]| Plan { alert_percents: percents.to_vec(), ..Plan::defaults().remove(0) };
        for bad in [&[0, 50][..], &[50, 101], &[50, 50], &(1..=17).collect::<Vec<_>>()] {
            assert!(with(bad).check().is_err(), "{bad:?}");
        }
        assert!(with(&[]).check().is_ok());
        assert!(with(&[1, 100]).check().is_ok());
    }
}
