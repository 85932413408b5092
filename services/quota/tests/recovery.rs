//! What survives restarts, a journal that fails, and accounts that is away.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test stops on what it did not expect")]

mod support;

use std::time::Duration;

use kaleem_domain::RequestId;
use kaleem_proto::quota::v1 as wire;
use kaleem_rpc::Code;
use kaleem_runtime::config::Span;
use sqlx::{Connection as _, sqlite::SqliteConnectOptions};
use support::{FakeAccounts, Quota, fault, merchant, numbers, plan, reserve, seated, settle, until};

/// Runs SQL on the journal behind quota's back.
async fn behind_its_back(quota: &Quota, sql: &'static str) {
    let mut connection =
        sqlx::SqliteConnection::connect_with(&SqliteConnectOptions::new().filename(quota.path()))
            .await
            .unwrap();
    sqlx::query(sql).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

#[tokio::test]
async fn a_new_plan_counts_by_news_or_within_two_seconds() {
    let (quota, mut client) = seated().await;
    client.reserve(reserve("dukkan", quota.now())).await.unwrap();
    quota.accounts.put("dukkan", plan(9, 1_000, 100_000, 9));
    assert_eq!(numbers(&mut client, "dukkan").await[0].2, 3);
    quota.clock.advance(Duration::from_secs(2));
    assert_eq!(numbers(&mut client, "dukkan").await[0].2, 9);

    quota.accounts.listened().await;
    quota.accounts.announce(None);
    // The first message of the feed outdates what was asked for before it.
    let asked = quota.accounts.asked();
    loop {
        numbers(&mut client, "dukkan").await;
        quota.clock.advance(Duration::from_millis(900));
        quota.accounts.announce(None);
        tokio::task::yield_now().await;
        if quota.accounts.asked() > asked {
            break;
        }
    }
    quota.accounts.put("dukkan", plan(7, 1_000, 100_000, 9));
    quota.accounts.announce(Some("dukkan"));
    let wait = async {
        while numbers(&mut client, "dukkan").await[0].2 != 7 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), wait).await.expect("the news reaches quota");
}

#[tokio::test]
async fn while_accounts_is_away_a_known_plan_counts_for_some_minutes() {
    let (quota, mut client) = seated().await;
    let reserved = client.reserve(reserve("dukkan", quota.now())).await.unwrap().into_inner();
    quota.accounts.set_down(true);
    quota.clock.advance(Duration::from_secs(10));
    client.reserve(reserve("dukkan", quota.now())).await.unwrap();
    let unknown = fault(client.reserve(reserve("bazaar", quota.now())).await);
    assert_eq!((unknown.code, unknown.reason.as_str()), (Code::Unavailable, "STORE_UNAVAILABLE"));
    quota.clock.advance(Duration::from_mins(5));
    let refused = fault(client.reserve(reserve("dukkan", quota.now())).await);
    assert_eq!((refused.code, refused.retry_after), (Code::Unavailable, Some(Duration::from_secs(1))));
    // What was admitted still ends.
    client.settle(settle(&reserved.reservation.unwrap(), 1, 1)).await.unwrap();
    quota.accounts.set_down(false);
    quota.clock.advance(Duration::from_secs(1));
    client.reserve(reserve("dukkan", quota.now())).await.unwrap();
}

#[tokio::test]
async fn a_restart_goes_on_where_the_journal_ends() {
    let (quota, mut client) = seated().await;
    let live =
        client.reserve(reserve("dukkan", quota.now())).await.unwrap().into_inner().reservation.unwrap();
    let ended =
        client.reserve(reserve("dukkan", quota.now())).await.unwrap().into_inner().reservation.unwrap();
    client.settle(settle(&ended, 20, 1_600)).await.unwrap();
    let top_up = wire::GrantTopUpRequest {
        op_id: "op-1".into(),
        merchant_id: "dukkan".into(),
        cost_nano_usd: 5,
        token_count: 7,
    };
    let granted = client.grant_top_up(top_up.clone()).await.unwrap().into_inner();
    let before = numbers(&mut client, "dukkan").await;
    assert_eq!(before, [(1, 1, 3), (120, 150, 1_007), (1_600, 2_500, 100_005), (0, 1, 2)]);

    let quota = quota.restart().await;
    let mut client = support::client(&quota);
    assert_eq!(numbers(&mut client, "dukkan").await, before);
    assert_eq!(
        client.settle(settle(&ended, 20, 1_600)).await.unwrap().into_inner().state(),
        wire::ReservationState::Settled
    );
    assert_eq!(fault(client.settle(settle(&ended, 20, 1_601)).await).reason, "RESERVATION_CONFLICT");
    assert_eq!(client.grant_top_up(top_up.clone()).await.unwrap().into_inner(), granted);
    assert_eq!(
        fault(client.grant_top_up(wire::GrantTopUpRequest { token_count: 8, ..top_up }).await).reason,
        "REQUEST_ID_REUSED"
    );
    let beats =
        vec![wire::heartbeat_request::Beat { reservation: Some(live.clone()), output_token_count: 9 }];
    let unknown = client
        .heartbeat(wire::HeartbeatRequest { gateway_id: "gateway-1".into(), beats })
        .await
        .unwrap()
        .into_inner();
    assert!(unknown.unknown_request_ids.is_empty());
    assert_eq!(
        client.settle(settle(&live, 20, 1_600)).await.unwrap().into_inner().state(),
        wire::ReservationState::Settled
    );
    assert_eq!(numbers(&mut client, "dukkan").await[1], (240, 0, 1_007));
}

#[tokio::test]
async fn a_beat_that_cannot_be_taken_costs_the_others_nothing() {
    let (quota, mut client) = seated().await;
    let live =
        client.reserve(reserve("dukkan", quota.now())).await.unwrap().into_inner().reservation.unwrap();
    let unheard = wire::Reservation { merchant_id: "bazaar".into(), ..live.clone() };
    quota.accounts.set_down(true);
    let beat = |reservation: &wire::Reservation, output_token_count| wire::heartbeat_request::Beat {
        reservation: Some(reservation.clone()),
        output_token_count,
    };
    let heartbeat = |beats| wire::HeartbeatRequest { gateway_id: "gateway-1".into(), beats };
    for nonsense in [i64::MAX, -1, 9] {
        quota.clock.advance(Duration::from_secs(20));
        let beats = vec![beat(&unheard, 1), beat(&live, nonsense)];
        let taken = client.heartbeat(heartbeat(beats)).await.unwrap().into_inner();
        assert_eq!(taken.failed_request_ids, [live.request_id.as_str()]);
        assert!(taken.unknown_request_ids.is_empty());
    }
    let none = fault(client.heartbeat(heartbeat(vec![beat(&unheard, 1)])).await);
    assert_eq!(none.reason, "STORE_UNAVAILABLE");
    quota.accounts.set_down(false);
    assert_eq!(numbers(&mut client, "dukkan").await[0].1, 1, "it lives after a minute");
}

#[tokio::test]
async fn a_call_whose_hold_a_kill_lost_is_still_counted_once() {
    let (quota, mut client) = seated().await;
    let lost =
        client.reserve(reserve("dukkan", quota.now())).await.unwrap().into_inner().reservation.unwrap();
    let quota = quota.restart().await;
    behind_its_back(&quota, "DELETE FROM hold").await;
    let quota = quota.restart().await;
    let mut client = support::client(&quota);
    for _ in 0..2 {
        let settled = client.settle(settle(&lost, 20, 1_600)).await.unwrap().into_inner();
        assert_eq!(settled.state(), wire::ReservationState::LateSettled);
    }
    assert_eq!(numbers(&mut client, "dukkan").await[1], (120, 0, 1_000));
    let forged = wire::Reservation {
        event_id: "202603/other/0".into(),
        request_id: RequestId::new(quota.now()).to_string(),
        ..lost
    };
    let refused = fault(client.settle(settle(&forged, 20, 1_600)).await);
    assert_eq!((refused.code, refused.reason.as_str()), (Code::NotFound, "RESERVATION_UNKNOWN"));
}

#[tokio::test]
async fn a_journal_that_cannot_be_written_stops_admission_until_it_can() {
    let (quota, mut client) = seated().await;
    let live =
        client.reserve(reserve("dukkan", quota.now())).await.unwrap().into_inner().reservation.unwrap();
    quota.registry.flushed().await.unwrap();
    behind_its_back(&quota, "ALTER TABLE tombstone RENAME TO tombstone_away").await;
    let settled = client.settle(settle(&live, 20, 1_600)).await.unwrap().into_inner();
    assert_eq!(settled.state(), wire::ReservationState::Settled);
    until(|| !quota.readiness.is_ready()).await;
    let refused = fault(client.reserve(reserve("dukkan", quota.now())).await);
    assert_eq!((refused.code, refused.reason.as_str()), (Code::Unavailable, "STORE_UNAVAILABLE"));
    assert_eq!(quota.readiness.failing()[0].0, "quota-store");

    behind_its_back(&quota, "ALTER TABLE tombstone_away RENAME TO tombstone").await;
    until(|| quota.readiness.is_ready()).await;
    client.reserve(reserve("dukkan", quota.now())).await.unwrap();
    let quota = quota.restart().await;
    assert_eq!(numbers(&mut support::client(&quota), "dukkan").await[..2], [(1, 1, 3), (120, 150, 1_000)]);
}

#[tokio::test]
async fn a_full_journal_refuses_new_calls_and_lets_others_end() {
    let quota = Quota::start(|config| {
        config.journal_queue_max = 2;
        config.journal_gather = Span::seconds(3_600);
        config.journal_wait = Span::millis(50);
    })
    .await;
    quota.accounts.put("dukkan", plan(9, 10_000, 100_000, 9));
    let mut client = support::client(&quota);
    // The policy took one place, the call takes the other.
    let live =
        client.reserve(reserve("dukkan", quota.now())).await.unwrap().into_inner().reservation.unwrap();
    let refused = fault(client.reserve(reserve("dukkan", quota.now())).await);
    assert_eq!((refused.code, refused.reason.as_str()), (Code::Unavailable, "STORE_UNAVAILABLE"));
    assert_eq!(fault(client.settle(settle(&live, 1, 1)).await).reason, "STORE_UNAVAILABLE");
    quota.registry.flushed().await.unwrap();
    client.settle(settle(&live, 1, 1)).await.unwrap();
}

#[tokio::test]
async fn merchants_beyond_the_bound_are_written_out_and_read_back() {
    let quota = Quota::start(|config| {
        config.merchants_max = 16;
        config.tombstones_per_merchant_max = 1;
    })
    .await;
    let mut client = support::client(&quota);
    let ids: Vec<_> = (0..60).map(|number| format!("shop-{number}")).collect();
    let mut calls = Vec::new();
    for id in &ids {
        quota.accounts.put(id, plan(9, 10_000, 100_000, 9));
        for _ in 0..2 {
            let call =
                client.reserve(reserve(id, quota.now())).await.unwrap().into_inner().reservation.unwrap();
            client.settle(settle(&call, 20, 1_600)).await.unwrap();
            calls.push(call);
        }
    }
    let in_memory =
        ids.iter().filter(|id| quota.registry.inspect(&merchant(id), |_| ()).unwrap().is_some()).count();
    assert!(in_memory <= 16, "{in_memory}");
    for id in &ids {
        assert_eq!(numbers(&mut client, id).await[1], (240, 0, 10_000));
    }
    // Memory keeps one ended call a merchant; the journal knows the others.
    for call in &calls {
        let again = client.settle(settle(call, 20, 1_600)).await.unwrap().into_inner();
        assert_eq!(again.state(), wire::ReservationState::Settled);
        assert_eq!(fault(client.settle(settle(call, 21, 1_600)).await).reason, "RESERVATION_CONFLICT");
    }
}

#[tokio::test]
async fn the_sweep_expires_calls_of_merchants_that_stopped_calling() {
    let quota = Quota::start(|config| config.sweep_interval = Span::millis(5)).await;
    quota.accounts.put("dukkan", plan(9, 10_000, 100_000, 9));
    let mut client = support::client(&quota);
    let call =
        client.reserve(reserve("dukkan", quota.now())).await.unwrap().into_inner().reservation.unwrap();
    let quota = quota.restart().await;
    quota.clock.advance(Duration::from_secs(30));
    until(|| {
        quota.registry.inspect(&merchant("dukkan"), kaleem_quota::machine::MerchantState::hold_count).unwrap()
            == Some(0)
    })
    .await;
    let mut client = support::client(&quota);
    assert_eq!(numbers(&mut client, "dukkan").await[1], (100, 0, 10_000));
    let late = client.settle(settle(&call, 20, 1_600)).await.unwrap().into_inner();
    assert_eq!(late.state(), wire::ReservationState::LateSettled);
    assert_eq!(numbers(&mut client, "dukkan").await[1], (120, 0, 10_000));
}

#[tokio::test]
async fn a_journal_that_cannot_be_opened_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let config = support::config(&folder.path().join("missing").join("quota.db"));
    let accounts = FakeAccounts::new();
    let error = Quota::try_open(config, &accounts).await.err().unwrap();
    let text = error.to_string();
    assert!(text.contains("missing/quota.db") && text.contains("folder exists"), "{text}");
}
