//! Shadow: caps warn and do not refuse.

use super::*;

fn in_shadow(caps: Caps, on_cap: CapAction) -> Bench {
    let bench = Bench::new(caps, on_cap);
    Bench { state: bench.state.in_shadow(true), ..bench }
}

#[test]
fn what_any_cap_would_refuse_is_admitted_and_named() {
    const PLENTY: i64 = 1_000_000;
    for (caps, dimension) in [
        (caps(1, PLENTY, PLENTY, 9), Dimension::DayRequests),
        (caps(9, 150, PLENTY, 9), Dimension::MonthTokens),
        (caps(9, PLENTY, 2_500, 9), Dimension::MonthCost),
        (caps(9, PLENTY, PLENTY, 1), Dimension::Concurrency),
    ] {
        let mut bench = in_shadow(caps, CapAction::Suspend);
        assert_eq!(bench.reserve(usual(1)).unwrap().waived, None);
        let second = bench.reserve(usual(2)).unwrap();
        assert_eq!((second.decision, second.granted_output), (Decision::Allow, 50));
        assert_eq!(second.waived.unwrap().dimension, dimension);
        assert_eq!(bench.numbers(), [(0, 2), (0, 300), (0, 5_000), (0, 2)]);
        // It is counted once: the repetition is the same hold.
        assert_eq!(bench.reserve(usual(2)).unwrap(), Reserved { waived: None, ..second });
        // Turned off, the caps count what was used meanwhile.
        bench.state = bench.state.in_shadow(false);
        assert_eq!(bench.over(usual(3)).dimension, dimension);
    }
}

#[test]
fn what_would_degrade_gets_what_it_asked_for() {
    let mut bench = in_shadow(caps(9, 1_000, 1_000_000, 9), CapAction::Degrade);
    let ladder = vec![candidate(1, 5_000, 0, 0), candidate(1, 5, 0, 0)];
    let check = reserve_of(1, Mode::CheckOnly, ladder.clone());
    let checked = bench.reserve(check).unwrap();
    assert_eq!((checked.decision, checked.granted_output), (Decision::Allow, 5_000));
    let reserved = bench.reserve(reserve_of(1, Mode::Shrink, ladder)).unwrap();
    assert_eq!((reserved.candidate_index, reserved.granted_output), (0, 5_000));
    assert_eq!(reserved.waived.unwrap().needed, 5_001);
    bench.settle(settle_of(1, 5_001, 0)).unwrap();
    assert_eq!(bench.posture(), Posture::Normal);
    bench.state = bench.state.in_shadow(false);
    assert_eq!(bench.posture(), Posture::Suspended);
}

#[test]
fn alerts_are_raised_as_ever() {
    let mut bench = in_shadow(caps(9, 100, 1_000_000, 9), CapAction::Suspend);
    let mut changes = Vec::new();
    for number in 1..4 {
        let command = Command::Reserve(usual(number));
        apply(&mut bench.state, &command, bench.now, &mut changes).unwrap();
    }
    let alerts =
        changes.iter().filter(|change| matches!(change, Change::Alert(alert) if alert.percent == 100));
    assert_eq!(alerts.count(), 1);
}

#[test]
fn bounds_of_memory_and_of_exact_numbers_still_refuse() {
    let limits = Limits { holds_max: 2, tombstones_max: 3 };
    let now = at(RIYADH_NOON);
    let none = profile(caps(0, 0, 0, 0), CapAction::Suspend);
    let state = MerchantState::new(none, 1, limits, now).unwrap().in_shadow(true);
    let mut bench = Bench { state, now };
    bench.over(reserve_of(9, Mode::Normal, vec![candidate(COUNT_MAX, COUNT_MAX, COUNT_MAX, COUNT_MAX)]));
    bench.reserve(usual(1)).unwrap();
    bench.reserve(usual(2)).unwrap();
    bench.over(usual(3));
}
