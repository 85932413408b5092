//! Windows, policies and the clock.

use super::*;

#[test]
fn a_call_over_midnight_belongs_to_the_day_and_month_of_its_admission() {
    let mut bench = Bench::new(caps(1, 1_000, 10_000, 9), CapAction::Suspend);
    bench.now = at("2026-11-30T20:59:59.900Z");
    let ticket = bench.reserve(usual(1)).unwrap().ticket.unwrap();
    assert_eq!((ticket.day.to_string(), ticket.month.to_string()), ("d20261130".into(), "M202611".into()));
    assert_eq!(bench.over(usual(2)).retry_after_ms, Some(100));
    bench.advance(100);
    bench.reserve(usual(2)).unwrap();
    assert_eq!(bench.numbers(), [(0, 1), (0, 150), (0, 2_500), (0, 2)]);
    bench.advance(20_000);
    bench.settle(settle_of(1, 140, 2_000)).unwrap();
    assert_eq!(bench.numbers(), [(0, 1), (0, 150), (0, 2_500), (0, 1)]);
    let kept = bench.state.snapshot().counters;
    let november = kept.iter().find(|counter| counter.id.to_string() == "M202611").unwrap();
    assert_eq!((november.posted.tokens, november.posted.cost_nano), (140, 2_000));
}

#[test]
fn windows_of_the_past_are_kept_while_they_have_holds() {
    let mut bench = roomy();
    let long = Reserve { ttl_ms: LIFE_MAX_MS, ..usual(1) };
    bench.reserve(long).unwrap();
    bench.settle(settle_of(1, 10, 10)).unwrap();
    for (number, month) in (2..).zip(["2026-12", "2027-01", "2027-02", "2027-03"]) {
        bench.now = at(&format!("{month}-10T00:00:00Z"));
        bench.reserve(usual(number)).unwrap();
        bench.settle(settle_of(number, 10, 10)).unwrap();
    }
    let months: Vec<_> =
        bench.state.snapshot().counters.iter().map(|counter| counter.id.to_string()).collect();
    assert!(!months.contains(&"M202611".into()) && months.contains(&"M202703".into()), "{months:?}");
}

#[test]
fn retry_after_is_exact_for_windows_and_for_holds_in_the_way() {
    let mut bench = Bench::new(caps(9, 200, 10_000, 9), CapAction::Suspend);
    bench.reserve(usual(1)).unwrap();
    bench.advance(1_000);
    let over = bench.over(usual(2));
    assert_eq!((over.dimension, over.retry_after_ms), (Dimension::MonthTokens, Some(TTL_DEFAULT_MS - 1_000)));
    bench.settle(settle_of(1, 150, 1)).unwrap();
    let over = bench.over(usual(2));
    let end_of_month = at("2026-11-30T21:00:00Z");
    assert_eq!(over.retry_after_ms, Some(end_of_month.millis_since(bench.now)));
    bench.now = end_of_month.plus_millis(-1);
    bench.over(usual(2));
    bench.now = end_of_month;
    bench.reserve(usual(2)).unwrap();
}

#[test]
fn a_raised_cap_counts_at_once_and_refused_calls_were_never_charged() {
    let mut bench = Bench::new(caps(1, 1_000, 10_000, 9), CapAction::Suspend);
    bench.reserve(usual(1)).unwrap();
    bench.over(usual(2));
    let put = |requests, origin| PutPolicy {
        profile: profile(caps(requests, 1_000, 10_000, 9), CapAction::Suspend),
        origin,
    };
    let raised = bench.run(&Command::PutPolicy(put(2, Origin::Operator))).unwrap();
    assert_eq!(bench.run(&Command::PutPolicy(put(2, Origin::Operator))), Ok(raised));
    bench.reserve(usual(2)).unwrap();
    bench.over(usual(3));
    bench.run(&Command::PutPolicy(put(1, Origin::Operator))).unwrap();
    assert_eq!(bench.numbers()[0], (0, 2));
}

#[test]
fn accounts_does_not_undo_an_operator_until_it_says_something_new() {
    let mut bench = Bench::new(caps(1, 1_000, 10_000, 9), CapAction::Suspend);
    let put = |requests, origin| {
        Command::PutPolicy(PutPolicy {
            profile: profile(caps(requests, 1_000, 10_000, 9), CapAction::Suspend),
            origin,
        })
    };
    let cap = |bench: &mut Bench| bench.state.usage(bench.now, &mut Vec::new()).unwrap().dimensions[0].cap;
    bench.run(&put(1, Origin::Accounts)).unwrap();
    bench.run(&put(5, Origin::Operator)).unwrap();
    bench.run(&put(1, Origin::Accounts)).unwrap();
    assert_eq!(cap(&mut bench), 5);
    bench.run(&put(3, Origin::Accounts)).unwrap();
    assert_eq!(cap(&mut bench), 3);
    let mut unseen = Bench::new(caps(1, 1_000, 10_000, 9), CapAction::Suspend);
    unseen.run(&put(5, Origin::Operator)).unwrap();
    unseen.run(&put(1, Origin::Accounts)).unwrap();
    assert_eq!(cap(&mut unseen), 5);
}

#[test]
fn a_zone_changes_with_the_next_month() {
    let mut bench = roomy();
    let moved = Profile {
        time_zone: "America/Los_Angeles".into(),
        ..profile(caps(9, 1_000, 10_000, 9), CapAction::Suspend)
    };
    bench.run(&Command::PutPolicy(PutPolicy { profile: moved, origin: Origin::Operator })).unwrap();
    let day_end = |bench: &mut Bench| {
        bench.state.usage(bench.now, &mut Vec::new()).unwrap().dimensions[0].window.unwrap().end
    };
    assert_eq!(day_end(&mut bench), at("2026-11-20T21:00:00Z"));
    bench.now = at("2026-12-05T12:00:00Z");
    assert_eq!(day_end(&mut bench), at("2026-12-06T08:00:00Z"));
    let unknown =
        Profile { time_zone: "Asia/Atlantis".into(), ..profile(caps(9, 9, 9, 9), CapAction::Suspend) };
    let put = Command::PutPolicy(PutPolicy { profile: unknown, origin: Origin::Operator });
    assert!(matches!(bench.run(&put), Err(Refusal::Calendar(_))));
}

#[test]
fn a_top_up_adds_to_this_month_once() {
    let mut bench = Bench::new(caps(9, 100, 10_000, 9), CapAction::Suspend);
    bench.over(usual(1));
    let top_up = |op_id: &str, tokens| TopUp { op_id: op_id.into(), tokens, cost_nano: 0 };
    let version = bench.run(&Command::TopUp(top_up("a", 100))).unwrap();
    assert_eq!(bench.run(&Command::TopUp(top_up("a", 100))), Ok(version));
    assert_eq!(bench.run(&Command::TopUp(top_up("a", 101))), Err(Refusal::TopUpReused));
    let cap = |bench: &mut Bench| bench.state.usage(bench.now, &mut Vec::new()).unwrap().dimensions[1].cap;
    assert_eq!(cap(&mut bench), 200);
    bench.reserve(usual(1)).unwrap();
    assert_eq!(bench.run(&Command::TopUp(top_up("b", COUNT_MAX - 199))), Err(Refusal::CapTooLarge));
    assert_eq!(bench.run(&Command::TopUp(top_up("c", i64::MAX))), Err(Refusal::CapTooLarge));
    bench.now = at("2026-11-30T21:00:00Z");
    assert_eq!(cap(&mut bench), 100);
}

#[test]
fn a_clock_that_goes_back_a_little_stands_still_and_one_that_jumps_strands_no_hold() {
    let mut bench = roomy();
    let noon = bench.now;
    bench.advance(-5_000);
    assert_eq!(bench.reserve(usual(1)).unwrap().ticket.unwrap().admitted_at, noon);
    bench.now = noon.plus_millis(24 * 3_600_000);
    let tomorrow = bench.reserve(usual(2)).unwrap().ticket;
    assert_eq!(bench.numbers(), [(0, 1), (100, 150), (1_000, 2_500), (0, 1)]);
    bench.now = noon.plus_millis(1_000);
    assert_eq!(bench.numbers(), [(1, 0), (100, 150), (1_000, 2_500), (0, 1)]);
    // A call is admitted once: its instant and its windows stay what they were.
    assert_eq!(bench.reserve(usual(2)).unwrap().ticket, tomorrow);
    bench.advance(TTL_DEFAULT_MS);
    assert_eq!(bench.numbers()[3], (0, 0));
}

#[test]
fn a_state_reads_back_as_it_was() {
    let mut bench = roomy();
    bench.reserve(usual(1)).unwrap();
    bench.reserve(usual(2)).unwrap();
    bench.settle(settle_of(2, 10, 10)).unwrap();
    bench.run(&Command::TopUp(TopUp { op_id: "a".into(), tokens: 5, cost_nano: 6 })).unwrap();
    let snapshot = bench.state.snapshot();
    let restored = MerchantState::restore(snapshot.clone(), 1, Limits::default(), bench.now).unwrap();
    assert_eq!(restored.snapshot(), snapshot);
    let mut damaged = snapshot;
    damaged.counters[0].posted.requests = -1;
    assert!(MerchantState::restore(damaged, 1, Limits::default(), bench.now).is_err());
}
