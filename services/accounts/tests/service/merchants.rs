//! Merchants: creation, reading, listing, states.

use kaleem_proto::accounts::v1 as proto;
use kaleem_rpc::{Code, Fault};

use crate::harness::{NOW, Service, Store, assert_fault, assert_invalid, on_both_stores};

on_both_stores! {
    a_merchant_keeps_what_it_was_made_with_across_a_restart,
    creating_again_is_the_same_and_creating_otherwise_is_refused,
    wrong_fields_are_all_named_and_nothing_is_made,
    pages_cover_all_merchants_once_and_in_order,
    states_are_set_on_merchants_that_exist,
}

fn asked(id: &str) -> proto::CreateMerchantRequest {
    proto::CreateMerchantRequest {
        merchant_id: id.into(),
        display_name: "دكان الورد".into(),
        plan_id: "growth".into(),
        time_zone: "Africa/Cairo".into(),
        external_providers_allowed: true,
    }
}

async fn a_merchant_keeps_what_it_was_made_with_across_a_restart(store: Store) {
    let mut service = Service::start(store).await;
    let made = service.create(asked("ward")).await.unwrap();
    assert_eq!(made.plan_id, "growth");
    assert_eq!(made.state(), proto::MerchantState::Active);
    assert_eq!(made.create_time, Some(kaleem_rpc::convert::timestamp(NOW)));
    let mut service = service.restart().await;
    let request = proto::GetMerchantRequest { merchant_id: "ward".into() };
    let read = service.client.get_merchant(request).await.unwrap().into_inner();
    assert_eq!(read.merchant, Some(made));
    assert_eq!(read.plan.unwrap().month_cost_nano_usd_cap, 50_000_000_000);
}

async fn creating_again_is_the_same_and_creating_otherwise_is_refused(store: Store) {
    let mut service = Service::start(store).await;
    let made = service.create(asked("ward")).await.unwrap();
    service.clock.advance(std::time::Duration::from_mins(1));
    assert_eq!(service.create(asked("ward")).await.unwrap(), made);
    service.set_state("ward", proto::MerchantState::Suspended).await.unwrap();
    let again = service.create(asked("ward")).await.unwrap();
    assert_eq!(again.state(), proto::MerchantState::Suspended, "creating again does not resume");
    let others = [
        ("display_name", proto::CreateMerchantRequest { display_name: String::new(), ..asked("ward") }),
        ("plan_id", proto::CreateMerchantRequest { plan_id: "scale".into(), ..asked("ward") }),
        ("time_zone", proto::CreateMerchantRequest { time_zone: String::new(), ..asked("ward") }),
        (
            "external_providers_allowed",
            proto::CreateMerchantRequest { external_providers_allowed: false, ..asked("ward") },
        ),
    ];
    for (field, other) in others {
        let fault = assert_fault(service.create(other).await, Code::AlreadyExists, "MERCHANT_EXISTS");
        assert_eq!(fault.metadata.get("field").map(String::as_str), Some(field));
    }
}

async fn wrong_fields_are_all_named_and_nothing_is_made(store: Store) {
    let mut service = Service::start(store).await;
    let wrong = proto::CreateMerchantRequest {
        merchant_id: "W".into(),
        display_name: "x".repeat(81),
        time_zone: "Riyadh".into(),
        ..asked("")
    };
    assert_invalid(service.create(wrong).await, &["merchant_id", "display_name", "time_zone"]);
    let no_plan = proto::CreateMerchantRequest { plan_id: "gold".into(), ..asked("ward") };
    assert_fault(service.create(no_plan).await, Code::NotFound, "PLAN_NOT_FOUND");
    let list = service.client.list_merchants(proto::ListMerchantsRequest::default()).await.unwrap();
    assert!(list.into_inner().merchants.is_empty());
}

async fn pages_cover_all_merchants_once_and_in_order(store: Store) {
    let mut service = Service::start(store).await;
    for index in [3, 1, 4, 0, 2] {
        service.merchant(&format!("shop-{index}")).await;
    }
    let (mut ids, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = proto::ListMerchantsRequest { page_size: 2, page_token };
        let page = service.client.list_merchants(request).await.unwrap().into_inner();
        assert!(page.merchants.len() <= 2);
        ids.extend(page.merchants.into_iter().map(|merchant| merchant.merchant_id));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    assert_eq!(ids, ["shop-0", "shop-1", "shop-2", "shop-3", "shop-4"]);
    for (request, field) in [
        (proto::ListMerchantsRequest { page_size: -1, ..Default::default() }, "page_size"),
        (proto::ListMerchantsRequest { page_size: 1_001, ..Default::default() }, "page_size"),
        (proto::ListMerchantsRequest { page_token: "٣".into(), ..Default::default() }, "page_token"),
    ] {
        let answer = service.client.list_merchants(request).await;
        assert_invalid(answer.map_err(|status| Fault::from_status(&status)), &[field]);
    }
}

async fn states_are_set_on_merchants_that_exist(store: Store) {
    let mut service = Service::start(store).await;
    service.merchant("ward").await;
    let suspended = service.set_state("ward", proto::MerchantState::Suspended).await.unwrap();
    assert_eq!(suspended.state(), proto::MerchantState::Suspended);
    let nobody = service.set_state("nobody", proto::MerchantState::Active).await;
    assert_fault(nobody, Code::NotFound, "MERCHANT_NOT_FOUND");
    assert_invalid(service.set_state("ward", proto::MerchantState::Unspecified).await, &["state"]);
    assert_invalid(service.set_state("W", proto::MerchantState::Active).await, &["merchant_id"]);
    let request = proto::GetMerchantRequest { merchant_id: "nobody".into() };
    let answer = service.client.get_merchant(request).await.map_err(|status| Fault::from_status(&status));
    assert_fault(answer, Code::NotFound, "MERCHANT_NOT_FOUND");
}
