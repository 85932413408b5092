//! Posted usage against the ledger: what heals, when, and what is left alone.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test stops on what it did not expect")]

mod support;

use std::time::Duration;

use kaleem_proto::quota::v1::{self as wire, quota_service_client::QuotaServiceClient};
use kaleem_quota::Rounds;
use kaleem_rpc::{Code, Transport};
use kaleem_runtime::config::Span;
use support::{Quota, fault, followed, following, journal, merchant, numbers, plan, reserve, settle, until};

type Client = QuotaServiceClient<Transport>;

/// A quota whose rounds the test makes itself.
async fn seated() -> (Quota, Client) {
    let quota = Quota::start(|config| config.reconcile_interval = Span::seconds(0)).await;
    quota.accounts.put("dukkan", plan(100, 100_000, 1_000_000, 9));
    following(&quota).await;
    let client = support::client(&quota);
    (quota, client)
}

async fn hold(quota: &Quota, client: &mut Client) -> wire::Reservation {
    let reserved = client.reserve(reserve("dukkan", quota.now())).await.unwrap().into_inner();
    reserved.reservation.unwrap()
}

/// A call that both sides know.
async fn call(quota: &Quota, client: &mut Client) {
    let held = hold(quota, client).await;
    client.settle(settle(&held, 20, 1_600)).await.unwrap();
    // Quota has rounded up what the ledger has exactly.
    quota.billing.record(&held, 20, 1_599_001);
    followed(quota, "dukkan").await;
}

/// A quota whose counters lost the second of two calls, behind the back of what would know that it was counted.
async fn robbed() -> (Quota, Client) {
    let (quota, mut client) = seated().await;
    call(&quota, &mut client).await;
    call(&quota, &mut client).await;
    assert_eq!(posted(&mut client).await, (2, 240, 3_200));
    quota.registry.flushed().await.unwrap();
    let half = "UPDATE counter SET requests = requests / 2, tokens = tokens / 2, cost_nano = cost_nano / 2";
    journal(&quota, half).await;
    let quota = quota.restart().await;
    let mut client = support::client(&quota);
    assert_eq!(posted(&mut client).await, (1, 120, 1_600));
    (quota, client)
}

/// Posted requests, tokens and nano-US-dollars.
async fn posted(client: &mut Client) -> (i64, i64, i64) {
    let numbers = numbers(client, "dukkan").await;
    (numbers[0].0, numbers[1].0, numbers[2].0)
}

#[tokio::test]
async fn usage_that_the_counters_lost_comes_back_after_two_quiet_rounds_and_not_after_one() {
    let (quota, mut client) = robbed().await;
    let mut rounds = Rounds::default();
    assert_eq!(quota.registry.reconcile(&mut rounds).await.unwrap(), 0);
    assert_eq!(posted(&mut client).await, (1, 120, 1_600));
    assert_eq!(quota.registry.reconcile(&mut rounds).await.unwrap(), 2);
    assert_eq!(posted(&mut client).await, (2, 240, 3_199));
    assert_eq!(quota.registry.reconcile(&mut rounds).await.unwrap(), 0);

    let quota = quota.restart().await;
    assert_eq!(posted(&mut support::client(&quota)).await, (2, 240, 3_199));
}

#[tokio::test]
async fn the_loop_heals_by_itself() {
    let (mut quota, _) = robbed().await;
    quota.config.reconcile_interval = Span::millis(2);
    let quota = quota.restart().await;
    let mut client = support::client(&quota);
    // Takes the merchant into memory, where the loop looks.
    assert_eq!(numbers(&mut client, "dukkan").await.len(), 4);
    until(|| {
        let healed = quota.registry.inspect(&merchant("dukkan"), |state| {
            state.snapshot().counters.iter().all(|row| row.posted.requests != 1 && row.posted.tokens != 120)
        });
        healed.unwrap() == Some(true)
    })
    .await;
    assert_eq!(posted(&mut client).await, (2, 240, 3_199));
}

#[tokio::test]
async fn what_an_expired_hold_posted_in_vain_goes_and_a_late_settle_posts_in_full() {
    let quota = Quota::start(|config| {
        config.reconcile_interval = Span::seconds(0);
        // Memory forgets all expired holds but the last, so that their settles look them up in the journal.
        config.tombstones_per_merchant_max = 1;
    })
    .await;
    quota.accounts.put("dukkan", plan(100, 100_000, 1_000_000, 9));
    following(&quota).await;
    let mut client = support::client(&quota);
    let mut expired = Vec::new();
    for _ in 0..3 {
        expired.push(hold(&quota, &mut client).await);
        quota.clock.advance(Duration::from_secs(31));
        quota.registry.sweep().await.unwrap();
        if expired.len() == 1 {
            // The first is committed, the others may share a batch with what takes them out.
            quota.registry.flushed().await.unwrap();
        }
    }
    assert_eq!(posted(&mut client).await, (3, 300, 3_000));

    let mut rounds = Rounds::default();
    quota.registry.reconcile(&mut rounds).await.unwrap();
    assert_eq!(quota.registry.reconcile(&mut rounds).await.unwrap(), 2);
    assert_eq!(posted(&mut client).await, (0, 0, 0));

    for (late, calls) in expired.iter().zip(1..) {
        let settled = client.settle(settle(late, 20, 1_600)).await.unwrap().into_inner();
        assert_eq!(settled.state(), wire::ReservationState::LateSettled);
        assert_eq!(posted(&mut client).await, (calls, calls * 120, calls * 1_600));
    }
}

#[tokio::test]
async fn nothing_is_touched_while_a_call_is_in_flight() {
    let (quota, mut client) = robbed().await;
    let mut rounds = Rounds::default();
    quota.registry.reconcile(&mut rounds).await.unwrap();
    let live = hold(&quota, &mut client).await;
    let asked = quota.billing.asked();
    for _ in 0..3 {
        assert_eq!(quota.registry.reconcile(&mut rounds).await.unwrap(), 0);
    }
    assert_eq!(quota.billing.asked(), asked);
    let release = wire::ReleaseRequest { reservation: Some(live), ..wire::ReleaseRequest::default() };
    client.release(release).await.unwrap();
    // What the round before the call saw is forgotten.
    assert_eq!(quota.registry.reconcile(&mut rounds).await.unwrap(), 0);
    assert_eq!(quota.registry.reconcile(&mut rounds).await.unwrap(), 2);
}

#[tokio::test]
async fn nothing_is_touched_while_either_side_moves() {
    let (quota, mut client) = robbed().await;
    let mut rounds = Rounds::default();
    quota.registry.reconcile(&mut rounds).await.unwrap();
    // A settle whose event is on its way: quota moves, then the ledger.
    let third = hold(&quota, &mut client).await;
    client.settle(settle(&third, 20, 1_600)).await.unwrap();
    assert_eq!(quota.registry.reconcile(&mut rounds).await.unwrap(), 0);
    quota.billing.record(&third, 20, 1_600_000);
    followed(&quota, "dukkan").await;
    assert_eq!(quota.registry.reconcile(&mut rounds).await.unwrap(), 0);
    assert_eq!(posted(&mut client).await, (2, 240, 3_200));
    assert_eq!(quota.registry.reconcile(&mut rounds).await.unwrap(), 2);
    assert_eq!(posted(&mut client).await, (3, 360, 4_799));
}

#[tokio::test]
async fn a_billing_that_is_away_changes_nothing_and_starts_the_comparison_over() {
    let (quota, mut client) = robbed().await;
    let mut rounds = Rounds::default();
    quota.registry.reconcile(&mut rounds).await.unwrap();
    quota.billing.set_down(true);
    for _ in 0..2 {
        let error = quota.registry.reconcile(&mut rounds).await.unwrap_err().to_string();
        assert!(error.contains("billing is down"), "{error}");
    }
    assert_eq!(posted(&mut client).await, (1, 120, 1_600));
    let request = wire::RebuildRequest { merchant_id: "dukkan".into() };
    for request in [request, wire::RebuildRequest::default()] {
        let refused = fault(client.rebuild(request).await);
        assert_eq!((refused.code, refused.reason.as_str()), (Code::Unavailable, "STORE_UNAVAILABLE"));
        assert!(refused.retry_after.is_some(), "{refused:?}");
    }
    quota.billing.set_down(false);
    assert_eq!(quota.registry.reconcile(&mut rounds).await.unwrap(), 0);
    assert_eq!(quota.registry.reconcile(&mut rounds).await.unwrap(), 2);
}

#[tokio::test]
async fn a_rebuild_takes_the_ledger_at_once_and_skips_merchants_with_calls_in_flight() {
    let (quota, mut client) = robbed().await;
    quota.accounts.put("bazaar", plan(100, 100_000, 1_000_000, 9));
    let busy = client.reserve(reserve("bazaar", quota.now())).await.unwrap().into_inner();
    let all = wire::RebuildRequest::default();
    assert_eq!(client.rebuild(all.clone()).await.unwrap().into_inner().merchant_count, 1);
    assert_eq!(posted(&mut client).await, (2, 240, 3_199));

    let one = wire::RebuildRequest { merchant_id: "bazaar".into() };
    assert_eq!(client.rebuild(one.clone()).await.unwrap().into_inner().merchant_count, 0);
    client.settle(settle(&busy.reservation.unwrap(), 20, 1_600)).await.unwrap();
    assert_eq!(client.rebuild(one).await.unwrap().into_inner().merchant_count, 1);
    // The ledger has yet to hear of it.
    assert_eq!(numbers(&mut client, "bazaar").await[1].0, 120);
    assert_eq!(client.rebuild(all).await.unwrap().into_inner().merchant_count, 2);

    let unknown = wire::RebuildRequest { merchant_id: "nobody".into() };
    assert_eq!(fault(client.rebuild(unknown).await).reason, "MERCHANT_NOT_FOUND");
    let wrong = wire::RebuildRequest { merchant_id: "not an id".into() };
    assert_eq!(fault(client.rebuild(wrong).await).reason, "REQUEST_INVALID");
}
