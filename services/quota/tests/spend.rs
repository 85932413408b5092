//! What upstream projects may cost us a month: held before a call is sent, posted when it ended, by the ledger in the end.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops on what it did not expect"
)]

mod support;

use std::time::Duration;

use kaleem_domain::Timestamp;
use kaleem_proto::quota::v1::{self as wire, quota_service_client::QuotaServiceClient};
use kaleem_quota::{Config, UpstreamSpend, machine::MerchantState};
use kaleem_rpc::{Code, Fault, Transport};
use kaleem_runtime::config::Span;
use support::{
    FakeAccounts, Quota, plan, reserve, settle,
    stores::{Backend, Stores},
    until,
};
use tokio::task::JoinSet;

type Client = QuotaServiceClient<Transport>;

const ACCOUNT: &str = "upstream/project-1";
/// What a call costs at most: 100 tokens in at 5,000 pico and 50 out at 15,000.
const HELD: i64 = 1_250;
/// What it costs if it answers with 20 tokens.
const COST: i64 = 800;
const PLENTY: i64 = 1_000_000_000;

fn capped(cap: i64) -> impl Fn(&mut Config) {
    let spend =
        UpstreamSpend { quota_domain: "project-1".into(), month_cost_nano_usd: cap, month_zone: None };
    move |config| config.upstream.spend = vec![spend.clone()]
}

async fn started(cap: i64) -> (Quota, Client) {
    let quota = Quota::start(capped(cap)).await;
    quota.accounts.put("dukkan", plan(PLENTY, PLENTY, PLENTY, PLENTY));
    let client = support::client(&quota);
    (quota, client)
}

async fn hold(client: &mut Client, id: &str, now: Timestamp) -> wire::Reservation {
    client.reserve(reserve(id, now)).await.unwrap().into_inner().reservation.unwrap()
}

fn ask(call: &wire::Reservation) -> wire::AcquireUpstreamRequest {
    wire::AcquireUpstreamRequest {
        quota_domain: "project-1".into(),
        model: "gemini-2.5-flash-lite".into(),
        gateway_id: "gateway-1".into(),
        request_count: 1,
        input_token_count: 100,
        reservation: Some(call.clone()),
        max_output_token_count: 50,
        input_cost_pico_usd_per_token: 5_000,
        output_cost_pico_usd_per_token: 15_000,
        request_cost_pico_usd: 0,
    }
}

/// The grant of a call, once quota has heard where the ledger ends.
async fn acquire(
    client: &mut Client,
    call: &wire::Reservation,
) -> Result<wire::AcquireUpstreamResponse, Fault> {
    acquire_as(client, ask(call)).await
}

async fn acquire_as(
    client: &mut Client,
    asked: wire::AcquireUpstreamRequest,
) -> Result<wire::AcquireUpstreamResponse, Fault> {
    let answered = async {
        loop {
            match client.acquire_upstream(asked.clone()).await.map_err(|status| Fault::from_status(&status)) {
                Err(fault) if fault.reason == "UPSTREAM_SPEND_UNKNOWN" => {
                    tokio::time::sleep(Duration::from_millis(2)).await;
                }
                answer => return answer.map(tonic::Response::into_inner),
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(10), answered).await.expect("the spend is known within 10 s")
}

fn cost(call: &wire::Reservation) -> wire::SettleRequest {
    wire::SettleRequest { upstream_cost_nano_usd: COST, ..settle(call, 20, 2 * COST) }
}

/// Posted, held and cap of the project's money.
async fn spent(client: &mut Client) -> (i64, i64, i64) {
    support::numbers(client, ACCOUNT).await[2]
}

fn at(text: &str) -> Timestamp {
    Timestamp::from_millis(text.parse::<jiff::Timestamp>().unwrap().as_millisecond())
}

#[tokio::test]
async fn a_project_at_its_cap_refuses_and_says_why_until_the_month_ends_in_los_angeles() {
    let (quota, mut client) = started(2 * HELD + COST).await;
    let mut calls = Vec::new();
    for _ in 0..4 {
        calls.push(hold(&mut client, "dukkan", quota.now()).await);
    }
    assert_eq!(calls[0].quota_domain, "project-1");
    let granted = acquire(&mut client, &calls[0]).await.unwrap();
    assert_eq!(granted.ttl, Some(prost_types::Duration::default()), "a grant is for its call alone");
    acquire(&mut client, &calls[1]).await.unwrap();
    acquire(&mut client, &calls[1]).await.unwrap();
    assert_eq!(spent(&mut client).await, (0, 2 * HELD, 2 * HELD + COST), "the same call is held once");

    let refused = acquire(&mut client, &calls[2]).await.unwrap_err();
    assert_eq!(
        (refused.code, refused.reason.as_str()),
        (Code::ResourceExhausted, "UPSTREAM_SPEND_EXHAUSTED")
    );
    let facts = ["quota_domain", "limit", "spent", "held", "cap", "needed", "reset_time"];
    let facts = facts.map(|fact| refused.metadata[fact].as_str());
    let expected = ["project-1", "month_cost_nano_usd", "0", "2500", "3300", "1250", "2026-04-01T07:00:00Z"];
    assert_eq!(facts, expected);
    // What it cost takes the place of what was held, and what was not sent costs nothing.
    client.settle(cost(&calls[0])).await.unwrap();
    client.settle(cost(&calls[0])).await.unwrap();
    let (reservation, reason) = (Some(calls[1].clone()), wire::ReleaseReason::UpstreamRefused.into());
    client.release(wire::ReleaseRequest { reservation, reason }).await.unwrap();
    assert_eq!(spent(&mut client).await, (COST, 0, 3_300));
    for call in &calls[2..] {
        acquire(&mut client, call).await.unwrap();
        client.settle(cost(call)).await.unwrap();
    }
    assert_eq!(spent(&mut client).await, (3 * COST, 0, 3_300));

    quota.clock.set(at("2026-04-01T06:59:59.999Z"));
    let call = hold(&mut client, "dukkan", quota.now()).await;
    let refused = acquire(&mut client, &call).await.unwrap_err();
    assert_eq!(refused.retry_after, Some(Duration::from_millis(1)));
    quota.clock.advance(Duration::from_millis(1));
    acquire(&mut client, &call).await.unwrap();
    assert_eq!(spent(&mut client).await, (0, HELD, 3_300));
}

#[tokio::test]
async fn what_the_provider_charges_for_the_call_itself_is_held() {
    const FEE: i64 = 500;
    let (quota, mut client) = started(HELD + FEE).await;
    let calls =
        [hold(&mut client, "dukkan", quota.now()).await, hold(&mut client, "dukkan", quota.now()).await];
    let dear = |call, fee| wire::AcquireUpstreamRequest { request_cost_pico_usd: fee * 1_000, ..ask(call) };
    let refused = acquire_as(&mut client, dear(&calls[0], FEE + 1)).await.unwrap_err();
    assert_eq!(refused.reason, "UPSTREAM_SPEND_EXHAUSTED");
    acquire_as(&mut client, dear(&calls[1], FEE)).await.unwrap();
    assert_eq!(spent(&mut client).await, (0, HELD + FEE, HELD + FEE));
}

#[tokio::test]
async fn the_month_of_november_ends_by_winter_time() {
    let (quota, mut client) = started(HELD).await;
    quota.clock.set(at("2026-12-01T07:59:59.999Z"));
    let call = hold(&mut client, "dukkan", quota.now()).await;
    acquire(&mut client, &call).await.unwrap();
    let next = hold(&mut client, "dukkan", quota.now()).await;
    assert_eq!(acquire(&mut client, &next).await.unwrap_err().metadata["reset_time"], "2026-12-01T08:00:00Z");
    quota.clock.advance(Duration::from_millis(1));
    acquire(&mut client, &next).await.unwrap();
    // The call of November costs November.
    client.settle(cost(&call)).await.unwrap();
    assert_eq!(spent(&mut client).await, (0, HELD, HELD));
}

#[tokio::test]
async fn a_restart_forgets_nothing() {
    let (quota, mut client) = started(10 * HELD).await;
    let calls =
        [hold(&mut client, "dukkan", quota.now()).await, hold(&mut client, "dukkan", quota.now()).await];
    for call in &calls {
        acquire(&mut client, call).await.unwrap();
    }
    client.settle(cost(&calls[0])).await.unwrap();
    let quota = quota.restart().await;
    let mut client = support::client(&quota);
    assert_eq!(spent(&mut client).await, (COST, HELD, 10 * HELD));
    client.settle(cost(&calls[1])).await.unwrap();
    assert_eq!(spent(&mut client).await, (2 * COST, 0, 10 * HELD));
}

#[tokio::test]
async fn the_ledger_has_the_last_word_and_a_new_store_begins_with_it() {
    let (quota, mut client) = started(10 * HELD).await;
    let (settled, cut_off) =
        (hold(&mut client, "dukkan", quota.now()).await, hold(&mut client, "dukkan", quota.now()).await);
    for call in [&settled, &cut_off] {
        acquire(&mut client, call).await.unwrap();
    }
    client.settle(cost(&settled)).await.unwrap();
    // The ledger's figures differ by 100, and the other call's settle is lost.
    quota.billing.record(&settled, 20, 2_000_000 - 200_000);
    quota.billing.record(&cut_off, 20, 1_600_000);
    let account = kaleem_domain::MerchantId::parse_account(ACCOUNT).unwrap();
    let followed = || quota.registry.inspect(&account, MerchantState::followed).unwrap() == Some(2);
    until(followed).await;
    assert_eq!(spent(&mut client).await, (900 + 800, 0, 10 * HELD));
    // Its settle comes all the same, and changes nothing.
    client.settle(cost(&cut_off)).await.unwrap();
    assert_eq!(spent(&mut client).await, (1_700, 0, 10 * HELD));

    let folder = tempfile::tempdir().unwrap();
    let mut config = support::config(&folder.path().join("new.db"));
    capped(1_700 + HELD)(&mut config);
    quota.billing.set_down(true);
    let (clock, accounts, billing) = (quota.clock.clone(), quota.accounts.clone(), quota.billing.clone());
    let new = Quota::open_with(config, clock, accounts, billing).await;
    let mut client = support::client(&new);
    let call = hold(&mut client, "dukkan", new.now()).await;
    let unknown = support::fault(client.acquire_upstream(ask(&call)).await);
    assert_eq!((unknown.code, unknown.reason.as_str()), (Code::Unavailable, "UPSTREAM_SPEND_UNKNOWN"));
    new.billing.set_down(false);
    acquire(&mut client, &call).await.unwrap();
    assert_eq!(spent(&mut client).await, (1_700, HELD, 1_700 + HELD));
    let one_more = hold(&mut client, "dukkan", new.now()).await;
    assert_eq!(acquire(&mut client, &one_more).await.unwrap_err().reason, "UPSTREAM_SPEND_EXHAUSTED");
}

#[tokio::test]
async fn calls_of_two_merchants_under_one_request_id_are_two_calls() {
    let (quota, mut client) = started(10 * HELD).await;
    quota.accounts.put("bazaar", plan(PLENTY, PLENTY, PLENTY, PLENTY));
    let asked = reserve("dukkan", quota.now());
    let other = wire::ReserveRequest { merchant_id: "bazaar".into(), ..asked.clone() };
    for request in [asked, other] {
        let call = client.reserve(request).await.unwrap().into_inner().reservation.unwrap();
        acquire(&mut client, &call).await.unwrap();
        client.settle(cost(&call)).await.unwrap();
    }
    assert_eq!(spent(&mut client).await, (2 * COST, 0, 10 * HELD));
}

#[tokio::test]
async fn a_hold_lives_while_its_call_does_and_then_costs_what_was_seen() {
    let (quota, mut client) = started(10 * HELD).await;
    let call = hold(&mut client, "dukkan", quota.now()).await;
    acquire(&mut client, &call).await.unwrap();
    quota.clock.advance(Duration::from_secs(25));
    let beat = wire::heartbeat_request::Beat { reservation: Some(call.clone()), output_token_count: 10 };
    client.heartbeat(wire::HeartbeatRequest { gateway_id: "g".into(), beats: vec![beat] }).await.unwrap();
    quota.clock.advance(Duration::from_secs(25));
    assert_eq!(spent(&mut client).await, (0, HELD, 10 * HELD));
    quota.clock.advance(Duration::from_secs(6));
    assert_eq!(
        spent(&mut client).await,
        (100 * 5 + 10 * 15, 0, 10 * HELD),
        "input and the output that was seen"
    );
    client.settle(cost(&call)).await.unwrap();
    assert_eq!(spent(&mut client).await, (COST, 0, 10 * HELD));
}

#[tokio::test]
async fn a_project_is_seen_raised_and_told_of_like_a_merchant_but_cannot_call() {
    let (quota, mut client) = started(HELD).await;
    let mut alerts = client.watch_alerts(wire::WatchAlertsRequest::default()).await.unwrap().into_inner();
    let call = hold(&mut client, "dukkan", quota.now()).await;
    acquire(&mut client, &call).await.unwrap();
    client.settle(cost(&call)).await.unwrap();
    let alert =
        tokio::time::timeout(Duration::from_secs(10), alerts.message()).await.unwrap().unwrap().unwrap();
    assert_eq!((alert.merchant_id.as_str(), alert.percent), (ACCOUNT, 60));
    let next = hold(&mut client, "dukkan", quota.now()).await;
    acquire(&mut client, &next).await.unwrap_err();
    let raise = wire::GrantTopUpRequest {
        op_id: "op-1".into(),
        merchant_id: ACCOUNT.into(),
        cost_nano_usd: HELD,
        token_count: 0,
    };
    client.grant_top_up(raise).await.unwrap();
    acquire(&mut client, &next).await.unwrap();
    assert_eq!(spent(&mut client).await, (COST, HELD, 2 * HELD));
    let refused = support::fault(client.reserve(reserve(ACCOUNT, quota.now())).await);
    assert_eq!(refused.field_violations[0].field, "merchant_id");
    let unknown = support::fault(
        client.get_usage(wire::GetUsageRequest { merchant_id: "upstream/other".into() }).await,
    );
    assert_eq!(unknown.reason, "MERCHANT_NOT_FOUND");
    let unnamed = wire::AcquireUpstreamRequest { reservation: None, ..ask(&next) };
    let refused = support::fault(client.acquire_upstream(unnamed).await);
    assert_eq!(
        (refused.code, refused.field_violations[0].field.as_str()),
        (Code::InvalidArgument, "reservation")
    );
}

#[tokio::test]
async fn a_cap_that_cannot_be_enforced_stops_the_start_by_its_key() {
    let folder = tempfile::tempdir().unwrap();
    let spend = |quota_domain: &str, cap, zone: Option<&str>| UpstreamSpend {
        quota_domain: quota_domain.into(),
        month_cost_nano_usd: cap,
        month_zone: zone.map(str::to_owned),
    };
    let cases = [
        (
            vec![spend("a", 1, None), spend("b", 0, None)],
            "quota.upstream.spend[1].month_cost_nano_usd must be between",
        ),
        (vec![spend("a", 1, Some("Asia/Atlantis"))], "quota.upstream.spend[0].month_zone time zone"),
        (vec![spend("a b", 1, None)], "quota.upstream.spend[0].quota_domain"),
        (vec![spend("a", 1, None), spend("a", 2, None)], "quota.upstream.spend[1] names a quota_domain"),
    ];
    for (rows, expected) in cases {
        let mut config = support::config(&folder.path().join("quota.db"));
        config.upstream.spend = rows;
        let checked = config.check().unwrap_err().to_string();
        let refused = Quota::try_open(config, &FakeAccounts::new()).await.err().unwrap().to_string();
        assert!(refused.starts_with(expected) && refused == checked, "{refused}");
    }
}

/// Sixty-four callers of a few merchants, on as many processes as the store allows, against one cap.
async fn exactly_what_fits_is_admitted(backend: Backend) {
    const FIT: i64 = 21;
    let stores = Stores::start(backend);
    let adjust = |config: &mut Config| {
        capped(FIT * HELD + HELD - 1)(config);
        config.shared.wait = Span::seconds(30);
    };
    let mut quotas = Vec::new();
    for _ in 0..if backend.is_shared() { 2 } else { 1 } {
        quotas.push(stores.open_as(adjust).await);
    }
    for number in 0..4 {
        stores.accounts.put(&format!("shop-{number}"), plan(PLENTY, PLENTY, PLENTY, PLENTY));
    }
    let mut callers = JoinSet::new();
    for (number, quota) in quotas.iter().cycle().take(64).enumerate() {
        let (mut client, now) = (support::client(quota), quota.now());
        callers.spawn(async move {
            let call = hold(&mut client, &format!("shop-{}", number % 4), now).await;
            match acquire(&mut client, &call).await {
                Ok(_) => Some(call),
                Err(fault) if fault.reason == "UPSTREAM_SPEND_EXHAUSTED" => None,
                Err(fault) => panic!("{fault:?}"),
            }
        });
    }
    let admitted: Vec<_> = callers.join_all().await.into_iter().flatten().collect();
    assert_eq!(admitted.len(), usize::try_from(FIT).unwrap());
    for quota in &quotas {
        assert_eq!(spent(&mut support::client(quota)).await.1, FIT * HELD);
    }
    // Each call ends at another process than the one that held it, which counts what it cost.
    let mut enders = JoinSet::new();
    for (call, quota) in admitted.into_iter().zip(quotas.iter().rev().cycle()) {
        let mut client = support::client(quota);
        enders.spawn(async move { client.settle(cost(&call)).await.unwrap() });
    }
    enders.join_all().await;
    for quota in &quotas {
        assert_eq!(spent(&mut support::client(quota)).await.0, FIT * COST);
    }
    // A process that comes later finds it all.
    if backend.is_shared() {
        let late = stores.open_as(adjust).await;
        assert_eq!(spent(&mut support::client(&late)).await, (FIT * COST, 0, FIT * HELD + HELD - 1));
    }
}

/// The tests of one back end.
macro_rules! on {
    ($backend:ident: $($name:ident),+) => {
        mod $backend {
            use super::Backend;
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name(Backend::named(stringify!($backend))).await;
            })+
        }
    };
}

on!(embedded: exactly_what_fits_is_admitted);
on!(redis: exactly_what_fits_is_admitted);
on!(postgres: exactly_what_fits_is_admitted);
