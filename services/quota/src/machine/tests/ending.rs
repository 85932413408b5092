//! How holds end, and that each is posted once.

use super::*;

#[test]
fn a_hold_is_held_then_posted_and_never_both() {
    let mut bench = roomy();
    let reserved = bench.reserve(usual(1)).unwrap();
    assert_eq!((reserved.decision, reserved.granted_output), (Decision::Allow, 50));
    assert_eq!(bench.numbers(), [(0, 1), (0, 150), (0, 2_500), (0, 1)]);
    assert_eq!(reserved.remaining.left, Amount { requests: 999, tokens: 999_850, cost_nano: 999_997_500 });
    let settled = bench.settle(settle_of(1, 120, 1_600)).unwrap();
    assert_eq!((settled.ending, settled.over_hold), (Ending::Settled, false));
    assert_eq!(bench.numbers(), [(1, 0), (120, 0), (1_600, 0), (0, 0)]);
}

#[test]
fn a_repeated_settle_gets_the_same_answer_and_other_figures_a_conflict() {
    let mut bench = roomy();
    bench.reserve(usual(1)).unwrap();
    let first = bench.settle(settle_of(1, 400, 9_000)).unwrap();
    assert!(first.over_hold);
    assert_eq!(bench.settle(settle_of(1, 400, 9_000)).unwrap(), first);
    assert_eq!(bench.settle(settle_of(1, 401, 9_000)), Err(Refusal::Conflict(Ending::Settled)));
    assert_eq!(bench.release(1), Err(Refusal::Conflict(Ending::Settled)));
    assert_eq!(bench.numbers()[1], (400, 0));
}

#[test]
fn a_release_gives_everything_back_once() {
    let mut bench = roomy();
    bench.reserve(usual(1)).unwrap();
    assert_eq!(bench.release(1), Ok(()));
    assert_eq!(bench.release(1), Ok(()));
    assert_eq!(bench.numbers(), [(0, 0); 4]);
    assert_eq!(bench.settle(settle_of(1, 1, 1)), Err(Refusal::Conflict(Ending::Released)));
    assert_eq!(bench.release(2), Err(Refusal::Unknown));
    assert_eq!(bench.settle(settle_of(2, 1, 1)), Err(Refusal::Unknown));
}

#[test]
fn expiry_charges_input_and_output_seen_and_a_late_settle_the_difference() {
    let mut bench = roomy();
    bench.reserve(usual(1)).unwrap();
    bench.advance(10_000);
    for observed_output in [20, 15] {
        assert_eq!(bench.run(&Command::Beat(Beat { key: key(1), observed_output })), Ok(Reply::Beaten(true)));
    }
    bench.advance(TTL_DEFAULT_MS - 1);
    assert_eq!(bench.run(&Command::Expire(8)), Ok(Reply::Expired(0)));
    bench.advance(1);
    assert_eq!(bench.run(&Command::Expire(8)), Ok(Reply::Expired(1)));
    assert_eq!(bench.numbers(), [(1, 0), (120, 0), (1_600, 0), (0, 0)]);
    assert_eq!(bench.run(&Command::Beat(Beat { key: key(1), observed_output: 0 })), Ok(Reply::Beaten(false)));
    let late = bench.settle(settle_of(1, 110, 1_300)).unwrap();
    assert_eq!(late.ending, Ending::LateSettled);
    assert_eq!(bench.numbers(), [(1, 0), (110, 0), (1_300, 0), (0, 0)]);
    assert_eq!(bench.settle(settle_of(1, 110, 1_300)).unwrap().ending, Ending::LateSettled);
    assert_eq!(bench.settle(settle_of(1, 111, 1_300)), Err(Refusal::Conflict(Ending::LateSettled)));
}

#[test]
fn a_release_after_expiry_takes_the_charge_back() {
    let mut bench = roomy();
    bench.reserve(usual(1)).unwrap();
    bench.advance(TTL_DEFAULT_MS);
    assert_eq!(bench.release(1), Ok(()));
    assert_eq!(bench.numbers(), [(0, 0); 4]);
    assert_eq!(bench.release(1), Ok(()));
}

#[test]
fn due_holds_expire_within_the_next_reserve() {
    let mut bench = Bench::new(caps(9, 10_000, 10_000, 1), CapAction::Suspend);
    bench.reserve(usual(1)).unwrap();
    assert_eq!(bench.over(usual(2)).retry_after_ms, Some(1_000));
    bench.advance(TTL_DEFAULT_MS);
    bench.reserve(usual(2)).unwrap();
    assert_eq!(bench.numbers()[0], (1, 1));
}

#[test]
fn heartbeats_cannot_prolong_a_hold_beyond_a_quarter_of_an_hour() {
    let mut bench = roomy();
    bench.reserve(usual(1)).unwrap();
    let mut beaten = 0;
    while bench.run(&Command::Beat(Beat { key: key(1), observed_output: 1 })) == Ok(Reply::Beaten(true)) {
        bench.advance(20_000);
        beaten += 1;
    }
    assert_eq!(beaten, LIFE_MAX_MS / 20_000);
}

#[test]
fn a_lost_hold_settles_late_only_if_what_is_said_of_it_can_be_true() {
    let mut bench = roomy();
    let windows = bench.state.calendar.windows();
    let lost = Lost { admitted_at: bench.now, day: windows.day.id, month: windows.month.id, epoch: 1 };
    bench.advance(3_600_000);
    let settle = |lost| Settle { lost: Some(lost), ..settle_of(1, 30, 300) };
    let lies = [
        Lost { epoch: 2, ..lost },
        Lost { month: WindowId::parse("M202612").unwrap(), ..lost },
        Lost { admitted_at: bench.now.plus_millis(-TOMBSTONE_LIFE_MS), ..lost },
        Lost { admitted_at: bench.now.plus_millis(5_001), ..lost },
    ];
    for lie in lies {
        assert_eq!(bench.settle(settle(lie)), Err(Refusal::Unknown), "{lie:?}");
    }
    assert_eq!(bench.settle(settle(lost)).unwrap().ending, Ending::LateSettled);
    assert_eq!(bench.settle(settle(lost)).unwrap().ending, Ending::LateSettled);
    assert_eq!(bench.numbers(), [(1, 0), (30, 0), (300, 0), (0, 0)]);
    let release = Command::Release(Release { key: key(2), lost: Some(lost) });
    assert_eq!(bench.run(&release), Ok(Reply::Released));
}

#[test]
fn tombstones_are_bounded_by_time_and_by_number() {
    let limits = Limits { holds_max: 2, tombstones_max: 3 };
    let now = at(RIYADH_NOON);
    let roomy = profile(caps(1_000, 1_000_000, 1_000_000_000, COUNT_MAX), CapAction::Suspend);
    let mut bench = Bench { state: MerchantState::new(roomy, 1, limits, now).unwrap(), now };
    for number in 0..10 {
        bench.reserve(usual(number)).unwrap();
        bench.settle(settle_of(number, 1, 1)).unwrap();
    }
    assert_eq!(bench.state.snapshot().tombstones.len(), 3);
    assert_eq!(bench.settle(settle_of(0, 1, 1)), Err(Refusal::Unknown));
    bench.advance(TOMBSTONE_LIFE_MS);
    bench.numbers();
    assert_eq!(bench.state.snapshot().tombstones.len(), 0);
    bench.reserve(usual(10)).unwrap();
    bench.reserve(usual(11)).unwrap();
    assert_eq!(bench.over(usual(12)).cap, 2);
}
