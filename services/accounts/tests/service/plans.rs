//! Plans as data.

use kaleem_proto::accounts::v1 as proto;
use kaleem_rpc::Fault;

use crate::harness::{Service, Store, assert_invalid, on_both_stores};

on_both_stores! {
    a_new_store_has_the_three_default_plans,
    a_change_is_a_new_version_that_a_restart_keeps,
    wrong_caps_are_named,
    plans_are_bounded,
}

async fn plans(service: &mut Service) -> Vec<proto::Plan> {
    service.client.list_plans(proto::ListPlansRequest {}).await.unwrap().into_inner().plans
}

async fn put(service: &mut Service, plan: proto::Plan) -> Result<proto::Plan, Fault> {
    let answer = service.client.put_plan(proto::PutPlanRequest { plan: Some(plan) }).await;
    answer.map(|answer| answer.into_inner().plan.unwrap()).map_err(|status| Fault::from_status(&status))
}

async fn a_new_store_has_the_three_default_plans(store: Store) {
    let mut service = Service::start(store).await;
    let caps: Vec<_> = plans(&mut service)
        .await
        .into_iter()
        .map(|plan| {
            (
                plan.plan_id.clone(),
                plan.day_request_cap,
                plan.month_token_cap,
                plan.month_cost_nano_usd_cap,
                plan.concurrent_request_cap,
                plan.on_cap(),
            )
        })
        .collect();
    let (degrade, suspend) = (proto::CapAction::Degrade, proto::CapAction::Suspend);
    let expected = [
        ("growth".to_owned(), 5_000, 100_000_000, 50_000_000_000, 50, degrade),
        ("scale".to_owned(), 10_000, 200_000_000, 200_000_000_000, 100, degrade),
        ("starter".to_owned(), 2_000, 20_000_000, 10_000_000_000, 20, suspend),
    ];
    assert_eq!(caps, expected);
    assert!(plans(&mut service).await.iter().all(|plan| plan.alert_percents == [60, 80, 90, 95]));
}

async fn a_change_is_a_new_version_that_a_restart_keeps(store: Store) {
    let mut service = Service::start(store).await;
    let starter = plans(&mut service).await.remove(2);
    assert_eq!(put(&mut service, starter.clone()).await.unwrap().version, 1, "the same terms are no change");
    let more = proto::Plan { day_request_cap: 3_000, version: 77, ..starter };
    assert_eq!(put(&mut service, more.clone()).await.unwrap().version, 2);
    let billing_mode = proto::BillingMode::Prepaid.into();
    let new = proto::Plan { plan_id: "gold".into(), billing_mode, ..more };
    assert_eq!(put(&mut service, new).await.unwrap().version, 1);
    let mut service = service.restart().await;
    let versions: Vec<_> =
        plans(&mut service).await.into_iter().map(|plan| (plan.plan_id, plan.version)).collect();
    let expected = [("gold", 1), ("growth", 1), ("scale", 1), ("starter", 2)];
    assert_eq!(versions, expected.map(|(id, version)| (id.to_owned(), version)));
    let ahead =
        plans(&mut service).await.into_iter().map(|plan| plan.billing_mode() == proto::BillingMode::Prepaid);
    assert_eq!(ahead.collect::<Vec<_>>(), [true, false, false, false]);
    let merchant = service.merchant("ward").await;
    let request = proto::GetMerchantRequest { merchant_id: merchant.merchant_id };
    let plan = service.client.get_merchant(request).await.unwrap().into_inner().plan.unwrap();
    assert_eq!(plan.day_request_cap, 3_000, "the newest version is in force for every merchant of the plan");
}

async fn wrong_caps_are_named(store: Store) {
    let mut service = Service::start(store).await;
    let starter = plans(&mut service).await.remove(2);
    let wrong = proto::Plan {
        month_token_cap: -1,
        month_cost_nano_usd_cap: 1 << 53,
        alert_percents: vec![101],
        ..starter.clone()
    };
    let fields = ["plan.month_token_cap", "plan.month_cost_nano_usd_cap", "plan.alert_percents"];
    assert_invalid(put(&mut service, wrong).await, &fields);
    assert_invalid(put(&mut service, proto::Plan { on_cap: 9, ..starter.clone() }).await, &["plan.on_cap"]);
    let wrong = proto::Plan { billing_mode: 9, ..starter };
    assert_invalid(put(&mut service, wrong).await, &["plan.billing_mode"]);
    let answer = service.client.put_plan(proto::PutPlanRequest { plan: None }).await;
    assert_invalid(answer.map_err(|status| Fault::from_status(&status)), &["plan"]);
}

async fn plans_are_bounded(store: Store) {
    let mut service = Service::start_with(store, |config| config.plans_max = 3).await;
    let starter = plans(&mut service).await.remove(2);
    let fourth = put(&mut service, proto::Plan { plan_id: "gold".into(), ..starter.clone() }).await;
    assert_invalid(fourth, &["plan.plan_id"]);
    assert_eq!(put(&mut service, proto::Plan { day_request_cap: 1, ..starter }).await.unwrap().version, 2);
}
