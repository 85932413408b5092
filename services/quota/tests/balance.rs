//! Merchants that pay ahead: what they paid and did not use is there whatever happens, and nobody spends more.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test stops on what it did not expect")]

mod support;

use std::time::Duration;

use kaleem_proto::{
    accounts::v1::Plan,
    quota::v1::{self as wire, get_usage_response::Dimension, quota_service_client::QuotaServiceClient},
};
use kaleem_quota::{Config, Rounds, machine::MerchantState};
use kaleem_rpc::{Code, Transport};
use kaleem_runtime::config::Span;
use support::{
    Quota, fault, followed, following, merchant, plan, prepaid, reserve, settle,
    stores::{Backend, Stores},
    until, usage,
};

type Client = QuotaServiceClient<Transport>;

const PLENTY: i64 = 1_000_000_000;

fn shop_plan() -> Plan {
    prepaid(plan(PLENTY, PLENTY, PLENTY, 9))
}

/// A quota that follows its ledger and whose rounds the test makes itself, with a merchant that pays ahead.
async fn seated(adjust: impl FnOnce(&mut Config)) -> (Quota, Client) {
    let quota = Quota::start(|config| {
        config.reconcile_interval = Span::seconds(0);
        adjust(config);
    })
    .await;
    quota.accounts.put("dukkan", shop_plan());
    following(&quota).await;
    let client = support::client(&quota);
    (quota, client)
}

async fn hold(quota: &Quota, client: &mut Client) -> wire::Reservation {
    client.reserve(reserve("dukkan", quota.now())).await.unwrap().into_inner().reservation.unwrap()
}

/// A call of 1,600 nano that both sides know.
async fn call(quota: &Quota, client: &mut Client) -> wire::Reservation {
    let held = hold(quota, client).await;
    client.settle(settle(&held, 20, 1_600)).await.unwrap();
    quota.billing.record(&held, 20, 1_600_000);
    followed(quota, "dukkan").await;
    held
}

async fn shown(client: &mut Client) -> Option<Dimension> {
    usage(client, "dukkan").await.dimensions.into_iter().find(|of| of.name == "balance_nano_usd")
}

/// `(posted, held, paid)` in nano-US-dollars.
async fn balance(client: &mut Client) -> (i64, i64, i64) {
    let balance = shown(client).await.expect("the balance is known");
    (balance.posted, balance.held, balance.cap)
}

/// Waits until the balance is what `wanted` says.
async fn balance_is(client: &mut Client, wanted: (i64, i64, i64)) {
    let wait = async {
        while balance(client).await != wanted {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), wait).await.expect("the balance is so within 10 s");
}

#[tokio::test]
async fn a_spent_balance_says_what_was_paid_and_used_and_that_a_payment_helps() {
    let (quota, mut client) = seated(|_| {}).await;
    quota.billing.pay_ahead("dukkan", "pay-1", 2_500_999);
    call(&quota, &mut client).await;
    let refused = fault(client.reserve(reserve("dukkan", quota.now())).await);
    assert_eq!((refused.code, refused.reason.as_str()), (Code::ResourceExhausted, "QUOTA_EXCEEDED"));
    let facts = ["limit", "spent", "held", "cap", "needed", "window"];
    let facts = facts.map(|fact| refused.metadata[fact].as_str());
    assert_eq!(facts, ["balance_nano_usd", "1600", "0", "2500", "2500", "ever"]);
    assert_eq!((refused.metadata.get("reset_time"), refused.retry_after), (None, None));
    assert!(
        refused.message.contains("2500 paid") && refused.message.contains("top up"),
        "{}",
        refused.message
    );
    let row = shown(&mut client).await.unwrap();
    assert_eq!((row.window_id.as_str(), row.reset_time), ("ever", None));
    // A payment serves it again, however often it is told.
    for _ in 0..5 {
        quota.billing.pay_ahead("dukkan", "pay-2", 1_600_001);
        quota.billing.rewind();
        until(|| quota.billing.is_told_again()).await;
    }
    balance_is(&mut client, (1_600, 0, 4_101)).await;
    let reserved = client.reserve(reserve("dukkan", quota.now())).await.unwrap().into_inner();
    assert_eq!(reserved.remaining.unwrap().balance_nano_usd, Some(1));
}

#[tokio::test]
async fn what_is_left_is_there_next_month_and_after_a_restart_to_the_nano() {
    let (quota, mut client) = seated(|_| {}).await;
    quota.billing.pay_ahead("dukkan", "pay-1", 100_000_001_000);
    for _ in 0..3 {
        call(&quota, &mut client).await;
        quota.clock.advance(Duration::from_hours(31 * 24));
    }
    assert_eq!(balance(&mut client).await, (4_800, 0, 100_000_001));
    assert_eq!(usage(&mut client, "dukkan").await.dimensions[2].posted, 0, "the month has used nothing");
    quota.registry.flushed().await.unwrap();
    let asked = quota.billing.asked_balances();
    let quota = quota.restart().await;
    let mut client = support::client(&quota);
    hold(&quota, &mut client).await;
    assert_eq!(balance(&mut client).await, (4_800, 2_500, 100_000_001));
    assert_eq!(quota.billing.asked_balances(), asked, "what is known is not asked for again");
}

#[tokio::test]
async fn a_quota_that_lost_its_store_has_the_balance_of_the_ledger_and_so_has_one_that_comes_later() {
    let (quota, mut client) = seated(|_| {}).await;
    quota.billing.pay_ahead("dukkan", "pay-1", 50_000_000);
    let first = call(&quota, &mut client).await;
    quota.clock.advance(Duration::from_hours(31 * 24));
    call(&quota, &mut client).await;
    quota.billing.pay_ahead("dukkan", "refund-1", -10_000_000);
    quota.billing.amend(&first, (20, 1_600_000), (10, 1_300_000));
    followed(&quota, "dukkan").await;
    let before = balance(&mut client).await;
    assert_eq!(before, (2_900, 0, 40_000));
    let folder = tempfile::tempdir().unwrap();
    let config = Config { path: folder.path().join("empty.db"), ..quota.config.clone() };
    let clock = quota.clock.clone();
    let empty = Quota::open_with(config, clock, quota.accounts.clone(), quota.billing.clone()).await;
    let mut anew = support::client(&empty);
    following(&empty).await;
    hold(&empty, &mut anew).await;
    assert_eq!(balance(&mut anew).await, (2_900, 2_500, 40_000));
    // Both go on from the same ledger.
    quota.billing.pay_ahead("dukkan", "pay-2", 1_000_000);
    balance_is(&mut anew, (2_900, 2_500, 41_000)).await;
    balance_is(&mut client, (2_900, 0, 41_000)).await;
}

#[tokio::test]
async fn a_balance_that_differs_is_healed_after_two_rounds_and_by_a_rebuild_at_once() {
    let (quota, mut client) = seated(|_| {}).await;
    quota.billing.pay_ahead("dukkan", "pay-1", 50_000_000);
    call(&quota, &mut client).await;
    let unrecorded = hold(&quota, &mut client).await;
    client.settle(settle(&unrecorded, 20, 1_600)).await.unwrap();
    let mut rounds = Rounds::default();
    for _ in 0..3 {
        quota.registry.reconcile(&mut rounds).await.unwrap();
        assert_eq!(balance(&mut client).await, (3_200, 0, 50_000), "what is on its way is no difference");
    }
    quota.billing.set_charged("dukkan", 9_000_001);
    quota.registry.reconcile(&mut rounds).await.unwrap();
    assert_eq!(balance(&mut client).await, (3_200, 0, 50_000));
    quota.registry.reconcile(&mut rounds).await.unwrap();
    assert_eq!(balance(&mut client).await, (9_001 + 1_600, 0, 50_000));
    // A fraction that rounding took is given back as well.
    quota.billing.set_charged("dukkan", 9_000_000);
    for _ in 0..2 {
        quota.registry.reconcile(&mut rounds).await.unwrap();
    }
    assert_eq!(balance(&mut client).await, (9_000 + 1_600, 0, 50_000));
    quota.billing.set_charged("dukkan", 4_000_000);
    assert_eq!(quota.registry.rebuild(Some(&merchant("dukkan"))).await.unwrap(), 1);
    assert_eq!(balance(&mut client).await, (4_000 + 1_600, 0, 50_000));
}

#[tokio::test]
async fn more_that_goes_back_than_is_left_refuses_until_it_is_paid_again() {
    let (quota, mut client) = seated(|_| {}).await;
    quota.billing.pay_ahead("dukkan", "pay-1", 10_000_000);
    call(&quota, &mut client).await;
    let in_flight = hold(&quota, &mut client).await;
    quota.billing.pay_ahead("dukkan", "chargeback-1", -10_000_000);
    balance_is(&mut client, (1_600, 2_500, 0)).await;
    client.settle(settle(&in_flight, 20, 1_600)).await.unwrap();
    assert_eq!(fault(client.reserve(reserve("dukkan", quota.now())).await).reason, "QUOTA_EXCEEDED");
    quota.billing.pay_ahead("dukkan", "pay-2", 5_699_000);
    balance_is(&mut client, (3_200, 0, 5_699)).await;
    assert_eq!(fault(client.reserve(reserve("dukkan", quota.now())).await).reason, "QUOTA_EXCEEDED");
    quota.billing.pay_ahead("dukkan", "pay-3", 1_000);
    balance_is(&mut client, (3_200, 0, 5_700)).await;
    hold(&quota, &mut client).await;
}

#[tokio::test]
async fn without_the_ledger_a_known_balance_serves_on_and_an_unknown_one_refuses() {
    let (quota, mut client) = seated(|_| {}).await;
    quota.billing.pay_ahead("dukkan", "pay-1", 10_000_000);
    quota.billing.set_down(true);
    let refused = fault(client.reserve(reserve("dukkan", quota.now())).await);
    assert_eq!((refused.code, refused.reason.as_str()), (Code::Unavailable, "STORE_UNAVAILABLE"));
    assert_eq!(shown(&mut client).await, None);
    assert_eq!(usage(&mut client, "dukkan").await.dimensions.len(), 4);
    quota.billing.set_down(false);
    hold(&quota, &mut client).await;
    quota.billing.set_down(true);
    hold(&quota, &mut client).await;
    assert_eq!(balance(&mut client).await, (0, 5_000, 10_000));
}

#[tokio::test]
async fn a_merchant_that_turns_to_paying_ahead_owes_what_it_used_and_one_that_turns_back_has_no_balance() {
    let (quota, mut client) = seated(|_| {}).await;
    quota.accounts.put("dukkan", plan(PLENTY, PLENTY, PLENTY, 9));
    quota.accounts.listened().await;
    call(&quota, &mut client).await;
    let unrecorded = hold(&quota, &mut client).await;
    client.settle(settle(&unrecorded, 20, 1_600)).await.unwrap();
    assert_eq!((shown(&mut client).await, quota.billing.asked_balances()), (None, 0));
    let turn = async |plan: Plan, client: &mut Client, wanted: usize| {
        quota.accounts.put("dukkan", plan);
        quota.accounts.announce(Some("dukkan"));
        while usage(client, "dukkan").await.dimensions.len() != wanted {
            tokio::task::yield_now().await;
        }
    };
    turn(shop_plan(), &mut client, 5).await;
    assert_eq!(balance(&mut client).await, (3_200, 0, 0));
    assert_eq!(fault(client.reserve(reserve("dukkan", quota.now())).await).reason, "QUOTA_EXCEEDED");
    quota.billing.pay_ahead("dukkan", "pay-1", 5_700_000);
    balance_is(&mut client, (3_200, 0, 5_700)).await;
    let held = hold(&quota, &mut client).await;
    turn(plan(PLENTY, PLENTY, PLENTY, 9), &mut client, 4).await;
    client.settle(settle(&held, 20, 1_600)).await.unwrap();
    hold(&quota, &mut client).await;
    turn(shop_plan(), &mut client, 5).await;
    assert_eq!(balance(&mut client).await, (4_800, 2_500, 5_700));
}

/// What a process begins with, what others pay and use, and what a process that comes later reads is one balance.
async fn several_processes_have_one_balance(backend: Backend) {
    let stores = Stores::start(backend);
    stores.accounts.put("dukkan", shop_plan());
    stores.billing.pay_ahead("dukkan", "pay-1", 10_000_000);
    let quotas = [stores.open().await, stores.open().await];
    let [mut one, mut other] = [support::client(&quotas[0]), support::client(&quotas[1])];
    let held = hold(&quotas[0], &mut one).await;
    hold(&quotas[1], &mut other).await;
    one.settle(settle(&held, 20, 1_600)).await.unwrap();
    stores.billing.record(&held, 20, 1_600_000);
    stores.billing.pay_ahead("dukkan", "refund-1", -3_000_000);
    for client in [&mut one, &mut other] {
        balance_is(client, (1_600, 2_500, 7_000)).await;
    }
    hold(&quotas[1], &mut other).await;
    assert_eq!(fault(one.reserve(reserve("dukkan", quotas[0].now())).await).reason, "QUOTA_EXCEEDED");
    let later = stores.open().await;
    assert_eq!(balance(&mut support::client(&later)).await, (1_600, 5_000, 7_000));
    for quota in quotas.iter().chain([&later]) {
        quota.registry.inspect(&merchant("dukkan"), MerchantState::audit).unwrap().unwrap().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_on_redis_have_one_balance() {
    Box::pin(several_processes_have_one_balance(Backend::Redis)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_on_postgres_have_one_balance() {
    Box::pin(several_processes_have_one_balance(Backend::Postgres)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_lost_everything_takes_the_balance_from_the_ledger() {
    let mut stores = Stores::start(Backend::Redis);
    stores.accounts.put("dukkan", shop_plan());
    stores.billing.pay_ahead("dukkan", "pay-1", 10_000_000);
    let quota = stores.open().await;
    let mut client = support::client(&quota);
    let held = hold(&quota, &mut client).await;
    client.settle(settle(&held, 20, 1_600)).await.unwrap();
    stores.billing.record(&held, 20, 1_600_000);
    stores.billing.pay_ahead("dukkan", "refund-1", -3_000_000);
    balance_is(&mut client, (1_600, 0, 7_000)).await;
    // Who remembers puts it back, and without anybody who does the ledger says the same.
    assert_eq!(stores.redis().command("FLUSHALL"), "+OK");
    assert_eq!(balance(&mut client).await, (1_600, 0, 7_000));
    assert!(quota.supervisor.drain(Duration::from_secs(10)).await.is_clean());
    assert_eq!(stores.redis().command("FLUSHALL"), "+OK");
    let later = stores.open().await;
    assert_eq!(balance(&mut support::client(&later)).await, (1_600, 0, 7_000));
}
