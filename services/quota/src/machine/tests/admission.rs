//! Which calls are admitted, in what measure, and how the merchant stands.

use kaleem_domain::TOKENS_PER_CALL_MAX;

use super::*;

#[test]
fn a_ticket_names_the_charge() {
    let mut bench = roomy();
    let ticket = bench.reserve(usual(7)).unwrap().ticket.unwrap();
    assert_eq!(ticket.event_id(), "202611/01930000-0000-7000-8000-000000000007/0");
    assert_eq!((ticket.day.to_string().as_str(), ticket.admitted_at), ("d20261120", bench.now));
}

#[test]
fn each_dimension_refuses_beyond_its_cap_and_changes_nothing() {
    let cases = [
        (caps(1, 1_000, 10_000, 9), Dimension::DayRequests),
        (caps(9, 299, 10_000, 9), Dimension::MonthTokens),
        (caps(9, 1_000, 4_999, 9), Dimension::MonthCost),
        (caps(9, 1_000, 10_000, 1), Dimension::Concurrency),
    ];
    for (caps, dimension) in cases {
        let mut bench = Bench::new(caps, CapAction::Suspend);
        bench.reserve(usual(1)).unwrap();
        let before = bench.numbers();
        let over = bench.over(usual(2));
        assert_eq!((over.dimension, over.posted), (dimension, 0));
        assert_eq!(bench.numbers(), before);
    }
}

#[test]
fn the_first_candidate_that_fits_in_every_dimension_holds() {
    let mut bench = Bench::new(caps(9, 1_000, 2_000, 9), CapAction::Degrade);
    let ladder = vec![
        candidate(100, 50, 10_000, 30_000),
        candidate(900, 200, 0, 0),
        candidate(100, 50, 5_000, 10_000),
        candidate(1, 1, 0, 0),
    ];
    let reserved = bench.reserve(reserve_of(1, Mode::Normal, ladder)).unwrap();
    assert_eq!((reserved.decision, reserved.candidate_index), (Decision::DegradeModel, 2));
    assert_eq!(bench.numbers()[2], (0, 1_000));
}

#[test]
fn shrinking_grants_what_tokens_and_money_leave() {
    let by_tokens = caps(9, 120, 1_000_000, 9);
    let by_money = caps(9, 10_000, 1_600, 9);
    for (caps, granted) in [(by_tokens, 20), (by_money, 20)] {
        let mut bench = Bench::new(caps, CapAction::Degrade);
        assert!(bench.reserve(usual(1)).is_err());
        let shrink = reserve_of(2, Mode::Shrink, vec![candidate(100, 50, 10_000, 30_000)]);
        let reserved = bench.reserve(shrink).unwrap();
        assert_eq!((reserved.decision, reserved.granted_output), (Decision::DegradeShorter, granted));
    }
}

#[test]
fn shrinking_stops_at_what_is_useful_and_prefers_a_whole_candidate() {
    let mut bench = Bench::new(caps(9, 120, 1_000_000, 9), CapAction::Degrade);
    let mut picky = candidate(100, 50, 10_000, 30_000);
    picky.min_output_tokens = 21;
    assert_eq!(
        bench.over(reserve_of(1, Mode::Shrink, vec![picky.clone()])).dimension,
        Dimension::MonthTokens
    );
    let whole = candidate(60, 60, 0, 0);
    let reserved =
        bench.reserve(reserve_of(2, Mode::Shrink, vec![candidate(100, 50, 10_000, 30_000), whole])).unwrap();
    assert_eq!((reserved.decision, reserved.candidate_index), (Decision::DegradeModel, 1));
}

#[test]
fn the_fee_of_a_call_is_held_with_its_tokens() {
    let dime = |input_pico, output_pico| Candidate {
        request_pico: 100_000_000_000,
        ..candidate(100, 50, input_pico, output_pico)
    };
    let mut bench = Bench::new(caps(99, 99_999, 5_000_000_000, 99), CapAction::Degrade);
    let race =
        (1..=64).filter(|call| bench.reserve(reserve_of(*call, Mode::Shrink, vec![dime(0, 0)])).is_ok());
    assert_eq!(race.count(), 50, "fifty dimes are five dollars");
    assert_eq!(bench.numbers()[2], (0, 5_000_000_000));
    for mode in [Mode::Normal, Mode::CheckOnly] {
        assert_eq!(bench.over(reserve_of(99, mode, vec![dime(0, 0)])).dimension, Dimension::MonthCost);
    }
    bench.advance(TTL_DEFAULT_MS);
    bench.run(&Command::Expire(64)).unwrap();
    assert_eq!(
        bench.numbers()[2],
        (5_000_000_000, 0),
        "nobody says what the calls used, so each owes its fee"
    );

    let mut bench = Bench::new(caps(9, 10_000, 100_001_600, 9), CapAction::Degrade);
    let reserved = bench.reserve(reserve_of(1, Mode::Shrink, vec![dime(10_000, 30_000)])).unwrap();
    assert_eq!((reserved.decision, reserved.granted_output), (Decision::DegradeShorter, 20));
    let cheaper = vec![candidate(100, 50, 10_000, 0)];
    bench
        .run(&Command::Adjust(Adjust { key: key(1), candidates: cheaper, fingerprint: Fingerprint(5, 5) }))
        .unwrap();
    assert_eq!(bench.numbers()[2], (0, 1_000), "another candidate has another fee");
}

#[test]
fn a_hold_of_a_build_that_knew_no_fees_is_read() {
    let mut bench = roomy();
    bench.reserve(usual(1)).unwrap();
    let hold = bench.state.holds[&key(1)].clone();
    let mut body = serde_json::to_value(&hold).unwrap();
    assert_eq!(body.as_object_mut().unwrap().remove("request_pico"), Some(0.into()));
    assert_eq!(serde_json::from_value::<Hold>(body).unwrap(), hold);
}

#[test]
fn check_only_says_and_holds_nothing() {
    let mut bench = Bench::new(caps(9, 120, 1_000_000, 9), CapAction::Degrade);
    let check = reserve_of(1, Mode::CheckOnly, vec![candidate(100, 50, 10_000, 30_000)]);
    let checked = bench.reserve(check.clone()).unwrap();
    assert_eq!((checked.decision, checked.ticket.is_none()), (Decision::DegradeShorter, true));
    assert_eq!(bench.numbers(), [(0, 0); 4]);
    assert_eq!(bench.reserve(check).unwrap(), checked);
}

#[test]
fn the_free_model_stays_when_money_is_spent_only_if_the_plan_degrades() {
    let ladder = || vec![candidate(100, 50, 10_000, 30_000), candidate(100, 50, 0, 0)];
    let mut degrades = Bench::new(caps(9, 10_000, 2_000, 9), CapAction::Degrade);
    assert_eq!(degrades.reserve(reserve_of(1, Mode::Normal, ladder())).unwrap().candidate_index, 1);
    let mut suspends = Bench::new(caps(9, 10_000, 2_000, 9), CapAction::Suspend);
    assert_eq!(suspends.over(reserve_of(1, Mode::Normal, ladder())).dimension, Dimension::MonthCost);
    suspends.reserve(reserve_of(2, Mode::Normal, vec![candidate(100, 50, 0, 0)])).unwrap();
    suspends.settle(settle_of(2, 10, 2_000)).unwrap();
    assert_eq!(
        suspends.over(reserve_of(3, Mode::Normal, vec![candidate(1, 1, 0, 0)])).dimension,
        Dimension::MonthCost
    );
    assert_eq!(suspends.posture(), Posture::Suspended);
}

#[test]
fn a_repeated_reserve_gets_the_same_hold_and_a_reuse_is_refused() {
    let mut bench = roomy();
    let first = bench.reserve(usual(1)).unwrap();
    assert_eq!(bench.reserve(usual(1)).unwrap(), first);
    let other = Reserve { fingerprint: Fingerprint(9, 9), ..usual(1) };
    assert_eq!(bench.reserve(other), Err(Refusal::Reused { ended: None }));
    assert_eq!(bench.numbers()[0], (0, 1));
    bench.settle(settle_of(1, 1, 1)).unwrap();
    assert_eq!(bench.reserve(usual(1)), Err(Refusal::Reused { ended: Some(Ending::Settled) }));
    let next_attempt = Reserve { key: Key { attempt: 1, ..key(1) }, ..usual(1) };
    assert!(bench.reserve(next_attempt).is_ok());
}

#[test]
fn an_adjust_swaps_the_hold_or_leaves_it() {
    let mut bench = Bench::new(caps(9, 200, 10_000, 1), CapAction::Suspend);
    bench.reserve(usual(1)).unwrap();
    let too_large =
        Adjust { key: key(1), candidates: vec![candidate(150, 51, 0, 0)], fingerprint: Fingerprint(5, 5) };
    assert!(matches!(bench.run(&Command::Adjust(too_large)), Err(Refusal::OverCap(_))));
    assert_eq!(bench.numbers()[1], (0, 150));
    let fits =
        Adjust { key: key(1), candidates: vec![candidate(150, 50, 0, 0)], fingerprint: Fingerprint(6, 6) };
    let adjusted = bench.run(&Command::Adjust(fits.clone())).unwrap();
    assert_eq!(bench.run(&Command::Adjust(fits)), Ok(adjusted));
    assert_eq!(bench.numbers(), [(0, 1), (0, 200), (0, 0), (0, 1)]);
    bench.settle(settle_of(1, 1, 0)).unwrap();
    let gone =
        Adjust { key: key(1), candidates: vec![candidate(1, 1, 0, 0)], fingerprint: Fingerprint(7, 7) };
    assert_eq!(bench.run(&Command::Adjust(gone)), Err(Refusal::Conflict(Ending::Settled)));
}

#[test]
fn posture_follows_what_is_posted_and_not_what_is_held() {
    let mut bench = Bench::new(caps(9, 1_000_000, 10_000, 9), CapAction::Degrade);
    bench.reserve(reserve_of(1, Mode::Normal, vec![candidate(1, 1, 0, 9_999_000)])).unwrap();
    assert_eq!(bench.posture(), Posture::Normal);
    bench.settle(settle_of(1, 2, 9_000)).unwrap();
    assert_eq!(bench.posture(), Posture::NearCap);
    bench.reserve(reserve_of(2, Mode::Normal, vec![candidate(1, 1, 0, 1_000)])).unwrap();
    bench.settle(settle_of(2, 2, 500)).unwrap();
    assert_eq!(bench.posture(), Posture::DegradeModel);
}

#[test]
fn amounts_that_overflow_fit_no_cap() {
    let mut bench = Bench::new(caps(9, COUNT_MAX, COUNT_MAX, 9), CapAction::Suspend);
    let huge = candidate(TOKENS_PER_CALL_MAX, TOKENS_PER_CALL_MAX, COUNT_MAX, COUNT_MAX);
    let over = bench.over(reserve_of(1, Mode::Shrink, vec![huge]));
    assert_eq!((over.dimension, over.needed), (Dimension::MonthCost, i64::MAX));
}

#[test]
fn golden_costs_are_rounded_up_to_nano() {
    for (input, output, nano) in
        [(300, 150, 67_500), (800, 400, 180_000), (2_000, 1_000, 450_000), (1, 0, 75)]
    {
        assert_eq!(candidate(input, output, 75_000, 300_000).amount(output).cost_nano, nano);
    }
    assert_eq!(candidate(1, 0, 37_500, 0).amount(0).cost_nano, 38);
}
