//! What is left of a merchant's quota, as answers show it.

use kaleem_domain::{Nano, Pico};
use kaleem_proto::{accounts::v1::Plan, gateway::v1::QuotaLeft, quota::v1::Remaining};

/// Remaining quota with the reset of the dimension that is nearest to its cap.
pub(super) fn quota_left(remaining: &Remaining, plan: &Plan) -> QuotaLeft {
    let parts = [
        (remaining.day_request_count, plan.day_request_cap, &remaining.day_reset_time),
        (remaining.month_token_count, plan.month_token_cap, &remaining.month_reset_time),
        (remaining.month_cost_nano_usd, plan.month_cost_nano_usd_cap, &remaining.month_reset_time),
    ];
    // Cross-multiplied, so that no share is a float.
    let tightest = parts.iter().min_by(|a, b| {
        let share = |left: i64, cap: i64| i128::from(left.max(0)) * i128::from(cap.max(1));
        share(a.0, b.1).cmp(&share(b.0, a.1))
    });
    // Who pays ahead may spend what is left of both.
    let money = remaining.balance_nano_usd.unwrap_or(i64::MAX).min(remaining.month_cost_nano_usd);
    QuotaLeft {
        day_request_count: remaining.day_request_count,
        month_token_count: remaining.month_token_count,
        month_cost_pico_usd: Pico::from(Nano(money)).to_i64().unwrap_or(i64::MAX),
        reset_time: tightest.and_then(|(_, _, reset)| **reset),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reset_is_that_of_the_tightest_dimension() {
        let at = |seconds| Some(prost_types::Timestamp { seconds, nanos: 0 });
        let plan = Plan {
            day_request_cap: 100,
            month_token_cap: 1_000,
            month_cost_nano_usd_cap: 10,
            ..Plan::default()
        };
        let remaining = Remaining {
            day_request_count: 50,
            month_token_count: 100,
            month_cost_nano_usd: 9,
            day_reset_time: at(1),
            month_reset_time: at(2),
            balance_nano_usd: None,
        };
        let left = quota_left(&remaining, &plan);
        assert_eq!((left.reset_time, left.month_cost_pico_usd), (at(2), 9_000));
        let paid_ahead = Remaining { balance_nano_usd: Some(4), ..remaining };
        assert_eq!(quota_left(&paid_ahead, &plan).month_cost_pico_usd, 4_000);
    }
}
