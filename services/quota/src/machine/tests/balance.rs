//! The balance of a merchant that pays ahead.

use super::*;

const PLENTY: i64 = 1_000_000_000;

/// A merchant that pays ahead, with no cap in the way and a balance that is not known yet.
fn prepaid(on_cap: CapAction) -> Bench {
    prepaid_with(caps(PLENTY, PLENTY, PLENTY, PLENTY), on_cap)
}

fn prepaid_with(caps: Caps, on_cap: CapAction) -> Bench {
    let mut profile = profile(caps, on_cap);
    profile.policy.billing_mode = BillingMode::Prepaid;
    Bench::of(profile)
}

/// One that paid so much and was charged nothing.
fn paid(paid_nano: i64) -> Bench {
    let mut bench = prepaid(CapAction::Suspend);
    bench.put(paid_nano, 0, 0).unwrap();
    bench
}

impl Bench {
    fn put(&mut self, paid_nano: i64, charged_nano: i64, transaction: i64) -> Result<i64, Refusal> {
        let seen = self.state.balance_seen(self.now, &mut Vec::new()).unwrap().unwrap();
        let put = PutBalance { paid_nano, charged_nano, unconfirmed_nano: 0, transaction, seen };
        match self.run(&Command::PutBalance(put))? {
            Reply::BalancePut(difference) => Ok(difference),
            other => panic!("{other:?}"),
        }
    }

    fn credit(&mut self, paid_nano: i64, transaction: i64) -> Result<bool, Refusal> {
        match self.run(&Command::Credit(Credit { paid_nano, transaction }))? {
            Reply::Credited(is_news) => Ok(is_news),
            other => panic!("{other:?}"),
        }
    }

    fn pays(&mut self, billing_mode: BillingMode) {
        let mut profile = self.state.record().profile;
        profile.policy.billing_mode = billing_mode;
        self.run(&Command::PutPolicy(PutPolicy { profile, origin: Origin::Operator })).unwrap();
    }

    fn usage(&mut self) -> Usage {
        self.state.usage(self.now, &mut Vec::new()).unwrap()
    }

    /// `(posted, held, paid)`
    fn balance(&mut self) -> (i64, i64, i64) {
        let balance = self.usage().balance.unwrap();
        (balance.posted, balance.held, balance.cap)
    }

    fn told(&mut self, command: &Command) -> Vec<(Dimension, i32, i64)> {
        let mut changes = Vec::new();
        let _ = apply(&mut self.state, command, self.now, &mut changes);
        assert_eq!(self.state.audit(), Ok(()));
        let alert = |change: &Change| match change {
            Change::Alert(alert) if alert.superseded_by.is_none() => {
                Some((alert.dimension, alert.percent, alert.cap_version))
            }
            _ => None,
        };
        changes.iter().filter_map(alert).filter(|(dimension, ..)| *dimension == Dimension::Balance).collect()
    }
}

#[test]
fn a_call_draws_on_what_was_paid_beside_every_cap() {
    let mut bench = paid(6_000);
    let first = bench.reserve(usual(1)).unwrap();
    assert_eq!((first.remaining.balance, bench.balance()), (Some(3_500), (0, 2_500, 6_000)));
    bench.reserve(usual(2)).unwrap();
    let over = bench.over(usual(3));
    assert_eq!((over.dimension, over.posted, over.held, over.cap), (Dimension::Balance, 0, 5_000, 6_000));
    // Only holds are in the way, and one of them may end in less.
    assert_eq!((over.window, over.retry_after_ms), (None, Some(TTL_DEFAULT_MS)));
    let settled = bench.settle(settle_of(1, 120, 1_600)).unwrap();
    assert_eq!((settled.remaining.balance, bench.balance()), (Some(1_900), (1_600, 2_500, 6_000)));
    bench.release(2).unwrap();
    assert_eq!(bench.balance(), (1_600, 0, 6_000));
    bench.reserve(usual(4)).unwrap();
    bench.settle(settle_of(4, 150, 2_500)).unwrap();
    let over = bench.over(usual(5));
    assert_eq!((over.posted, over.needed, over.retry_after_ms), (4_100, 2_500, None), "only a payment helps");
}

#[test]
fn every_dimension_still_counts_and_the_first_one_that_is_spent_is_named() {
    for (caps, dimension) in [
        (caps(1, PLENTY, PLENTY, 9), Dimension::DayRequests),
        (caps(9, 150, PLENTY, 9), Dimension::MonthTokens),
        (caps(9, PLENTY, 2_500, 9), Dimension::MonthCost),
        (caps(9, PLENTY, PLENTY, 9), Dimension::Balance),
        (caps(9, PLENTY, PLENTY, 1), Dimension::Balance),
    ] {
        let mut bench = prepaid_with(caps, CapAction::Suspend);
        bench.put(2_500, 0, 0).unwrap();
        bench.reserve(usual(1)).unwrap();
        assert_eq!(bench.over(usual(2)).dimension, dimension);
    }
}

#[test]
fn nothing_is_admitted_or_checked_before_the_balance_is_known_and_what_is_repeated_is() {
    let mut bench = prepaid(CapAction::Suspend);
    for mode in [Mode::Normal, Mode::Shrink, Mode::CheckOnly] {
        let asked = reserve_of(1, mode, vec![candidate(1, 1, 0, 0)]);
        assert_eq!(bench.reserve(asked), Err(Refusal::BalanceUnknown));
    }
    assert_eq!((bench.usage().balance, bench.usage().is_prepaid), (None, true));
    bench.put(9_000, 500, 7).unwrap();
    assert_eq!((bench.balance(), bench.state.followed()), ((500, 0, 9_000), 7));
    bench.reserve(usual(1)).unwrap();
    // In shadow nothing is bounded.
    let mut shadow = prepaid(CapAction::Suspend);
    shadow.state = shadow.state.in_shadow(true);
    assert_eq!(shadow.reserve(usual(1)).unwrap().waived, None);
    shadow.put(2_499, 0, 0).unwrap();
    assert_eq!(shadow.reserve(usual(2)).unwrap().waived.unwrap().dimension, Dimension::Balance);
}

#[test]
fn what_is_left_when_the_month_ends_is_there_in_the_next_one_exactly() {
    let mut bench = paid(20_001);
    for call in 0..5 {
        bench.reserve(usual(call)).unwrap();
        bench.settle(settle_of(call, 150, 2_333)).unwrap();
        bench.now = bench.now.plus_millis(31 * 86_400_000);
    }
    assert_eq!(bench.balance(), (11_665, 0, 20_001));
    assert_eq!(bench.numbers()[2], (0, 0), "the month has used nothing yet");
    // Long after their months are forgotten, charges count, and go back into the balance when they are taken back.
    bench.now = bench.now.plus_millis(400 * 86_400_000);
    bench.reserve(usual(9)).unwrap();
    bench.release(9).unwrap();
    let old = Lost { admitted_at: at(RIYADH_NOON), day: day(), month: month(), epoch: 1 };
    let charged = Amount { requests: 1, tokens: 150, cost_nano: 2_333 };
    let reversal =
        Confirm { key: key(0), transaction: 1, counted: Amount::ZERO, before: charged, lost: Some(old) };
    bench.run(&Command::Confirm(reversal)).unwrap();
    assert_eq!(bench.balance(), (9_332, 0, 20_001));
}

fn day() -> WindowId {
    WindowId::parse("d20261120").unwrap()
}

fn month() -> WindowId {
    WindowId::parse("M202611").unwrap()
}

#[test]
fn a_payment_counts_once_by_its_transaction_and_serves_at_once() {
    let mut bench = paid(2_500);
    bench.reserve(usual(1)).unwrap();
    bench.settle(settle_of(1, 150, 2_500)).unwrap();
    bench.over(usual(2));
    for (paid_nano, transaction, is_news) in [(5_000, 4, true), (5_000, 4, false), (7_500, 3, false)] {
        assert_eq!(bench.credit(paid_nano, transaction), Ok(is_news));
        assert_eq!(bench.balance(), (2_500, 0, 5_000));
    }
    bench.reserve(usual(2)).unwrap();
}

#[test]
fn more_that_goes_back_than_is_left_makes_a_debt_that_the_next_payment_pays_first() {
    let mut bench = paid(10_000);
    bench.reserve(usual(1)).unwrap();
    bench.settle(settle_of(1, 150, 2_500)).unwrap();
    bench.reserve(usual(2)).unwrap();
    bench.credit(1_000, 1).unwrap();
    assert_eq!((bench.balance(), bench.posture()), ((2_500, 2_500, 1_000), Posture::NearCap));
    bench.settle(settle_of(2, 150, 2_500)).unwrap();
    let over = bench.over(usual(3));
    assert_eq!((over.posted, over.cap, over.retry_after_ms), (5_000, 1_000, None));
    assert_eq!(bench.reserve(usual(3)).map(|_| ()), Err(Refusal::OverCap(over)), "again");
    bench.credit(5_000, 2).unwrap();
    bench.over(usual(3));
    bench.credit(7_500, 3).unwrap();
    assert_eq!(bench.reserve(usual(3)).unwrap().remaining.balance, Some(0));
}

#[test]
fn an_answer_is_shortened_to_what_the_balance_pays() {
    // 100 tokens in cost 1,000 nano and each token out 30.
    let mut bench = paid(1_000 + 30 * 7 + 29);
    let shrunk = reserve_of(1, Mode::Shrink, vec![candidate(100, 50, 10_000, 30_000)]);
    let reserved = bench.reserve(shrunk).unwrap();
    assert_eq!((reserved.decision, reserved.granted_output), (Decision::DegradeShorter, 7));
    assert_eq!(bench.balance(), (0, 1_210, 1_239));
}

#[test]
fn a_free_model_stands_in_for_a_paid_one_only_where_the_plan_degrades() {
    let ladder = || vec![candidate(100, 50, 10_000, 30_000), candidate(100, 50, 0, 0)];
    for mode in [Mode::Normal, Mode::Shrink] {
        let mut suspends = paid(999);
        let over = suspends.over(reserve_of(1, mode, ladder()));
        assert_eq!((over.dimension, over.needed), (Dimension::Balance, 2_500));
        let mut degrades = prepaid(CapAction::Degrade);
        degrades.put(999, 0, 0).unwrap();
        let reserved = degrades.reserve(reserve_of(1, mode, ladder())).unwrap();
        assert_eq!((reserved.decision, reserved.candidate_index), (Decision::DegradeModel, 1));
    }
    // Alone it is nobody's stand-in until the money is used up.
    let mut bench = paid(1);
    bench.reserve(reserve_of(1, Mode::Normal, vec![candidate(100, 50, 0, 0)])).unwrap();
    bench.credit(0, 1).unwrap();
    let over = bench.over(reserve_of(2, Mode::Normal, vec![candidate(100, 50, 0, 0)]));
    assert_eq!(over.dimension, Dimension::Balance);
}

#[test]
fn another_candidate_may_use_what_the_first_one_held_of_the_balance() {
    let mut bench = paid(2_600);
    bench.reserve(usual(1)).unwrap();
    let adjust = |output_pico, print| {
        Command::Adjust(Adjust {
            key: key(1),
            candidates: vec![candidate(100, 50, 10_000, output_pico)],
            fingerprint: Fingerprint(1, print),
        })
    };
    bench.run(&adjust(32_000, 3)).unwrap();
    assert_eq!(bench.balance(), (0, 2_600, 2_600));
    assert!(
        matches!(bench.run(&adjust(32_020, 4)), Err(Refusal::OverCap(over)) if over.dimension == Dimension::Balance)
    );
    assert_eq!(bench.balance(), (0, 2_600, 2_600));
}

#[test]
fn who_pays_afterwards_has_no_balance_and_who_turns_to_paying_ahead_begins_with_what_the_ledger_says() {
    let mut bench = roomy();
    bench.reserve(usual(1)).unwrap();
    bench.settle(settle_of(1, 150, 2_500)).unwrap();
    bench.reserve(usual(2)).unwrap();
    assert_eq!(bench.credit(9_000, 3), Ok(true), "noted, so that older sums are not taken for it");
    assert_eq!((bench.usage().balance, bench.state.followed()), (None, 3));
    bench.pays(BillingMode::Prepaid);
    assert_eq!(bench.reserve(usual(3)), Err(Refusal::BalanceUnknown));
    assert_eq!(bench.put(0, 2_500, 2), Err(Refusal::NotQuiet), "from before the payment");
    bench.put(9_000, 2_500, 3).unwrap();
    assert_eq!(bench.balance(), (2_500, 2_500, 9_000), "with the call in flight");
    bench.pays(BillingMode::Postpaid);
    bench.settle(settle_of(2, 150, 2_500)).unwrap();
    assert_eq!(bench.usage().balance, None);
    bench.pays(BillingMode::Prepaid);
    bench.put(9_000, 5_000, 4).unwrap();
    assert_eq!(bench.balance(), (5_000, 0, 9_000));
}

#[test]
fn sums_that_something_overtook_are_not_taken() {
    let mut bench = paid(9_000);
    let seen = bench.state.balance_seen(bench.now, &mut Vec::new()).unwrap().unwrap();
    let put = PutBalance { paid_nano: 9_000, charged_nano: 0, unconfirmed_nano: 0, transaction: 0, seen };
    assert!(put.agrees());
    bench.reserve(usual(1)).unwrap();
    assert_eq!(bench.run(&Command::PutBalance(put)), Ok(Reply::BalancePut(0)), "a hold is no usage");
    bench.settle(settle_of(1, 150, 2_500)).unwrap();
    assert_eq!(bench.run(&Command::PutBalance(put)), Err(Refusal::NotQuiet));
    assert_eq!(bench.put(9_000, 2_400, 1), Ok(100), "what rounding took is given back");
    assert_eq!(bench.balance(), (2_400, 0, 9_000));
}

#[test]
fn numbers_beyond_exact_doubles_are_refused_and_change_nothing() {
    let mut bench = prepaid(CapAction::Suspend);
    for (paid_nano, charged_nano) in [(COUNT_MAX + 1, 0), (0, COUNT_MAX + 1), (-1, 0)] {
        assert_eq!(bench.put(paid_nano, charged_nano, 1), Err(Refusal::CapTooLarge));
    }
    assert_eq!((bench.usage().balance, bench.state.followed()), (None, 0));
    bench.put(COUNT_MAX, COUNT_MAX - 2_500, 1).unwrap();
    assert_eq!(bench.credit(COUNT_MAX + 1, 2), Err(Refusal::CapTooLarge));
    assert_eq!(bench.reserve(usual(1)).unwrap().remaining.balance, Some(0));
    bench.over(usual(2));
    // Who pays afterwards may have paid more over the years.
    let mut afterwards = roomy();
    assert_eq!(afterwards.credit(COUNT_MAX + 1, 2), Ok(true));
}

#[test]
fn percentages_are_of_what_was_there_after_the_last_payment_and_each_payment_arms_them_again() {
    // 60, 80, 90 and 95 % where the plan names none.
    let mut bench = prepaid(CapAction::Suspend);
    bench.state.profile.policy.alert_percents.clear();
    bench.put(1_000_000, 990_000, 0).unwrap();
    let spend = |bench: &mut Bench, number, cost_nano| {
        bench.reserve(usual(number)).unwrap();
        bench.told(&Command::Settle(settle_of(number, 1, cost_nano)))
    };
    assert_eq!(spend(&mut bench, 1, 5_999), [], "10,000 were there when it was first seen");
    assert_eq!(spend(&mut bench, 2, 1), [(Dimension::Balance, 60, 1)]);
    assert_eq!(bench.posture(), Posture::Normal);
    assert_eq!(bench.told(&Command::Credit(Credit { paid_nano: 1_016_000, transaction: 1 })), []);
    assert_eq!(spend(&mut bench, 3, 11_999), [], "20,000 are there now");
    assert_eq!(spend(&mut bench, 4, 4_001), [(Dimension::Balance, 80, 2)], "60 % is told with it");
    // Money that goes back is used as well.
    assert_eq!(
        bench.told(&Command::Credit(Credit { paid_nano: 1_013_900, transaction: 2 })),
        [(Dimension::Balance, 90, 2)]
    );
    assert_eq!(bench.posture(), Posture::NearCap);
    assert_eq!(bench.told(&Command::Reserve(usual(5))), [(Dimension::Balance, CAP_REACHED_PERCENT, 2)]);
    assert_eq!(bench.told(&Command::Reserve(usual(6))), []);
    assert_eq!(bench.told(&Command::Credit(Credit { paid_nano: 2_000_000, transaction: 3 })), []);
    bench.reserve(usual(5)).unwrap();
}

#[test]
fn a_store_brings_the_balance_back_also_one_of_nothing() {
    for (paid_nano, charged_nano) in [(0, 0), (9_000, 2_000)] {
        let mut bench = prepaid(CapAction::Suspend);
        bench.put(paid_nano, charged_nano, 5).unwrap();
        let _ = bench.reserve(usual(1));
        let kept = bench.state.snapshot();
        let mut again = MerchantState::restore(kept.clone(), 1, Limits::default(), bench.now).unwrap();
        assert_eq!(again.snapshot(), kept);
        let numbers = |state: &mut MerchantState| state.usage(bench.now, &mut Vec::new()).unwrap().balance;
        assert_eq!(numbers(&mut again), numbers(&mut bench.state));
    }
}
