//! Posted usage set to what the ledger says.

use super::*;

const DAY: &str = "d20261120";
const MONTH: &str = "M202611";

fn amount(requests: i64, tokens: i64, cost_nano: i64) -> Amount {
    Amount { requests, tokens, cost_nano }
}

/// What a ledger says that quota followed to its end.
fn said(ledger: Amount) -> Reconcile {
    let window = WindowId::parse(MONTH).unwrap();
    Reconcile { window, ledger, unconfirmed: Amount::ZERO, transaction: 9, seen: Amount::ZERO }
}

fn reconcile(bench: &mut Bench, window: &str, ledger: Amount) -> Result<Amount, Refusal> {
    let window = WindowId::parse(window).unwrap();
    let counters = bench.state.snapshot().counters;
    let seen = counters.iter().find(|row| row.id == window).map_or(Amount::ZERO, |row| row.posted);
    match bench.run(&Command::Reconcile(Reconcile { window, seen, ..said(ledger) }))? {
        Reply::Reconciled(difference) => Ok(difference),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_window_becomes_what_the_ledger_says_in_its_own_dimensions() {
    let mut bench = roomy();
    bench.reserve(usual(1)).unwrap();
    bench.settle(settle_of(1, 120, 1_600)).unwrap();
    assert_eq!(reconcile(&mut bench, DAY, amount(3, 500, 9_000)), Ok(amount(2, 0, 0)));
    assert_eq!(reconcile(&mut bench, MONTH, amount(3, 500, 9_000)), Ok(amount(0, 380, 7_400)));
    assert_eq!(bench.numbers(), [(3, 0), (500, 0), (9_000, 0), (0, 0)]);
    assert_eq!(reconcile(&mut bench, MONTH, amount(3, 500, 9_000)), Ok(Amount::ZERO));
    assert_eq!(reconcile(&mut bench, MONTH, amount(0, 0, 0)), Ok(amount(0, -500, -9_000)));
}

#[test]
fn quota_may_be_dearer_by_a_nano_an_event_and_not_by_more_nor_cheaper() {
    let mut bench = roomy();
    bench.reserve(usual(1)).unwrap();
    bench.settle(settle_of(1, 120, 1_600)).unwrap();
    assert_eq!(reconcile(&mut bench, MONTH, amount(2, 120, 1_598)), Ok(Amount::ZERO));
    assert_eq!(reconcile(&mut bench, MONTH, amount(2, 120, 1_597)), Ok(amount(0, 0, -3)));
    assert_eq!(reconcile(&mut bench, MONTH, amount(2, 120, 1_598)), Ok(amount(0, 0, 1)));
}

#[test]
fn what_an_expired_hold_posted_goes_and_a_late_settle_posts_in_full() {
    let mut bench = roomy();
    bench.reserve(usual(1)).unwrap();
    bench.advance(TTL_DEFAULT_MS);
    assert_eq!(bench.run(&Command::Expire(8)), Ok(Reply::Expired(1)));
    assert_eq!(bench.numbers(), [(1, 0), (100, 0), (1_000, 0), (0, 0)]);
    reconcile(&mut bench, DAY, Amount::ZERO).unwrap();
    reconcile(&mut bench, MONTH, Amount::ZERO).unwrap();
    assert_eq!(bench.numbers(), [(0, 0); 4]);
    assert_eq!(bench.settle(settle_of(1, 120, 1_600)).unwrap().ending, Ending::LateSettled);
    assert_eq!(bench.numbers(), [(1, 0), (120, 0), (1_600, 0), (0, 0)]);
}

#[test]
fn only_the_dimensions_that_differ_lose_what_expired_holds_posted() {
    let mut bench = roomy();
    bench.reserve(usual(1)).unwrap();
    bench.advance(TTL_DEFAULT_MS);
    bench.run(&Command::Expire(8)).unwrap();
    // Another call's lost settle happens to cost what the expired hold posted.
    assert_eq!(reconcile(&mut bench, MONTH, amount(1, 70, 1_000)), Ok(amount(0, -30, 0)));
    bench.settle(settle_of(1, 120, 1_600)).unwrap();
    assert_eq!(bench.numbers()[1..3], [(190, 0), (1_600, 0)]);
}

#[test]
fn a_window_that_moves_or_is_not_kept_is_left_alone() {
    let mut bench = roomy();
    bench.reserve(usual(1)).unwrap();
    assert_eq!(reconcile(&mut bench, DAY, amount(5, 0, 0)), Err(Refusal::NotQuiet));
    assert_eq!(reconcile(&mut bench, MONTH, amount(5, 5, 5)), Err(Refusal::NotQuiet));
    bench.settle(settle_of(1, 120, 1_600)).unwrap();
    let stale = Reconcile { window: WindowId::parse(DAY).unwrap(), ..said(amount(5, 0, 0)) };
    assert_eq!(bench.run(&Command::Reconcile(stale)), Err(Refusal::NotQuiet));
    assert_eq!(reconcile(&mut bench, "d20261119", amount(5, 0, 0)), Err(Refusal::NotQuiet));
    assert_eq!(bench.numbers()[0], (1, 0));
}

#[test]
fn what_is_settled_and_not_in_the_ledger_yet_is_no_difference() {
    let mut bench = roomy();
    for number in 1..3 {
        bench.reserve(usual(number)).unwrap();
        bench.settle(settle_of(number, 120, 1_600)).unwrap();
    }
    let (seen, unconfirmed) = (amount(0, 240, 3_200), amount(1, 120, 1_600));
    let command = |ledger| Reconcile { unconfirmed, seen, ..said(ledger) };
    assert_eq!(command(amount(1, 120, 1_600)).difference(), Amount::ZERO);
    assert_eq!(command(Amount::ZERO).difference(), amount(0, -120, -1_600));
    let healed = bench.run(&Command::Reconcile(command(Amount::ZERO)));
    assert_eq!(healed, Ok(Reply::Reconciled(amount(0, -120, -1_600))));
    assert_eq!((bench.numbers()[1], bench.state.followed()), ((120, 0), 9));
}

#[test]
fn sums_that_following_has_overtaken_are_not_taken() {
    let mut bench = roomy();
    bench.reserve(usual(1)).unwrap();
    let counted = Amount { requests: 1, tokens: 120, cost_nano: 1_600 };
    let confirm = Confirm { key: key(1), transaction: 10, counted, before: Amount::ZERO, lost: None };
    bench.run(&Command::Confirm(confirm)).unwrap();
    assert_eq!(reconcile(&mut bench, MONTH, Amount::ZERO), Err(Refusal::NotQuiet));
    assert_eq!(bench.numbers()[1], (120, 0));
}

#[test]
fn a_heal_that_crosses_a_percentage_alerts() {
    let mut bench = Bench::new(caps(10, 1_000, 100_000, 5), CapAction::Suspend);
    let command = said(amount(9, 850, 10));
    let mut changes = Vec::new();
    bench.state.reconcile(&command, bench.now, &mut changes).unwrap();
    let alerts: Vec<_> = changes
        .iter()
        .filter_map(|change| match change {
            Change::Alert(alert) => Some((alert.dimension, alert.percent, alert.posted)),
            _ => None,
        })
        .collect();
    assert_eq!(alerts, [(Dimension::MonthTokens, 80, 850)]);
}

#[test]
fn the_windows_worth_a_look_are_the_open_ones_and_the_last_before_them() {
    let mut bench = roomy();
    bench.reserve(usual(1)).unwrap();
    bench.settle(settle_of(1, 120, 1_600)).unwrap();
    let names = |bench: &Bench| -> Vec<String> {
        let windows = bench.state.reconcilable(bench.now).unwrap();
        windows.iter().map(|(window, _)| window.to_string()).collect()
    };
    assert_eq!(names(&bench), [DAY, MONTH]);
    bench.advance(12 * 86_400_000);
    assert_eq!(names(&bench), ["d20261202", DAY, "M202612", MONTH]);
    // Also before any command rolled the windows over, and after.
    assert_eq!(reconcile(&mut bench, MONTH, amount(1, 130, 1_600)), Ok(amount(0, 10, 0)));
    assert_eq!(names(&bench), ["d20261202", DAY, "M202612", MONTH]);
}
