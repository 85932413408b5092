//! One test a rule of the state machine.

use std::sync::Arc;

use kaleem_domain::{RequestId, Timestamp};

use super::*;

const RIYADH_NOON: &str = "2026-11-20T09:00:00Z";

fn at(text: &str) -> Timestamp {
    Timestamp::from_millis(text.parse::<jiff::Timestamp>().unwrap().as_millisecond())
}

fn key(number: u64) -> Key {
    Key { request_id: RequestId::parse(&format!("01930000-0000-7000-8000-{number:012x}")).unwrap(), attempt: 0 }
}

fn caps(day_requests: i64, month_tokens: i64, month_cost_nano: i64, concurrency: i64) -> Caps {
    Caps { day_requests, month_tokens, month_cost_nano, concurrency }
}

fn profile(caps: Caps, on_cap: CapAction) -> Profile {
    let policy = Policy { plan_id: "starter".into(), plan_version: 1, caps, on_cap, alert_percents: vec![80] };
    Profile { policy, time_zone: "Asia/Riyadh".into() }
}

fn candidate(input: i64, output: i64, input_pico: i64, output_pico: i64) -> Candidate {
    Candidate {
        price_version: Arc::from("p@1"),
        input_tokens: input,
        max_output_tokens: output,
        min_output_tokens: 1,
        input_pico,
        output_pico,
    }
}

fn reserve_of(number: u64, mode: Mode, candidates: Vec<Candidate>) -> Reserve {
    Reserve { key: key(number), mode, candidates, ttl_ms: TTL_DEFAULT_MS, fingerprint: Fingerprint(number, 1) }
}

/// 100 tokens in, 50 out, at 10,000 and 30,000 pico: 150 tokens and 2,500 nano.
fn usual(number: u64) -> Reserve {
    reserve_of(number, Mode::Normal, vec![candidate(100, 50, 10_000, 30_000)])
}

fn settle_of(number: u64, tokens: i64, cost_nano: i64) -> Settle {
    let actual = Amount { requests: 1, tokens, cost_nano };
    Settle { key: key(number), actual, fingerprint: Fingerprint(number, 2), lost: None }
}

/// A merchant under test with the clock in hand.
struct Bench {
    state: MerchantState,
    now: Timestamp,
}

impl Bench {
    fn new(caps: Caps, on_cap: CapAction) -> Self {
        Self::of(profile(caps, on_cap))
    }

    fn of(profile: Profile) -> Self {
        let now = at(RIYADH_NOON);
        Self { state: MerchantState::new(profile, 1, Limits::default(), now).unwrap(), now }
    }

    fn run(&mut self, command: Command) -> Result<Reply, Refusal> {
        let reply = apply(&mut self.state, &command, self.now, &mut Vec::new());
        assert_eq!(self.state.audit(), Ok(()));
        reply
    }

    fn reserve(&mut self, command: Reserve) -> Result<Reserved, Refusal> {
        match self.run(Command::Reserve(command))? {
            Reply::Reserved(reserved) => Ok(reserved),
            other => panic!("{other:?}"),
        }
    }

    fn settle(&mut self, command: Settle) -> Result<Settled, Refusal> {
        match self.run(Command::Settle(command))? {
            Reply::Settled(settled) => Ok(settled),
            other => panic!("{other:?}"),
        }
    }

    fn release(&mut self, number: u64) -> Result<(), Refusal> {
        self.run(Command::Release(Release { key: key(number), lost: None })).map(|_| ())
    }

    fn over(&mut self, command: Reserve) -> OverCap {
        match self.reserve(command) {
            Err(Refusal::OverCap(over)) => over,
            other => panic!("{other:?}"),
        }
    }

    /// `(posted, held)` in each dimension.
    fn numbers(&mut self) -> [(i64, i64); 4] {
        let usage = self.state.usage(self.now, &mut Vec::new()).unwrap();
        usage.dimensions.map(|dimension| (dimension.posted, dimension.held))
    }

    fn posture(&mut self) -> Posture {
        self.state.usage(self.now, &mut Vec::new()).unwrap().posture
    }

    fn advance(&mut self, millis: i64) {
        self.now = self.now.plus_millis(millis);
    }
}

fn roomy() -> Bench {
    Bench::new(caps(1_000, 1_000_000, 1_000_000_000, 100), CapAction::Degrade)
}

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
    assert_eq!(bench.over(reserve_of(1, Mode::Shrink, vec![picky.clone()])).dimension, Dimension::MonthTokens);
    let whole = candidate(60, 60, 0, 0);
    let reserved = bench.reserve(reserve_of(2, Mode::Shrink, vec![candidate(100, 50, 10_000, 30_000), whole])).unwrap();
    assert_eq!((reserved.decision, reserved.candidate_index), (Decision::DegradeModel, 1));
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
    assert_eq!(suspends.over(reserve_of(3, Mode::Normal, vec![candidate(1, 1, 0, 0)])).dimension, Dimension::MonthCost);
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
        assert_eq!(bench.run(Command::Beat(Beat { key: key(1), observed_output })), Ok(Reply::Beaten(true)));
    }
    bench.advance(TTL_DEFAULT_MS - 1);
    assert_eq!(bench.run(Command::Expire(8)), Ok(Reply::Expired(0)));
    bench.advance(1);
    assert_eq!(bench.run(Command::Expire(8)), Ok(Reply::Expired(1)));
    assert_eq!(bench.numbers(), [(1, 0), (120, 0), (1_600, 0), (0, 0)]);
    assert_eq!(bench.run(Command::Beat(Beat { key: key(1), observed_output: 0 })), Ok(Reply::Beaten(false)));
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
    assert_eq!(bench.over(usual(2)).retry_after_ms, 1_000);
    bench.advance(TTL_DEFAULT_MS);
    bench.reserve(usual(2)).unwrap();
    assert_eq!(bench.numbers()[0], (1, 1));
}

#[test]
fn heartbeats_cannot_prolong_a_hold_beyond_a_quarter_of_an_hour() {
    let mut bench = roomy();
    bench.reserve(usual(1)).unwrap();
    let mut beaten = 0;
    while bench.run(Command::Beat(Beat { key: key(1), observed_output: 1 })) == Ok(Reply::Beaten(true)) {
        bench.advance(20_000);
        beaten += 1;
    }
    assert_eq!(beaten, LIFE_MAX_MS / 20_000);
}

#[test]
fn an_adjust_swaps_the_hold_or_leaves_it() {
    let mut bench = Bench::new(caps(9, 200, 10_000, 1), CapAction::Suspend);
    bench.reserve(usual(1)).unwrap();
    let too_large = Adjust { key: key(1), candidates: vec![candidate(150, 51, 0, 0)], fingerprint: Fingerprint(5, 5) };
    assert!(matches!(bench.run(Command::Adjust(too_large)), Err(Refusal::OverCap(_))));
    assert_eq!(bench.numbers()[1], (0, 150));
    let fits = Adjust { key: key(1), candidates: vec![candidate(150, 50, 0, 0)], fingerprint: Fingerprint(6, 6) };
    let adjusted = bench.run(Command::Adjust(fits.clone())).unwrap();
    assert_eq!(bench.run(Command::Adjust(fits)), Ok(adjusted));
    assert_eq!(bench.numbers(), [(0, 1), (0, 200), (0, 0), (0, 1)]);
    bench.settle(settle_of(1, 1, 0)).unwrap();
    let gone = Adjust { key: key(1), candidates: vec![candidate(1, 1, 0, 0)], fingerprint: Fingerprint(7, 7) };
    assert_eq!(bench.run(Command::Adjust(gone)), Err(Refusal::Conflict(Ending::Settled)));
}

#[test]
fn a_call_over_midnight_belongs_to_the_day_and_month_of_its_admission() {
    let mut bench = Bench::new(caps(1, 1_000, 10_000, 9), CapAction::Suspend);
    bench.now = at("2026-11-30T20:59:59.900Z");
    let ticket = bench.reserve(usual(1)).unwrap().ticket.unwrap();
    assert_eq!((ticket.day.to_string(), ticket.month.to_string()), ("d20261130".into(), "M202611".into()));
    assert_eq!(bench.over(usual(2)).retry_after_ms, 100);
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
    let months: Vec<_> = bench.state.snapshot().counters.iter().map(|counter| counter.id.to_string()).collect();
    assert!(!months.contains(&"M202611".into()) && months.contains(&"M202703".into()), "{months:?}");
}

#[test]
fn retry_after_is_exact_for_windows_and_for_holds_in_the_way() {
    let mut bench = Bench::new(caps(9, 200, 10_000, 9), CapAction::Suspend);
    bench.reserve(usual(1)).unwrap();
    bench.advance(1_000);
    let over = bench.over(usual(2));
    assert_eq!((over.dimension, over.retry_after_ms), (Dimension::MonthTokens, TTL_DEFAULT_MS - 1_000));
    bench.settle(settle_of(1, 150, 1)).unwrap();
    let over = bench.over(usual(2));
    let end_of_month = at("2026-11-30T21:00:00Z");
    assert_eq!(over.retry_after_ms, end_of_month.millis_since(bench.now));
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
    let put = |requests, origin| PutPolicy { profile: profile(caps(requests, 1_000, 10_000, 9), CapAction::Suspend), origin };
    let raised = bench.run(Command::PutPolicy(put(2, Origin::Operator))).unwrap();
    assert_eq!(bench.run(Command::PutPolicy(put(2, Origin::Operator))), Ok(raised));
    bench.reserve(usual(2)).unwrap();
    bench.over(usual(3));
    bench.run(Command::PutPolicy(put(1, Origin::Operator))).unwrap();
    assert_eq!(bench.numbers()[0], (0, 2));
}

#[test]
fn accounts_does_not_undo_an_operator_until_it_says_something_new() {
    let mut bench = Bench::new(caps(1, 1_000, 10_000, 9), CapAction::Suspend);
    let put = |requests, origin| {
        Command::PutPolicy(PutPolicy { profile: profile(caps(requests, 1_000, 10_000, 9), CapAction::Suspend), origin })
    };
    let cap = |bench: &mut Bench| bench.state.usage(bench.now, &mut Vec::new()).unwrap().dimensions[0].cap;
    bench.run(put(1, Origin::Accounts)).unwrap();
    bench.run(put(5, Origin::Operator)).unwrap();
    bench.run(put(1, Origin::Accounts)).unwrap();
    assert_eq!(cap(&mut bench), 5);
    bench.run(put(3, Origin::Accounts)).unwrap();
    assert_eq!(cap(&mut bench), 3);
    let mut unseen = Bench::new(caps(1, 1_000, 10_000, 9), CapAction::Suspend);
    unseen.run(put(5, Origin::Operator)).unwrap();
    unseen.run(put(1, Origin::Accounts)).unwrap();
    assert_eq!(cap(&mut unseen), 5);
}

#[test]
fn a_zone_changes_with_the_next_month() {
    let mut bench = roomy();
    let moved = Profile { time_zone: "America/Los_Angeles".into(), ..profile(caps(9, 1_000, 10_000, 9), CapAction::Suspend) };
    bench.run(Command::PutPolicy(PutPolicy { profile: moved, origin: Origin::Operator })).unwrap();
    let day_end = |bench: &mut Bench| bench.state.usage(bench.now, &mut Vec::new()).unwrap().dimensions[0].window.unwrap().end;
    assert_eq!(day_end(&mut bench), at("2026-11-20T21:00:00Z"));
    bench.now = at("2026-12-05T12:00:00Z");
    assert_eq!(day_end(&mut bench), at("2026-12-06T08:00:00Z"));
    let unknown = Profile { time_zone: "Asia/Atlantis".into(), ..profile(caps(9, 9, 9, 9), CapAction::Suspend) };
    let put = Command::PutPolicy(PutPolicy { profile: unknown, origin: Origin::Operator });
    assert!(matches!(bench.run(put), Err(Refusal::Calendar(_))));
}

#[test]
fn a_top_up_adds_to_this_month_once() {
    let mut bench = Bench::new(caps(9, 100, 10_000, 9), CapAction::Suspend);
    bench.over(usual(1));
    let top_up = |op_id: &str, tokens| TopUp { op_id: op_id.into(), tokens, cost_nano: 0 };
    let version = bench.run(Command::TopUp(top_up("a", 100))).unwrap();
    assert_eq!(bench.run(Command::TopUp(top_up("a", 100))), Ok(version));
    assert_eq!(bench.run(Command::TopUp(top_up("a", 101))), Err(Refusal::TopUpReused));
    let cap = |bench: &mut Bench| bench.state.usage(bench.now, &mut Vec::new()).unwrap().dimensions[1].cap;
    assert_eq!(cap(&mut bench), 200);
    bench.reserve(usual(1)).unwrap();
    assert_eq!(bench.run(Command::TopUp(top_up("b", COUNT_MAX - 199))), Err(Refusal::CapTooLarge));
    assert_eq!(bench.run(Command::TopUp(top_up("c", i64::MAX))), Err(Refusal::CapTooLarge));
    bench.now = at("2026-11-30T21:00:00Z");
    assert_eq!(cap(&mut bench), 100);
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
fn a_clock_that_goes_back_a_little_stands_still_and_one_that_jumps_strands_no_hold() {
    let mut bench = roomy();
    let noon = bench.now;
    bench.advance(-5_000);
    assert_eq!(bench.reserve(usual(1)).unwrap().ticket.unwrap().admitted_at, noon);
    bench.now = noon.plus_millis(24 * 3_600_000);
    bench.reserve(usual(2)).unwrap();
    assert_eq!(bench.numbers(), [(0, 1), (100, 150), (1_000, 2_500), (0, 1)]);
    bench.now = noon.plus_millis(1_000);
    assert_eq!(bench.numbers(), [(1, 0), (100, 150), (1_000, 2_500), (0, 1)]);
    bench.advance(TTL_DEFAULT_MS);
    assert_eq!(bench.numbers()[3], (0, 0));
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
    assert_eq!(bench.run(release), Ok(Reply::Released));
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

#[test]
fn amounts_that_overflow_fit_no_cap() {
    let mut bench = Bench::new(caps(9, COUNT_MAX, COUNT_MAX, 9), CapAction::Suspend);
    let huge = candidate(TOKENS_PER_CALL_MAX, TOKENS_PER_CALL_MAX, COUNT_MAX, COUNT_MAX);
    let over = bench.over(reserve_of(1, Mode::Shrink, vec![huge]));
    assert_eq!((over.dimension, over.needed), (Dimension::MonthCost, i64::MAX));
}

#[test]
fn golden_costs_are_rounded_up_to_nano() {
    for (input, output, nano) in [(300, 150, 67_500), (800, 400, 180_000), (2_000, 1_000, 450_000), (1, 0, 75)] {
        assert_eq!(candidate(input, output, 75_000, 300_000).amount(output).cost_nano, nano);
    }
    assert_eq!(candidate(1, 0, 37_500, 0).amount(0).cost_nano, 38);
}

#[test]
fn a_state_reads_back_as_it_was() {
    let mut bench = roomy();
    bench.reserve(usual(1)).unwrap();
    bench.reserve(usual(2)).unwrap();
    bench.settle(settle_of(2, 10, 10)).unwrap();
    bench.run(Command::TopUp(TopUp { op_id: "a".into(), tokens: 5, cost_nano: 6 })).unwrap();
    let snapshot = bench.state.snapshot();
    let restored = MerchantState::restore(snapshot.clone(), 1, Limits::default(), bench.now).unwrap();
    assert_eq!(restored.snapshot(), snapshot);
    let mut damaged = snapshot;
    damaged.counters[0].posted.requests = -1;
    assert!(MerchantState::restore(damaged, 1, Limits::default(), bench.now).is_err());
}
