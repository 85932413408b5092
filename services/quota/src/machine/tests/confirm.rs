//! What the ledger says of a call, in every state and in either order with its settle.

use super::*;

const COUNTED: Amount = Amount { requests: 1, tokens: 120, cost_nano: 1_600 };
const POSTED: [(i64, i64); 4] = [(1, 0), (120, 0), (1_600, 0), (0, 0)];

fn confirm_of(number: u64, transaction: i64) -> Confirm {
    Confirm { key: key(number), transaction, counted: COUNTED, before: Amount::ZERO, lost: None }
}

fn taken_back(number: u64, transaction: i64) -> Confirm {
    Confirm { counted: Amount::ZERO, before: COUNTED, ..confirm_of(number, transaction) }
}

/// What the ledger knows of a reservation that is made now.
fn lost(bench: &Bench) -> Lost {
    let windows = bench.state.calendar.at(bench.now).unwrap();
    Lost { admitted_at: bench.now, day: windows.day.id, month: windows.month.id, epoch: 1 }
}

impl Bench {
    fn confirm(&mut self, command: Confirm) -> Result<Confirmed, Refusal> {
        match self.run(&Command::Confirm(command))? {
            Reply::Confirmed(confirmed) => Ok(confirmed),
            other => panic!("{other:?}"),
        }
    }

    fn tombstone(&self, number: u64) -> Tombstone {
        self.state.snapshot().tombstones.into_iter().find(|ended| ended.key == key(number)).unwrap()
    }
}

#[test]
fn a_settle_and_its_confirmation_come_to_the_same_in_either_order() {
    let mut settled_first = roomy();
    settled_first.reserve(usual(1)).unwrap();
    settled_first.settle(settle_of(1, 120, 1_600)).unwrap();
    assert!(settled_first.tombstone(1).awaits_ledger());
    assert_eq!(settled_first.confirm(confirm_of(1, 7)), Ok(Confirmed::Agreed));

    let mut confirmed_first = roomy();
    confirmed_first.reserve(usual(1)).unwrap();
    assert_eq!(confirmed_first.confirm(confirm_of(1, 7)), Ok(Confirmed::Freed));
    assert_eq!(confirmed_first.numbers(), POSTED);
    let answer = confirmed_first.settle(settle_of(1, 120, 1_600)).unwrap();
    assert_eq!((answer.ending, answer.over_hold), (Ending::Settled, false));
    assert_eq!(confirmed_first.settle(settle_of(1, 120, 1_600)), Ok(answer));
    assert_eq!(confirmed_first.settle(settle_of(1, 121, 1_600)), Err(Refusal::Conflict(Ending::Settled)));

    assert_eq!(settled_first.settle(settle_of(1, 120, 1_600)).unwrap(), answer);
    for mut bench in [settled_first, confirmed_first] {
        assert_eq!(bench.numbers(), POSTED);
        assert_eq!(bench.state.followed(), 7);
        assert!(!bench.tombstone(1).awaits_ledger());
    }
}

#[test]
fn a_transaction_that_is_not_newer_changes_nothing() {
    let mut bench = roomy();
    bench.reserve(usual(1)).unwrap();
    bench.reserve(usual(2)).unwrap();
    assert_eq!(bench.confirm(confirm_of(1, 7)), Ok(Confirmed::Freed));
    let before = bench.state.snapshot();
    for transaction in [7, 6, 1] {
        assert_eq!(bench.confirm(confirm_of(1, transaction)), Ok(Confirmed::Repeated));
        assert_eq!(bench.confirm(confirm_of(2, transaction)), Ok(Confirmed::Repeated));
        assert_eq!(bench.confirm(taken_back(1, transaction)), Ok(Confirmed::Repeated));
    }
    assert_eq!(bench.state.snapshot(), before);
}

#[test]
fn an_expired_call_becomes_late_with_the_ledgers_figures_and_a_zombies_settle_is_a_repetition() {
    let mut bench = roomy();
    bench.reserve(usual(1)).unwrap();
    bench.advance(TTL_DEFAULT_MS);
    bench.run(&Command::Expire(8)).unwrap();
    assert_eq!(bench.numbers()[1], (100, 0));
    assert_eq!(bench.confirm(confirm_of(1, 7)), Ok(Confirmed::Late));
    assert_eq!(bench.numbers(), POSTED);
    assert_eq!(bench.settle(settle_of(1, 120, 1_600)).unwrap().ending, Ending::LateSettled);
    assert_eq!(bench.release(1), Err(Refusal::Conflict(Ending::LateSettled)));
    assert_eq!(bench.numbers(), POSTED);
}

#[test]
fn a_hold_that_is_due_expires_before_it_is_confirmed() {
    let mut bench = roomy();
    bench.reserve(usual(1)).unwrap();
    bench.advance(TTL_DEFAULT_MS);
    assert_eq!(bench.confirm(confirm_of(1, 7)), Ok(Confirmed::Late));
    assert_eq!(bench.numbers(), POSTED);
}

#[test]
fn a_call_that_was_given_back_and_billed_counts() {
    let mut bench = roomy();
    bench.reserve(usual(1)).unwrap();
    bench.release(1).unwrap();
    assert_eq!(bench.confirm(confirm_of(1, 7)), Ok(Confirmed::Released));
    assert_eq!((bench.numbers(), bench.tombstone(1).ending), (POSTED, Ending::LateSettled));
}

#[test]
fn the_ledgers_figures_count_and_its_corrections_as_they_come() {
    let mut bench = roomy();
    bench.reserve(usual(1)).unwrap();
    bench.settle(settle_of(1, 150, 2_000)).unwrap();
    assert_eq!(bench.confirm(confirm_of(1, 7)), Ok(Confirmed::Corrected));
    assert_eq!(bench.numbers(), POSTED);
    // Who settled with other figures is told the same again, and a third figure is a conflict.
    assert_eq!(bench.settle(settle_of(1, 150, 2_000)).unwrap().ending, Ending::Settled);
    let other = Settle { fingerprint: Fingerprint(9, 9), ..settle_of(1, 151, 2_000) };
    assert_eq!(bench.settle(other), Err(Refusal::Conflict(Ending::Settled)));

    assert_eq!(bench.confirm(taken_back(1, 8)), Ok(Confirmed::Corrected));
    assert_eq!(bench.numbers(), [(0, 0); 4]);
    let replaced = Confirm { counted: Amount { tokens: 130, ..COUNTED }, ..confirm_of(1, 9) };
    assert_eq!(bench.confirm(replaced), Ok(Confirmed::Corrected));
    assert_eq!(bench.numbers()[..3], [(1, 0), (130, 0), (1_600, 0)]);
}

#[test]
fn a_call_that_nothing_is_known_of_is_added_once_and_its_settle_is_a_repetition() {
    let mut bench = roomy();
    let facts = Some(lost(&bench));
    assert_eq!(bench.confirm(confirm_of(1, 7)), Err(Refusal::Unknown));
    assert_eq!(bench.state.followed(), 0, "it comes again with its facts");
    assert_eq!(bench.confirm(Confirm { lost: facts, ..confirm_of(1, 7) }), Ok(Confirmed::Unseen));
    assert_eq!(bench.numbers(), POSTED);
    let settle = Settle { lost: facts, ..settle_of(1, 120, 1_600) };
    assert_eq!(bench.settle(settle).unwrap().ending, Ending::LateSettled);
    assert_eq!(bench.numbers(), POSTED);
}

#[test]
fn a_correction_of_a_forgotten_call_moves_by_the_difference_and_never_below_nothing() {
    let mut bench = roomy();
    bench.reserve(usual(1)).unwrap();
    bench.settle(settle_of(1, 120, 1_600)).unwrap();
    bench.confirm(confirm_of(1, 7)).unwrap();
    let facts = Some(lost(&bench));
    bench.advance(CONFIRMED_LIFE_MS);
    bench.numbers();
    assert_eq!(bench.state.snapshot().tombstones, []);
    let replacement = Confirm { counted: Amount { tokens: 130, ..COUNTED }, lost: facts, ..confirm_of(1, 9) };
    assert_eq!(bench.confirm(Confirm { lost: facts, ..taken_back(1, 8) }), Ok(Confirmed::Unseen));
    assert_eq!(bench.confirm(replacement), Ok(Confirmed::Corrected));
    assert_eq!(bench.numbers()[..3], [(1, 0), (130, 0), (1_600, 0)]);
    // Of a call that the counters lack.
    bench
        .confirm(Confirm { before: Amount { tokens: 999, ..COUNTED }, lost: facts, ..taken_back(2, 10) })
        .unwrap();
    assert_eq!(bench.numbers()[..3], [(0, 0), (0, 0), (0, 0)]);
}

#[test]
fn what_the_ledger_says_of_a_window_that_is_no_longer_kept_counts_nothing() {
    let mut bench = roomy();
    let facts = Some(lost(&bench));
    bench.advance(200 * 86_400_000);
    assert_eq!(bench.confirm(Confirm { lost: facts, ..confirm_of(1, 7) }), Ok(Confirmed::Unseen));
    assert_eq!(bench.state.snapshot().counters, []);
    assert_eq!(bench.state.snapshot().tombstones, [], "nor is it remembered: its settle is too late as well");
    assert_eq!(bench.state.followed(), 7);
}

#[test]
fn a_confirmed_call_is_forgotten_after_ten_minutes_and_another_after_two_days() {
    let mut bench = roomy();
    for number in 1..3 {
        bench.reserve(usual(number)).unwrap();
        bench.settle(settle_of(number, 120, 1_600)).unwrap();
    }
    bench.confirm(confirm_of(1, 7)).unwrap();
    bench.advance(CONFIRMED_LIFE_MS - 1);
    bench.numbers();
    assert_eq!(bench.state.snapshot().tombstones.len(), 2);
    bench.advance(1);
    bench.numbers();
    let left: Vec<_> = bench.state.snapshot().tombstones.iter().map(|ended| ended.key).collect();
    assert_eq!(left, [key(2)]);
    bench.advance(TOMBSTONE_LIFE_MS - CONFIRMED_LIFE_MS);
    bench.numbers();
    assert_eq!(bench.state.snapshot().tombstones, []);
}

#[test]
fn a_call_that_billing_has_had_for_long_is_confirmed_as_it_is_or_counted_once() {
    for (twice, posted) in [(false, POSTED), (true, [(0, 0); 4])] {
        let mut bench = roomy();
        bench.reserve(usual(1)).unwrap();
        let known = Command::Acknowledge(Acknowledge { key: key(1), twice });
        bench.run(&known).unwrap();
        assert_eq!(bench.state.hold_count(), 1, "a live hold is nothing that was settled");
        bench.settle(settle_of(1, 120, 1_600)).unwrap();
        for _ in 0..2 {
            bench.run(&known).unwrap();
            assert_eq!(bench.numbers(), posted);
        }
        assert!(!bench.tombstone(1).awaits_ledger());
        assert_eq!(bench.settle(settle_of(1, 120, 1_600)).unwrap().ending, Ending::Settled);
    }
}

#[test]
fn confirmed_figures_that_cross_a_percentage_alert() {
    let mut bench = Bench::new(caps(10, 140, 100_000, 5), CapAction::Suspend);
    let mut changes = Vec::new();
    let command = Confirm { lost: Some(lost(&bench)), ..confirm_of(1, 7) };
    bench.state.confirm(&command, bench.now, &mut changes).unwrap();
    let alerted = changes.iter().any(|change| {
        matches!(change, Change::Alert(alert) if (alert.dimension, alert.percent) == (Dimension::MonthTokens, 80))
    });
    assert!(alerted, "{changes:?}");
}
