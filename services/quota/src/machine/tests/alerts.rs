//! Which alerts are raised, and that each is raised once.

use super::*;

const PLENTY: i64 = 1_000_000_000_000;

/// `(percent, cap version, superseded by)` of the alerts in `dimension` that a series of changes raised.
fn raised(changes: &[Change], dimension: Dimension) -> Vec<(i32, i64, Option<i32>)> {
    let alerts = changes.iter().filter_map(|change| match change {
        Change::Alert(alert) if alert.dimension == dimension => Some(alert),
        _ => None,
    });
    alerts.map(|alert| (alert.percent, alert.cap_version, alert.superseded_by)).collect()
}

struct Alerted {
    bench: Bench,
    next: u64,
}

impl Alerted {
    /// A merchant with 1,000 tokens a month, whose plan names `percents`.
    fn new(percents: &[i32]) -> Self {
        let mut profile = profile(caps(1_000, 1_000, PLENTY, 100), CapAction::Degrade);
        profile.policy.alert_percents = percents.to_vec();
        Self { bench: Bench::of(profile), next: 0 }
    }

    fn run(&mut self, command: &Command) -> (Result<Reply, Refusal>, Vec<Change>) {
        let mut changes = Vec::new();
        let reply = apply(&mut self.bench.state, command, self.bench.now, &mut changes);
        (reply, changes)
    }

    /// Spends `tokens` in one call and returns what that raised in the month's tokens.
    fn spend(&mut self, tokens: i64) -> Vec<(i32, i64, Option<i32>)> {
        self.next += 1;
        let free = candidate(1, 1, 0, 0);
        self.bench.reserve(reserve_of(self.next, Mode::Normal, vec![free])).unwrap();
        let (reply, changes) = self.run(&Command::Settle(settle_of(self.next, tokens, 0)));
        reply.unwrap();
        raised(&changes, Dimension::MonthTokens)
    }

    /// Asks for more tokens than the month has and returns what that raised.
    fn ask_too_much(&mut self, mode: Mode) -> Vec<(i32, i64, Option<i32>)> {
        self.next += 1;
        let large = candidate(100_000, 1, 0, 0);
        let (reply, changes) = self.run(&Command::Reserve(reserve_of(self.next, mode, vec![large])));
        assert!(matches!(reply, Err(Refusal::OverCap(_))), "{reply:?}");
        raised(&changes, Dimension::MonthTokens)
    }

    fn put_token_cap(&mut self, month_tokens: i64) -> Vec<(i32, i64, Option<i32>)> {
        let mut profile = self.bench.state.profile.clone();
        profile.policy.caps.month_tokens = month_tokens;
        let (reply, changes) = self.run(&Command::PutPolicy(PutPolicy { profile, origin: Origin::Operator }));
        reply.unwrap();
        raised(&changes, Dimension::MonthTokens)
    }
}

#[test]
fn each_percentage_is_told_when_posted_usage_reaches_it_and_once() {
    let mut alerted = Alerted::new(&[60, 80, 90, 95]);
    assert_eq!(alerted.spend(599), []);
    assert_eq!(alerted.spend(1), [(60, 1, None)]);
    assert_eq!(alerted.spend(199), []);
    assert_eq!(alerted.spend(1), [(80, 1, None)]);
    assert_eq!(alerted.spend(100), [(90, 1, None)]);
    assert_eq!(alerted.spend(50), [(95, 1, None)]);
    assert_eq!(alerted.spend(40), []);
}

#[test]
fn a_plan_without_percentages_has_the_usual_ones() {
    let mut alerted = Alerted::new(&[]);
    assert_eq!(alerted.spend(600), [(60, 1, None)]);
    assert_eq!(alerted.spend(350), [(80, 1, Some(95)), (90, 1, Some(95)), (95, 1, None)]);
}

#[test]
fn a_jump_tells_the_highest_only_and_marks_the_lower() {
    let mut alerted = Alerted::new(&[60, 80, 90, 95]);
    assert_eq!(alerted.spend(500), []);
    let all = [(60, 1, Some(95)), (80, 1, Some(95)), (90, 1, Some(95)), (95, 1, None)];
    assert_eq!(alerted.spend(460), all);
    assert_eq!(alerted.spend(1), []);
}

#[test]
fn holds_tell_nothing_and_expiry_and_late_settles_do() {
    let mut alerted = Alerted::new(&[60, 90]);
    let large = reserve_of(99, Mode::Normal, vec![candidate(700, 200, 0, 0)]);
    let (reply, changes) = alerted.run(&Command::Reserve(large));
    reply.unwrap();
    assert_eq!(raised(&changes, Dimension::MonthTokens), []);
    alerted.bench.advance(TTL_DEFAULT_MS);
    let (_, changes) = alerted.run(&Command::Expire(8));
    assert_eq!(raised(&changes, Dimension::MonthTokens), [(60, 1, None)]);
    let (reply, changes) = alerted.run(&Command::Settle(settle_of(99, 900, 0)));
    assert!(matches!(reply, Ok(Reply::Settled(Settled { ending: Ending::LateSettled, .. }))));
    assert_eq!(raised(&changes, Dimension::MonthTokens), [(90, 1, None)]);
}

#[test]
fn usage_that_is_taken_back_and_comes_again_is_old_news() {
    let mut alerted = Alerted::new(&[60]);
    let call = reserve_of(99, Mode::Normal, vec![candidate(700, 1, 0, 0)]);
    alerted.run(&Command::Reserve(call)).0.unwrap();
    alerted.bench.advance(TTL_DEFAULT_MS);
    let (_, changes) = alerted.run(&Command::Expire(8));
    assert_eq!(raised(&changes, Dimension::MonthTokens), [(60, 1, None)]);
    alerted.bench.release(99).unwrap();
    assert_eq!(alerted.bench.numbers()[1], (0, 0));
    assert_eq!(alerted.spend(700), []);
}

#[test]
fn the_first_call_that_a_cap_refuses_tells_that_it_is_reached() {
    let mut alerted = Alerted::new(&[80]);
    assert_eq!(alerted.ask_too_much(Mode::CheckOnly), []);
    assert_eq!(alerted.ask_too_much(Mode::Normal), [(100, 1, None)]);
    assert_eq!(alerted.ask_too_much(Mode::Normal), []);
    // Nothing was used so far, so that other percentages are still to come.
    assert_eq!(alerted.spend(800), [(80, 1, None)]);
}

#[test]
fn a_call_that_degrades_tells_that_the_cap_is_reached() {
    for (mode, ladder, decision) in [
        (Mode::Normal, vec![candidate(100_000, 1, 0, 0), candidate(1, 1, 0, 0)], Decision::DegradeModel),
        (Mode::Shrink, vec![candidate(1, 100_000, 0, 0)], Decision::DegradeShorter),
    ] {
        let mut alerted = Alerted::new(&[80]);
        let (reply, changes) = alerted.run(&Command::Reserve(reserve_of(1, mode, ladder.clone())));
        assert!(matches!(reply, Ok(Reply::Reserved(reserved)) if reserved.decision == decision));
        assert_eq!(raised(&changes, Dimension::MonthTokens), [(100, 1, None)]);
        let (reply, changes) = alerted.run(&Command::Reserve(reserve_of(1, mode, ladder)));
        assert!(reply.is_ok() && changes.is_empty(), "{changes:?}");
    }
}

#[test]
fn too_many_calls_at_once_are_no_alert() {
    let mut bench = Bench::new(caps(9, 10_000, 10_000, 0), CapAction::Suspend);
    let mut changes = Vec::new();
    apply(&mut bench.state, &Command::Reserve(usual(1)), bench.now, &mut changes).unwrap_err();
    assert_eq!(changes, []);
}

#[test]
fn a_raise_re_arms_only_what_is_no_longer_crossed() {
    let mut alerted = Alerted::new(&[60, 80, 90, 95]);
    alerted.spend(960);
    alerted.ask_too_much(Mode::Normal);
    // 960 of 1,500 is 64 %: 60 stays told, the others and the cap itself may come again.
    assert_eq!(alerted.put_token_cap(1_500), []);
    assert_eq!(alerted.ask_too_much(Mode::Normal), [(100, 2, None)]);
    assert_eq!(alerted.spend(240), [(80, 2, None)]);
    let top_up = TopUp { op_id: "op-1".into(), tokens: 2_500, cost_nano: 0 };
    let (reply, changes) = alerted.run(&Command::TopUp(top_up));
    reply.unwrap();
    assert_eq!(raised(&changes, Dimension::MonthTokens), []);
    // 1,200 of 4,000, and the top-up re-armed 60 too.
    assert_eq!(alerted.spend(1_200), [(60, 3, None)]);
}

#[test]
fn a_cut_tells_what_it_makes_crossed_and_re_arms_nothing() {
    let mut alerted = Alerted::new(&[60, 80, 90, 95]);
    assert_eq!(alerted.spend(650), [(60, 1, None)]);
    assert_eq!(alerted.put_token_cap(800), [(80, 2, None)]);
    assert_eq!(alerted.put_token_cap(800), []);
    // Back at 1,000, 65 % are used: 80 is armed again.
    assert_eq!(alerted.put_token_cap(1_000), []);
    assert_eq!(alerted.spend(150), [(80, 3, None)]);
}

#[test]
fn a_new_window_starts_anew_and_a_late_settle_counts_where_it_belongs() {
    let mut bench = Bench::new(caps(2, PLENTY, PLENTY, 9), CapAction::Suspend);
    bench.reserve(usual(1)).unwrap();
    bench.reserve(usual(2)).unwrap();
    bench.settle(settle_of(1, 1, 1)).unwrap();
    bench.now = at("2026-11-20T20:59:59.999Z");
    let mut changes = Vec::new();
    apply(&mut bench.state, &Command::Expire(8), bench.now, &mut changes).unwrap();
    let of_day = |changes: &[Change]| -> Vec<_> {
        let alerts = changes.iter().filter_map(|change| match change {
            Change::Alert(alert) => Some((alert.window.to_string(), alert.percent)),
            _ => None,
        });
        alerts.collect()
    };
    assert_eq!(of_day(&changes), [("d20261120".to_owned(), 80)]);
    bench.now = at("2026-11-20T21:00:00Z");
    let mut changes = Vec::new();
    // Yesterday's cap was 2: today's of 1 does not make yesterday's calls more than they were.
    let profile = profile(caps(1, PLENTY, PLENTY, 9), CapAction::Suspend);
    let put = Command::PutPolicy(PutPolicy { profile, origin: Origin::Operator });
    apply(&mut bench.state, &put, bench.now, &mut changes).unwrap();
    bench.reserve(usual(3)).unwrap();
    apply(&mut bench.state, &Command::Settle(settle_of(3, 1, 1)), bench.now, &mut changes).unwrap();
    apply(&mut bench.state, &Command::Settle(settle_of(2, 150, 1)), bench.now, &mut changes).unwrap();
    assert_eq!(of_day(&changes), [("d20261121".to_owned(), 80)]);
}

#[test]
fn marks_are_bounded_by_the_windows_kept() {
    let mut bench = roomy();
    for number in 0..100 {
        bench.reserve(usual(number)).unwrap();
        bench.settle(settle_of(number, 1, 1)).unwrap();
        bench.advance(86_400_000);
    }
    let snapshot = bench.state.snapshot();
    // The oldest go when a window opens, and the open one is marked after that.
    let days = snapshot.marks.iter().filter(|marks| marks.window.is_day()).count();
    assert!(days <= 9 && snapshot.marks.len() - days <= 8, "{days} of {}", snapshot.marks.len());
}
