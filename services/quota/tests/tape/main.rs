//! Random tapes of commands against the invariants that must hold after each of them.
#![expect(clippy::unwrap_used, reason = "a test stops on what it did not expect")]

mod rows;
#[path = "../support/steps.rs"]
mod steps;

use std::sync::Arc;

use kaleem_domain::Timestamp;
use kaleem_quota::machine::{
    Amount, BalanceSeen, BillingMode, Candidate, CapAction, Caps, Change, Command, Confirm, Counter, Credit,
    Ending, Fingerprint, Limits, Lost, MerchantState, Mode, Policy, Profile, PutBalance, Reconcile, Refusal,
    Release, Reply, Reserve, Settle, TOMBSTONE_LIFE_MS, WindowId, apply,
};
use proptest::prelude::*;
use rows::Rows;
use steps::{START_MS, Step, key, profiles, steps};

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
    let numbers = |state: &MerchantState| {
        let usage = state.clone().usage(now, &mut Vec::new()).unwrap();
        usage.dimensions.into_iter().chain(usage.balance).collect::<Vec<_>>()
    };
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
                Step::Pay(nano, ahead) => {
                    let paid = state.clone().usage(now, &mut Vec::new()).unwrap().balance.map_or(0, |balance| balance.cap);
                    let transaction = state.followed() + ahead;
                    (Command::Credit(Credit { paid_nano: (paid + nano).max(0), transaction }), false)
                }
                Step::Balance(paid_nano, charged_nano) => {
                    // As due holds leave it, which the step below expires first.
                    let mut settled = state.clone();
                    settled.expire(usize::MAX, now, &mut Vec::new()).unwrap();
                    let unknown = BalanceSeen { paid_nano: None, posted_nano: 0 };
                    let seen = settled.balance_seen(now, &mut Vec::new()).unwrap().unwrap_or(unknown);
                    let transaction = state.followed();
                    (Command::PutBalance(PutBalance { paid_nano, charged_nano, unconfirmed_nano: 0, transaction, seen }), false)
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
            if let (Command::PutBalance(put), Ok(Reply::BalancePut(_)), true) = (&command, &reply, state.is_prepaid()) {
                rows.assert_balance(put);
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
        let policy = Policy { plan_id: "p".into(), plan_version: 1, caps, on_cap: CapAction::Suspend, alert_percents: Vec::new(), billing_mode: BillingMode::Postpaid };
        let profile = Profile { policy, time_zone: "Asia/Riyadh".into() };
        let mut state = MerchantState::new(profile, 1, Limits::default(), now).unwrap();
        let candidate = Candidate {
            price_version: Arc::from("p@1"), input_tokens: 10, max_output_tokens: 10, min_output_tokens: 1, input_pico: 1_000, output_pico: 1_000, request_pico: 0,
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
