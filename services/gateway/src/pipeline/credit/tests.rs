use proptest::prelude::*;

use super::*;

const NOW: Timestamp = Timestamp::from_millis(1_795_170_000_000);
const MINUTE_MS: i64 = 60_000;

fn plan() -> Plan {
    Plan {
        day_request_cap: 1_000,
        month_token_cap: 10_000_000,
        month_cost_nano_usd_cap: 20_000_000_000,
        ..Plan::default()
    }
}

/// Half of every cap is left.
fn remaining() -> Remaining {
    Remaining {
        day_request_count: 500,
        month_token_count: 5_000_000,
        month_cost_nano_usd: 10_000_000_000,
        day_reset_time: Some(convert::timestamp(NOW.plus_millis(60 * MINUTE_MS))),
        month_reset_time: Some(convert::timestamp(NOW.plus_millis(600 * MINUTE_MS))),
        balance_nano_usd: None,
    }
}

fn held(remaining: Remaining, posture: QuotaPosture) -> ReserveResponse {
    let reservation = Reservation {
        day_window_id: "d20261120".into(),
        month_window_id: "M202611".into(),
        epoch: 7,
        ..Reservation::default()
    };
    ReserveResponse {
        reservation: Some(reservation),
        remaining: Some(remaining),
        posture: posture.into(),
        ..ReserveResponse::default()
    }
}

fn heard(limits: Credit, remaining: Remaining) -> Standings {
    let standings = Standings::new(limits);
    standings.heard("ward", &held(remaining, QuotaPosture::Normal), NOW);
    standings
}

/// $0.10 at most: 1,000 tokens in and 1,000 out, each at $0.00005.
fn candidate(model: &str) -> Candidate {
    Candidate {
        model: model.into(),
        price_version: format!("{model}@2026-01-01"),
        quota_domain: "project-1".into(),
        input_token_count: 1_000,
        max_output_token_count: 1_000,
        min_output_token_count: 16,
        input_pico_usd_per_token: 50_000_000,
        output_pico_usd_per_token: 50_000_000,
        ..Candidate::default()
    }
}

fn free() -> Candidate {
    Candidate { input_pico_usd_per_token: 0, output_pico_usd_per_token: 0, ..candidate("local") }
}

fn request(id: &str, candidates: Vec<Candidate>) -> ReserveRequest {
    ReserveRequest {
        merchant_id: "ward".into(),
        request_id: id.into(),
        attempt: 1,
        candidates,
        ..ReserveRequest::default()
    }
}

fn lend(standings: &Standings, id: &str, now: Timestamp) -> Option<ReserveResponse> {
    standings.lend(&request(id, vec![candidate("lite")]), &plan(), now)
}

/// How many calls of $0.10 are lent.
fn calls(standings: &Standings) -> usize {
    (0..200).filter(|id| lend(standings, &id.to_string(), NOW).is_some()).count()
}

#[test]
fn a_call_on_credit_has_the_reservation_that_quota_would_have_made() {
    let lent = lend(&heard(Credit::default(), remaining()), "r", NOW.plus_millis(5)).unwrap();
    assert_eq!((lent.decision(), lent.granted_output_token_count), (Decision::Allow, 1_000));
    let expected = Reservation {
        request_id: "r".into(),
        attempt: 1,
        merchant_id: "ward".into(),
        admit_time: Some(convert::timestamp(NOW.plus_millis(5))),
        day_window_id: "d20261120".into(),
        month_window_id: "M202611".into(),
        event_id: "202611/r/1".into(),
        price_version: "lite@2026-01-01".into(),
        epoch: 7,
        quota_domain: "project-1".into(),
    };
    assert_eq!(lent.reservation, Some(expected));
}

#[test]
fn the_least_of_the_bounds_on_money_counts() {
    let cost = |cost_nano_usd_max| Credit { cost_nano_usd_max, ..Credit::default() };
    assert_eq!(calls(&heard(cost(500_000_000), remaining())), 2, "a hundredth of the cap is $0.20");
    assert_eq!(calls(&heard(cost(100_000_000), remaining())), 1, "what the operator allows");
    let left = Remaining { month_cost_nano_usd: 1_200_000_000, ..remaining() };
    assert_eq!(
        calls(&heard(Credit { gateways: 10, ..cost(500_000_000) }, left)),
        1,
        "this gateway's share is $0.12"
    );
    let balance = Remaining { balance_nano_usd: Some(400_000_000), ..remaining() };
    assert_eq!(calls(&heard(cost(500_000_000), balance)), 1, "a fourth of what was paid ahead");
}

#[test]
fn calls_and_tokens_are_bounded_too() {
    let free = |id: u32| request(&id.to_string(), vec![free()]);
    let count = |standings: &Standings| {
        (0..200).filter(|id| standings.lend(&free(*id), &plan(), NOW).is_some()).count()
    };
    assert_eq!(count(&heard(Credit::default(), remaining())), 100);
    assert_eq!(
        count(&heard(Credit { gateways: 50, ..Credit::default() }, remaining())),
        10,
        "a share of the day"
    );
    // 15,000 tokens for each gateway: seven calls of 2,000, and the question alone of another.
    let few = Remaining { month_token_count: 600_000, ..remaining() };
    assert_eq!(count(&heard(Credit { gateways: 40, ..Credit::default() }, few)), 7, "a share of the tokens");
    assert_eq!(
        count(&heard(Credit { requests_max: 0, ..Credit::default() }, remaining())),
        0,
        "switched off"
    );
}

#[test]
fn the_first_candidate_that_fits_is_taken_and_its_answer_may_be_shorter() {
    let standings = heard(Credit { cost_nano_usd_max: 75_000_000, ..Credit::default() }, remaining());
    let dear = Candidate { input_pico_usd_per_token: 80_000_000, ..candidate("pro") };
    let lent = standings.lend(&request("a", vec![dear.clone(), candidate("lite")]), &plan(), NOW).unwrap();
    assert_eq!((lent.candidate_index, lent.decision()), (1, Decision::DegradeModel));
    assert_eq!(lent.granted_output_token_count, 500, "$0.05 in and $0.025 out");
    let unpriced = Candidate {
        price_version: String::new(),
        input_pico_usd_per_token: 0,
        output_pico_usd_per_token: 0,
        ..dear
    };
    assert!(
        standings.lend(&request("b", vec![unpriced.clone()]), &plan(), NOW).is_none(),
        "never a call without a price"
    );
    let free = Candidate { price_version: "local@1".into(), ..unpriced };
    let lent = standings.lend(&request("c", vec![candidate("lite"), free]), &plan(), NOW).unwrap();
    assert_eq!(lent.candidate_index, 1, "the credit is spent, and the free model is left");
}

#[test]
fn the_fee_of_a_call_is_lent_too() {
    let standings = heard(Credit { cost_nano_usd_max: 75_000_000, ..Credit::default() }, remaining());
    let lend = |id, candidate| standings.lend(&request(id, vec![candidate]), &plan(), NOW);
    let flat = |request_pico_usd| Candidate { request_pico_usd, ..free() };
    assert!(lend("a", flat(75_000_000_001)).is_none(), "more than the credit");
    let with_tokens = Candidate { request_pico_usd: 10_000_000_000, ..candidate("lite") };
    assert_eq!(
        lend("b", with_tokens).unwrap().granted_output_token_count,
        300,
        "$0.01, $0.05 in and $0.015 out"
    );
    assert!(lend("c", flat(1)).is_none(), "the credit is spent");
    assert!(lend("d", free()).is_some());
}

#[test]
fn nothing_is_lent_on_what_is_old_or_little_or_of_another_window() {
    let standings = heard(Credit::default(), remaining());
    assert!(lend(&standings, "a", NOW.plus_millis(5 * MINUTE_MS)).is_some());
    assert!(lend(&standings, "b", NOW.plus_millis(5 * MINUTE_MS + 1)).is_none(), "too old");
    assert!(lend(&standings, "c", NOW.plus_millis(-1)).is_none(), "the clock went back");
    assert!(lend(&Standings::new(Credit::default()), "d", NOW).is_none(), "never heard of");

    let ends = |day: i64| Remaining {
        day_reset_time: Some(convert::timestamp(NOW.plus_millis(day))),
        ..remaining()
    };
    assert!(lend(&heard(Credit::default(), ends(1)), "e", NOW).is_some());
    assert!(lend(&heard(Credit::default(), ends(1)), "f", NOW.plus_millis(1)).is_none(), "a new day");

    let little = [
        Remaining { day_request_count: 50, ..remaining() },
        Remaining { month_token_count: 500_000, ..remaining() },
        Remaining { month_cost_nano_usd: 1_000_000_000, ..remaining() },
    ];
    for little in little {
        let standings = heard(Credit::default(), little);
        assert!(lend(&standings, "g", NOW).is_none(), "95 % is used: {little:?}");
        let served = standings.lend(&request("h", vec![free()]), &plan(), NOW);
        assert!(served.is_some(), "what costs nothing is served");
    }
    let standings = Standings::new(Credit::default());
    standings.heard("ward", &held(remaining(), QuotaPosture::Suspended), NOW);
    assert!(lend(&standings, "h", NOW).is_none(), "suspended");
}

#[test]
fn an_attempt_is_lent_to_once() {
    let standings = heard(Credit::default(), remaining());
    assert!(lend(&standings, "a", NOW).is_some() && lend(&standings, "a", NOW).is_none());
    let again = ReserveRequest { attempt: 2, ..request("a", vec![candidate("lite")]) };
    assert!(standings.lend(&again, &plan(), NOW).is_some(), "another attempt of the same call");
}

#[test]
fn a_request_that_quota_admitted_is_not_served_again_under_its_name() {
    let standings = heard(Credit::default(), remaining());
    let reservation = Reservation { event_id: "202611/a/1".into(), ..Reservation::default() };
    standings.admitted(&ReserveResponse { reservation: Some(reservation), ..ReserveResponse::default() });
    assert!(lend(&standings, "a", NOW).is_none() && lend(&standings, "b", NOW).is_some());
}

#[test]
fn what_quota_refused_last_gets_no_credit() {
    let standings = heard(Credit::default(), remaining());
    standings.refused("ward");
    assert!(lend(&standings, "a", NOW).is_none());
    standings.heard("ward", &held(remaining(), QuotaPosture::Normal), NOW);
    assert!(lend(&standings, "a", NOW).is_some());
}

#[test]
fn who_pays_ahead_needs_a_balance() {
    let prepaid = Plan { billing_mode: BillingMode::Prepaid.into(), ..plan() };
    let asked = request("a", vec![candidate("lite")]);
    assert!(heard(Credit::default(), remaining()).lend(&asked, &prepaid, NOW).is_none());
    let paid = Remaining { balance_nano_usd: Some(4_000_000_000), ..remaining() };
    assert!(heard(Credit::default(), paid).lend(&asked, &prepaid, NOW).is_some());
}

#[test]
fn what_was_lent_comes_back_only_after_a_quiet_time() {
    let standings = heard(Credit::default(), remaining());
    assert!(lend(&standings, "a", NOW).is_some() && lend(&standings, "b", NOW).is_some());
    let quiet = NOW.plus_millis(5 * MINUTE_MS);
    for (at, lent) in [(NOW.plus_millis(MINUTE_MS), false), (quiet, false), (quiet.plus_millis(1), true)] {
        standings.heard("ward", &held(remaining(), QuotaPosture::Normal), at);
        assert_eq!(lend(&standings, "c", at).is_some(), lent);
    }
}

#[test]
fn a_posture_is_believed_for_half_a_minute() {
    let standings = heard(Credit::default(), remaining());
    let normal = Some(i32::from(QuotaPosture::Normal));
    assert_eq!(standings.posture("ward", NOW.plus_millis(30_000)), normal);
    assert_eq!(standings.posture("ward", NOW.plus_millis(30_001)), None);
    assert_eq!(standings.placed("ward", Some(3), NOW.plus_millis(40_000)), 3);
    assert_eq!(standings.placed("ward", None, NOW.plus_millis(50_000)), 3, "no answer is none");
    assert_eq!(standings.posture("ward", NOW.plus_millis(80_000)), Some(3));
    assert_eq!(standings.placed("rose", None, NOW), 0);
    assert_eq!(standings.posture("hulm", NOW), None);
}

proptest! {
    /// However calls and words of quota alternate within an outage, no more is lent than one credit on the most that quota said.
    #[test]
    fn never_more_than_the_credit(
        steps in prop::collection::vec((0_i64..20_000, 0_i64..4_000, 0_i64..2_000_000_000, any::<bool>()), 1..300),
    ) {
        let standings = heard(Credit::default(), remaining());
        let (mut cost, mut requests, mut now) = (0, 0, NOW);
        for (number, (input, output, price, says)) in steps.into_iter().enumerate() {
            // Calls at once do not come in the order of their times.
            now = now.plus_millis(if number % 3 == 2 { -400 } else { 500 });
            if says {
                standings.heard("ward", &held(remaining(), QuotaPosture::Normal), now);
            }
            let asked = Candidate {
                input_token_count: input,
                max_output_token_count: output,
                output_pico_usd_per_token: price,
                ..candidate("lite")
            };
            let Some(lent) = standings.lend(&request(&number.to_string(), vec![asked.clone()]), &plan(), now) else { continue };
            let granted = lent.granted_output_token_count;
            prop_assert!(granted >= asked.min_output_token_count && granted <= output);
            cost += cost_pico(&asked, granted);
            requests += 1;
        }
        prop_assert!(cost <= 200_000_000_000 && requests <= 100, "{cost} pico in {requests} calls");
    }
}
