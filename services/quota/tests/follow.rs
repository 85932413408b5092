//! Quota and the ledger heal each other: what one of them missed comes from the other, once, in whatever order.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test stops on what it did not expect")]

mod support;

use std::time::Duration;

use kaleem_proto::quota::v1::{self as wire, quota_service_client::QuotaServiceClient};
use kaleem_quota::{
    Config, Rounds,
    machine::{Ending, MerchantState, Tombstone},
};
use kaleem_rpc::Transport;
use kaleem_runtime::config::Span;
use support::{
    Quota, billing::settle_with_event, fault, followed, following, heals, journal, journal_says, merchant,
    numbers, plan, reserve, settle, until,
};

type Client = QuotaServiceClient<Transport>;

const CALL: (i64, i64, i64) = (1, 120, 1_600);
const SELL_PICO: i64 = 1_600_000;

/// A quota that follows its ledger, without rounds of reconciliation that could hide what following misses.
async fn seated(adjust: impl FnOnce(&mut Config)) -> (Quota, Client) {
    let quota = Quota::start(|config| {
        config.reconcile_interval = Span::seconds(0);
        config.follow.push_interval = Span::millis(5);
        adjust(config);
    })
    .await;
    quota.accounts.put("dukkan", plan(100, 100_000, 1_000_000, 9));
    following(&quota).await;
    let client = support::client(&quota);
    (quota, client)
}

async fn hold(quota: &Quota, client: &mut Client) -> wire::Reservation {
    client.reserve(reserve("dukkan", quota.now())).await.unwrap().into_inner().reservation.unwrap()
}

/// Posted requests, tokens and nano-US-dollars.
async fn posted(client: &mut Client) -> (i64, i64, i64) {
    let numbers = numbers(client, "dukkan").await;
    (numbers[0].0, numbers[1].0, numbers[2].0)
}

fn inspect<T>(quota: &Quota, look: impl FnOnce(&MerchantState) -> T) -> Option<T> {
    quota.registry.inspect(&merchant("dukkan"), look).unwrap()
}

fn tombstone(quota: &Quota) -> Tombstone {
    inspect(quota, |state| *state.snapshot().tombstones.last().unwrap()).unwrap()
}

#[tokio::test]
async fn a_recorded_call_whose_settle_is_lost_frees_its_hold_and_its_late_settle_is_a_repetition() {
    let (quota, mut client) = seated(|_| {}).await;
    let held = hold(&quota, &mut client).await;
    quota.billing.record(&held, 20, SELL_PICO);
    until(|| inspect(&quota, MerchantState::hold_count) == Some(0)).await;
    assert_eq!(posted(&mut client).await, CALL);
    let answer = client.settle(settle(&held, 20, 1_600)).await.unwrap().into_inner();
    assert_eq!((answer.state(), answer.over_hold), (wire::ReservationState::Settled, false));
    assert_eq!(fault(client.settle(settle(&held, 21, 1_600)).await).reason, "RESERVATION_CONFLICT");
    assert_eq!(posted(&mut client).await, CALL);
}

#[tokio::test]
async fn a_settled_call_is_confirmed_and_what_it_carried_for_billing_is_dropped() {
    let (quota, mut client) = seated(|_| {}).await;
    let held = hold(&quota, &mut client).await;
    client.settle(settle_with_event(&held)).await.unwrap();
    quota.registry.flushed().await.unwrap();
    let kept = "SELECT count(*) FROM tombstone WHERE usage_event IS NOT NULL AND confirmed_at IS NULL";
    assert_eq!(journal(&quota, kept).await, Some(1));
    quota.billing.record(&held, 20, SELL_PICO);
    followed(&quota, "dukkan").await;
    assert_eq!((posted(&mut client).await, tombstone(&quota).ending), (CALL, Ending::Settled));
    assert_eq!(tombstone(&quota).confirmed_at, Some(quota.now()));
    quota.registry.flushed().await.unwrap();
    assert_eq!(journal(&quota, kept).await, Some(0));
    let dropped = "SELECT count(*) FROM tombstone WHERE usage_event IS NULL AND confirmed_at IS NOT NULL";
    assert_eq!(journal(&quota, dropped).await, Some(1));

    quota.clock.advance(Duration::from_mins(10));
    quota.registry.sweep().await.unwrap();
    quota.clock.advance(Duration::from_millis(1));
    journal_says(&quota, "SELECT count(*) FROM tombstone", 0).await;
}

#[tokio::test]
async fn a_settled_call_that_nobody_records_is_told_to_billing_once_and_never_healed_down() {
    let (quota, mut client) = seated(|_| {}).await;
    let held = hold(&quota, &mut client).await;
    client.settle(settle_with_event(&held)).await.unwrap();
    let mut rounds = Rounds::default();
    for _ in 0..3 {
        assert_eq!(quota.registry.reconcile(&mut rounds).await.unwrap(), 0);
    }
    let rebuild = wire::RebuildRequest { merchant_id: "dukkan".into() };
    client.rebuild(rebuild).await.unwrap();
    assert_eq!((posted(&mut client).await, quota.billing.told()), (CALL, 0));

    quota.clock.advance(Duration::from_mins(5));
    until(|| quota.billing.events() == 1).await;
    followed(&quota, "dukkan").await;
    assert_eq!(posted(&mut client).await, CALL);
    assert!(tombstone(&quota).confirmed_at.is_some());
    // It is not told again, and the gateway that comes back settles what was settled.
    quota.registry.flushed().await.unwrap();
    let told = quota.billing.told();
    let answer = client.settle(settle_with_event(&held)).await.unwrap().into_inner();
    assert_eq!(answer.state(), wire::ReservationState::Settled);
    for _ in 0..2 {
        assert_eq!(quota.registry.reconcile(&mut rounds).await.unwrap(), 0);
    }
    assert_eq!((posted(&mut client).await, quota.billing.told()), (CALL, told));
}

#[tokio::test]
async fn an_event_that_is_none_is_not_told_and_a_billing_that_is_away_is_told_later() {
    let (quota, mut client) = seated(|_| {}).await;
    let unreadable = hold(&quota, &mut client).await;
    client.settle(settle(&unreadable, 20, 1_600)).await.unwrap();
    let (other, held) = (hold(&quota, &mut client).await, hold(&quota, &mut client).await);
    // An event of another call than the one that it came with.
    let stolen = settle_with_event(&held).usage_event;
    client.settle(wire::SettleRequest { usage_event: stolen, ..settle(&other, 20, 1_600) }).await.unwrap();
    client.settle(settle_with_event(&held)).await.unwrap();
    quota.registry.flushed().await.unwrap();
    quota.billing.set_down(true);
    quota.clock.advance(Duration::from_mins(5));
    until(|| quota.billing.tried() > 1).await;
    assert_eq!((quota.billing.told(), quota.billing.events()), (0, 0));
    quota.billing.set_down(false);
    until(|| quota.billing.events() == 1).await;
    followed(&quota, "dukkan").await;
    assert_eq!(posted(&mut client).await, (3, 360, 4_800));
}

#[tokio::test]
async fn what_is_told_again_after_a_kill_between_applying_and_writing_the_position_changes_nothing() {
    let (quota, mut client) = seated(|_| {}).await;
    let (first, second, third) =
        (hold(&quota, &mut client).await, hold(&quota, &mut client).await, hold(&quota, &mut client).await);
    client.settle(settle(&first, 20, 1_600)).await.unwrap();
    quota.billing.record(&first, 20, SELL_PICO);
    quota.billing.record(&second, 20, SELL_PICO);
    quota.billing.amend(&first, (20, SELL_PICO), (30, 1_900_000));
    quota.billing.pay("dukkan", "pay-1", 5_000_000);
    quota.billing.record(&third, 20, SELL_PICO);
    followed(&quota, "dukkan").await;
    let expected = vec![(3, 0, 100), (370, 0, 100_000), (5_100, 0, 1_005_000), (0, 0, 9)];
    assert_eq!(numbers(&mut client, "dukkan").await, expected);
    quota.registry.flushed().await.unwrap();
    // As if the process had been killed before it wrote down any of its position, and forgot how the calls ended meanwhile.
    let killed = tempfile::tempdir().unwrap();
    let killed = killed.path().join("quota.db");
    copy_of_journal(&quota, &killed).await;
    let quota = quota.restart_from(&killed).await;
    let mut client = support::client(&quota);
    let fourth = hold(&quota, &mut client).await;
    quota.billing.record(&fourth, 20, SELL_PICO);
    followed(&quota, "dukkan").await;
    let expected = vec![(4, 0, 100), (490, 0, 100_000), (6_700, 0, 1_005_000), (0, 0, 9)];
    assert_eq!(numbers(&mut client, "dukkan").await, expected);
}

/// A copy of the journal that has no position and no tombstones.
async fn copy_of_journal(quota: &Quota, to: &std::path::Path) {
    use sqlx::{Connection as _, SqliteConnection, sqlite::SqliteConnectOptions};
    let open = |path: &std::path::Path| {
        let options = SqliteConnectOptions::new().filename(path);
        async move { SqliteConnection::connect_with(&options).await.unwrap() }
    };
    let mut journal = open(&quota.path()).await;
    sqlx::query("VACUUM INTO ?1").bind(to.to_str().unwrap()).execute(&mut journal).await.unwrap();
    let mut copy = open(to).await;
    for sql in ["UPDATE ledger_position SET position = baseline", "DELETE FROM tombstone"] {
        sqlx::query(sql).execute(&mut copy).await.unwrap();
    }
    journal.close().await.unwrap();
    copy.close().await.unwrap();
}

#[tokio::test]
async fn a_zombie_settles_an_expired_call_that_was_confirmed_and_forgotten() {
    let (quota, mut client) = seated(|_| {}).await;
    let held = hold(&quota, &mut client).await;
    quota.clock.advance(Duration::from_secs(31));
    quota.registry.sweep().await.unwrap();
    assert_eq!(posted(&mut client).await, (1, 100, 1_000));
    quota.billing.record(&held, 20, SELL_PICO);
    followed(&quota, "dukkan").await;
    assert_eq!((posted(&mut client).await, tombstone(&quota).ending), (CALL, Ending::LateSettled));
    let late = client.settle(settle(&held, 20, 1_600)).await.unwrap().into_inner();
    assert_eq!(late.state(), wire::ReservationState::LateSettled);

    quota.clock.advance(Duration::from_mins(11));
    forgotten(&quota, &mut client).await;
    let late = client.settle(settle_with_event(&held)).await.unwrap().into_inner();
    assert_eq!((late.state(), late.over_hold), (wire::ReservationState::LateSettled, false));
    assert_eq!(posted(&mut client).await, CALL);

    // Without billing it is taken as late and counts twice, until billing says that it had it.
    quota.billing.set_down(true);
    client.settle(settle_with_event(&held)).await.unwrap();
    assert_eq!(posted(&mut client).await, (2, 240, 3_200));
    quota.registry.flushed().await.unwrap();
    quota.billing.set_down(false);
    quota.clock.advance(Duration::from_mins(5));
    until(|| {
        inspect(&quota, |state| state.snapshot().tombstones.iter().all(|it| !it.awaits_ledger()))
            == Some(true)
    })
    .await;
    assert_eq!((posted(&mut client).await, quota.billing.events()), (CALL, 1));
}

/// Waits until neither memory nor the journal knows how a call ended.
async fn forgotten(quota: &Quota, client: &mut Client) {
    journal_says(quota, "SELECT count(*) FROM tombstone", 0).await;
    numbers(client, "dukkan").await;
    assert_eq!(inspect(quota, |state| state.snapshot().tombstones.len()), Some(0));
}

#[tokio::test]
async fn a_call_that_was_given_back_and_billed_counts_and_so_does_one_whose_hold_was_lost() {
    let (quota, mut client) = seated(|_| {}).await;
    let given_back = hold(&quota, &mut client).await;
    let release =
        wire::ReleaseRequest { reservation: Some(given_back.clone()), ..wire::ReleaseRequest::default() };
    client.release(release).await.unwrap();
    quota.billing.record(&given_back, 20, SELL_PICO);
    followed(&quota, "dukkan").await;
    assert_eq!(posted(&mut client).await, CALL);
    quota.registry.flushed().await.unwrap();

    let lost = hold(&quota, &mut client).await;
    quota.registry.flushed().await.unwrap();
    journal(&quota, "DELETE FROM hold").await;
    let quota = quota.restart().await;
    let mut client = support::client(&quota);
    assert_eq!(posted(&mut client).await, CALL);
    quota.billing.record(&lost, 20, SELL_PICO);
    followed(&quota, "dukkan").await;
    assert_eq!(posted(&mut client).await, (2, 240, 3_200));
    let late = client.settle(settle(&lost, 20, 1_600)).await.unwrap().into_inner();
    assert_eq!(late.state(), wire::ReservationState::LateSettled);
    assert_eq!(posted(&mut client).await, (2, 240, 3_200));
}

#[tokio::test]
async fn a_payment_raises_the_cap_of_the_month_once_however_often_it_is_told() {
    let (quota, mut client) = seated(|_| {}).await;
    quota.accounts.put("dukkan", plan(100, 100_000, 2_000, 9));
    let refused = fault(client.reserve(reserve("dukkan", quota.now())).await);
    assert_eq!(refused.reason, "QUOTA_EXCEEDED");
    // Told once each, and all of it again and again; a fraction of a nano is not given.
    for _ in 0..5 {
        quota.billing.pay("dukkan", "pay-1", 1_000_999);
        quota.billing.rewind();
        until(|| quota.billing.is_told_again()).await;
    }
    let served = async {
        while client.reserve(reserve("dukkan", quota.now())).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), served).await.expect("the merchant is served again");
    assert_eq!(numbers(&mut client, "dukkan").await[2], (0, 2_500, 3_000));
    // Known for good, also to a process that starts from the beginning.
    let quota = quota.restart().await;
    let mut client = support::client(&quota);
    quota.billing.rewind();
    quota.billing.pay("dukkan", "pay-2", 500_000);
    let paid = async {
        while numbers(&mut client, "dukkan").await[2].2 != 3_500 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), paid).await.expect("the second payment counts");
}

#[tokio::test]
async fn what_cannot_be_applied_holds_up_nothing_else() {
    let (quota, mut client) = seated(|_| {}).await;
    let held = hold(&quota, &mut client).await;
    let foreign = wire::Reservation { merchant_id: "stranger".into(), ..held.clone() };
    quota.billing.record(&foreign, 20, SELL_PICO);
    let unreadable =
        wire::Reservation { request_id: "not-a-uuid".into(), event_id: "x".into(), ..held.clone() };
    quota.billing.record(&unreadable, 20, SELL_PICO);
    quota.billing.pay("stranger", "pay-1", 1_000_000);
    quota.billing.pay("dukkan", "pay-2", i64::MAX);
    quota.billing.record(&held, 20, SELL_PICO);
    followed(&quota, "dukkan").await;
    assert_eq!(posted(&mut client).await, CALL);
    assert_eq!(quota.registry.inspect(&merchant("stranger"), |_| ()).unwrap(), None);
}

#[tokio::test]
async fn a_ledger_that_was_there_before_is_a_matter_of_sums_and_what_settled_before_is_not_counted_twice() {
    let (quota, mut client) = {
        let quota = Quota::start(|config| {
            config.reconcile_interval = Span::seconds(0);
            config.follow.push_interval = Span::millis(5);
        })
        .await;
        quota.billing.set_followed(false);
        quota.accounts.put("dukkan", plan(100, 100_000, 1_000_000, 9));
        let client = support::client(&quota);
        (quota, client)
    };
    // The store of a quota that never followed, as after its upgrade.
    journal(&quota, "DELETE FROM ledger_position").await;
    let quota = quota.restart().await;
    drop(client);
    client = support::client(&quota);
    let held = hold(&quota, &mut client).await;
    client.settle(settle_with_event(&held)).await.unwrap();
    quota.billing.record(&held, 20, SELL_PICO);
    let older = wire::Reservation { event_id: "202603/older/0".into(), ..held.clone() };
    quota.billing.record(&older, 20, SELL_PICO);
    let mut rounds = Rounds::default();
    for _ in 0..2 {
        let healed = quota.registry.reconcile(&mut rounds).await.unwrap();
        assert_eq!(healed, 0, "nothing is compared before quota knows where the ledger ends");
    }
    quota.clock.advance(Duration::from_millis(1));
    quota.billing.set_followed(true);
    following(&quota).await;
    assert_eq!(heals(&quota, &mut rounds).await, 2);
    assert_eq!(posted(&mut client).await, (2, 240, 3_200));
    // Told of, it turns out to be known from before, and stays as it is.
    quota.clock.advance(Duration::from_mins(5));
    until(|| tombstone(&quota).confirmed_at.is_some()).await;
    assert_eq!(posted(&mut client).await, (2, 240, 3_200));
    assert_eq!(quota.billing.events(), 2);
}
