//! Random tapes of commands against the invariants that must hold after each of them.
#![expect(clippy::unwrap_used, reason = "a test stops on what it did not expect")]

mod rows;

use std::sync::Arc;

use kaleem_domain::{RequestId, Timestamp};
use kaleem_quota::machine::{
    Acknowledge, Adjust, Amount, Beat, Candidate, CapAction, Caps, Change, Command, Confirm, Counter, Ending,
    Fingerprint, Key, Limits, Lost, MerchantState, Mode, Origin, Policy, Profile, PutPolicy, Reconcile,
    Refusal, Release, Reply, Reserve, Settle, TOMBSTONE_LIFE_MS, TopUp, WindowId, apply,
};
use proptest::prelude::*;
use rows::Rows;

const REQUESTS: u64 = 12;
/// Minutes before the end of November in Riyadh, so that tapes cross midnight and month.
const START_MS: i64 = 1_796_071_800_000;

/// A step of a tape.
#[derive(Debug, Clone)]
enum Step {
    Command(Command),
    /// The last command once more.
    Repeat,
    /// A transaction of the ledger says what it counts of a call: the next one, or one that was told before.
    Confirm(Key, Amount, i64),
    /// A window is set to what a ledger says, which may be anything.
    Reconcile(&'static str, Amount),
    /// Time passes, or a clock is corrected.
    Clock(i64),
    /// The process is killed and reads the rows back.
    Restart,
}

fn key(number: u64) -> Key {
    Key {
        request_id: RequestId::parse(&format!("01930000-0000-7000-8000-{number:012x}")).unwrap(),
        attempt: 0,
    }
}

fn keys() -> impl Strategy<Value = Key> {
    (0..REQUESTS).prop_map(key)
}

fn candidates() -> impl Strategy<Value = Vec<Candidate>> {
    let candidate = (0_i64..200, 0_i64..200, 1_i64..20, 0_i64..30_000, 0_i64..30_000);
    let candidate = candidate.prop_map(|(input, output, least, input_pico, output_pico)| Candidate {
        price_version: Arc::from("p@1"),
        input_tokens: input,
        max_output_tokens: output,
        min_output_tokens: least.min(output),
        input_pico,
        output_pico: if output_pico % 3 == 0 { 0 } else { output_pico },
    });
    prop::collection::vec(candidate, 1..4)
}

fn profiles() -> impl Strategy<Value = Profile> {
    let zones = prop::sample::select(vec!["Asia/Riyadh", "America/Los_Angeles", "Pacific/Kiritimati"]);
    let caps = (0_i64..30, 0_i64..4_000, 0_i64..60_000, 0_i64..6);
    (caps, any::<bool>(), zones).prop_map(
        |((day_requests, month_tokens, month_cost_nano, concurrency), degrades, zone)| {
            let on_cap = if degrades { CapAction::Degrade } else { CapAction::Suspend };
            let caps = Caps { day_requests, month_tokens, month_cost_nano, concurrency };
            let policy =
                Policy { plan_id: "p".into(), plan_version: 1, caps, on_cap, alert_percents: Vec::new() };
            Profile { policy, time_zone: zone.into() }
        },
    )
}

fn commands() -> impl Strategy<Value = Command> {
    let modes = prop::sample::select(vec![Mode::Normal, Mode::Shrink, Mode::CheckOnly]);
    let print = (0_u64..2).prop_map(|print| Fingerprint(print, print));
    prop_oneof![
        6 => (keys(), modes, candidates(), 1_i64..60_000, print.clone()).prop_map(
            |(key, mode, candidates, ttl_ms, fingerprint)| {
                Command::Reserve(Reserve { key, mode, candidates, ttl_ms, fingerprint })
            }
        ),
        5 => (keys(), 0_i64..500, 0_i64..9_000, print.clone()).prop_map(|(key, tokens, cost_nano, fingerprint)| {
            let actual = Amount { requests: 1, tokens, cost_nano };
            Command::Settle(Settle { key, actual, fingerprint, lost: None })
        }),
        2 => keys().prop_map(|key| Command::Release(Release { key, lost: None })),
        1 => (keys(), any::<bool>()).prop_map(|(key, twice)| Command::Acknowledge(Acknowledge { key, twice })),
        2 => (keys(), 0_i64..400).prop_map(|(key, observed_output)| Command::Beat(Beat { key, observed_output })),
        2 => (keys(), candidates(), print).prop_map(|(key, candidates, Fingerprint(high, _))| {
            Command::Adjust(Adjust { key, candidates, fingerprint: Fingerprint(high, 7) })
        }),
        1 => (0_usize..4).prop_map(Command::Expire),
        1 => (profiles(), any::<bool>()).prop_map(|(profile, operator)| {
            let origin = if operator { Origin::Operator } else { Origin::Accounts };
            Command::PutPolicy(PutPolicy { profile, origin })
        }),
        1 => (0_u8..3, 0_i64..500, 0_i64..9_000).prop_map(|(op, tokens, cost_nano)| {
            Command::TopUp(TopUp { op_id: format!("op-{op}"), tokens, cost_nano })
        }),
    ]
}

fn steps() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => commands().prop_map(Step::Command),
        2 => Just(Step::Repeat),
        3 => (keys(), 0_i64..2, 0_i64..500, 0_i64..9_000, -2_i64..2).prop_map(|(key, requests, tokens, cost_nano, ahead)| {
            Step::Confirm(key, Amount { requests, tokens, cost_nano }, ahead)
        }),
        1 => (prop::sample::select(vec!["d20261130", "d20261201", "M202611", "M202612"]), 0_i64..9, 0_i64..900, 0_i64..9_000)
            .prop_map(|(window, requests, tokens, cost_nano)| Step::Reconcile(window, Amount { requests, tokens, cost_nano })),
        1 => Just(Step::Restart),
        2 => (0_i64..40_000).prop_map(Step::Clock),
        1 => prop::sample::select(vec![-3_000, -3_600_000, 3_600_000, 86_400_000]).prop_map(Step::Clock),
    ]
}

/// The numbers that a refusal must not change, as far as no hold ran out meanwhile.
fn fixed(state: &MerchantState) -> (Vec<Counter>, usize) {
    (state.snapshot().counters, state.hold_count())
}

/// I1: where a command that was admitted made posted + held grow, the sum is within the cap.
fn assert_admission_fits(
    before: &MerchantState,
    after: &MerchantState,
    now: Timestamp,
    reply: &Result<Reply, Refusal>,
) {
    if !matches!(reply, Ok(Reply::Reserved(_))) {
        return;
    }
    let numbers = |state: &MerchantState| state.clone().usage(now, &mut Vec::new()).unwrap().dimensions;
    for (was, is) in numbers(before).into_iter().zip(numbers(after)) {
        let grown = is.posted + is.held > was.posted + was.held;
        assert!(!grown || is.posted + is.held <= is.cap, "{is:?}");
    }
}

proptest! {
    #[test]
    fn invariants_hold_after_every_command(profile in profiles(), tape in prop::collection::vec(steps(), 1..120)) {
        let mut now = Timestamp::from_millis(START_MS);
        let mut state = MerchantState::new(profile, 1, Limits::default(), now).unwrap();
        let mut rows = Rows::default();
        let mut last: Option<Command> = None;
        for step in tape {
            let (command, repeated) = match step {
                Step::Clock(millis) => {
                    // Beyond the life of a tombstone an id may be used anew, which the sums below could not tell.
                    let moved = now.plus_millis(millis);
                    let span = START_MS - TOMBSTONE_LIFE_MS / 4..START_MS + TOMBSTONE_LIFE_MS / 2;
                    now = if span.contains(&moved.as_millis()) { moved } else { now };
                    continue;
                }
                Step::Command(command) => (command, false),
                Step::Reconcile(window, ledger) => {
                    let window = WindowId::parse(window).unwrap();
                    // As due holds leave it, which the step below expires first.
                    let mut settled = state.clone();
                    settled.expire(usize::MAX, now, &mut Vec::new()).unwrap();
                    let counters = settled.snapshot().counters;
                    let seen = counters.iter().find(|row| row.id == window).map_or(Amount::ZERO, |row| row.posted);
                    let transaction = state.followed();
                    (Command::Reconcile(Reconcile { window, ledger, unconfirmed: Amount::ZERO, transaction, seen }), false)
                }
                Step::Confirm(key, counted, ahead) => {
                    let windows = state.clone().usage(now, &mut Vec::new()).unwrap().dimensions;
                    let window = |index: usize| windows[index].window.unwrap().id;
                    let lost = Some(Lost { admitted_at: now, day: window(0), month: window(1), epoch: 1 });
                    let transaction = state.followed() + ahead;
                    (Command::Confirm(Confirm { key, transaction, counted, before: Amount::ZERO, lost }), false)
                }
                Step::Restart => {
                    state = rows.assert_reads_back(&state, now);
                    continue;
                }
                Step::Repeat => match last.clone() {
                    Some(command) => (command, true),
                    None => continue,
                },
            };
            // Due holds and the clock first, so that what follows is the command's own doing.
            // Twice, as each forgets only some of the calls that need not be remembered any more.
            for _ in 0..2 {
                let mut changes = Vec::new();
                state.expire(usize::MAX, now, &mut changes).unwrap();
                rows.apply(changes);
            }
            rows.forget(&state);
            let before = state.clone();
            let mut changes = Vec::new();
            let reply = apply(&mut state, &command, now, &mut changes);

            // I2, and that nothing is negative or live and ended at once.
            prop_assert_eq!(state.audit(), Ok(()));
            if reply.is_err() {
                // I4: a refusal changes nothing but what was told of the cap in its way.
                prop_assert_eq!(fixed(&state), fixed(&before));
                let tells = |change: &Change| matches!(change, Change::Alert(_) | Change::Marks(_));
                prop_assert!(changes.iter().all(tells), "{:?}", changes);
            }
            if matches!(&command, Command::Reserve(reserve) if reserve.mode == Mode::CheckOnly) {
                prop_assert_eq!(fixed(&state), fixed(&before));
                prop_assert!(changes.is_empty(), "{:?}", changes);
            }
            // A window may have opened since a Reconcile was refused.
            if repeated && !matches!(command, Command::Expire(_) | Command::Reconcile(_)) {
                // A repetition at the same instant changes no number.
                prop_assert_eq!(fixed(&state).0, fixed(&before).0);
            }
            assert_admission_fits(&before, &state, now, &reply);
            rows.apply(changes);
            if let (Command::Reconcile(reconcile), Ok(Reply::Reconciled(difference))) = (&command, &reply) {
                rows.assert_reconciled(reconcile, *difference);
            }
            let confirms = matches!(command, Command::Confirm(_) | Command::Acknowledge(_));
            rows.assert_posted_once(confirms);
            rows.assert_alerted(&state, now);
            rows.assert_reads_back(&state, now);
            last = Some(command);
        }
    }

    /// Whatever order {Settle, Release, Expire, lost Settle} come in and however often, a call is posted once.
    #[test]
    fn a_call_ends_once(ends in prop::collection::vec(0_u8..4, 1..12)) {
        let mut now = Timestamp::from_millis(START_MS);
        let caps = Caps { day_requests: 9, month_tokens: 9_999, month_cost_nano: 9_999, concurrency: 9 };
        let policy = Policy { plan_id: "p".into(), plan_version: 1, caps, on_cap: CapAction::Suspend, alert_percents: Vec::new() };
        let profile = Profile { policy, time_zone: "Asia/Riyadh".into() };
        let mut state = MerchantState::new(profile, 1, Limits::default(), now).unwrap();
        let candidate = Candidate {
            price_version: Arc::from("p@1"), input_tokens: 10, max_output_tokens: 10, min_output_tokens: 1, input_pico: 1_000, output_pico: 1_000,
        };
        let reserve = Reserve {
            key: key(1), mode: Mode::Normal, candidates: vec![candidate], ttl_ms: 30_000, fingerprint: Fingerprint(1, 1),
        };
        let ticket = state.reserve(&reserve, now, &mut Vec::new()).unwrap().ticket.unwrap();
        let lost = Lost { admitted_at: ticket.admitted_at, day: ticket.day, month: ticket.month, epoch: 1 };
        let settle = |lost| Command::Settle(Settle {
            key: key(1), actual: Amount { requests: 1, tokens: 15, cost_nano: 15 }, fingerprint: Fingerprint(2, 2), lost,
        });
        for end in ends {
            let command = match end {
                0 => settle(None),
                1 => settle(Some(lost)),
                2 => Command::Release(Release { key: key(1), lost: None }),
                _ => {
                    now = now.plus_millis(30_000);
                    Command::Expire(8)
                }
            };
            let _ = apply(&mut state, &command, now, &mut Vec::new());
            prop_assert_eq!(state.audit(), Ok(()));
        }
        let snapshot = state.snapshot();
        let posted = snapshot.counters.iter().find(|counter| counter.id == ticket.month).map_or(0, |counter| counter.posted.tokens);
        let expected = match snapshot.tombstones.first().map(|tombstone| tombstone.ending) {
            Some(Ending::Settled | Ending::LateSettled) => 15,
            Some(Ending::Expired) => 10,
            Some(Ending::Released) | None => 0,
        };
        prop_assert_eq!(posted, expected);
    }
}
