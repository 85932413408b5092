//! Keys: issue, authenticate, act as, revoke, list.

use std::time::Duration;

use futures::FutureExt as _;
use kaleem_proto::accounts::v1::{self as proto, MerchantState, Scope};
use kaleem_rpc::{Code, Fault, convert};

use crate::harness::{NOW, Service, Store, assert_fault, assert_invalid, on_both_stores};

on_both_stores! {
    a_key_says_who_calls_who_pays_and_what_it_may,
    unknown_revoked_expired_and_malformed_keys_look_alike,
    a_suspended_merchant_is_refused_until_it_is_resumed,
    only_an_act_as_key_speaks_for_any_merchant_and_it_must_name_one,
    an_admin_key_needs_no_merchant_and_speaks_for_none,
    keys_are_refused_with_every_wrong_field_named,
    revoking_is_for_good_and_idempotent,
    a_revocation_whose_caller_left_still_counts_everywhere,
    beyond_the_index_the_store_answers_the_same,
    lists_show_keys_of_one_merchant_without_secrets,
    neither_key_nor_secret_is_on_disk,
}

fn asked(merchant: &str, scopes: &[Scope]) -> proto::IssueKeyRequest {
    let scopes = scopes.iter().map(|scope| (*scope).into()).collect();
    proto::IssueKeyRequest { merchant_id: merchant.into(), scopes, ..Default::default() }
}

async fn a_key_says_who_calls_who_pays_and_what_it_may(store: Store) {
    let mut service = Service::start(store).await;
    service.merchant("ward").await;
    let request = proto::IssueKeyRequest {
        alias: "متجر الويب".into(),
        allowed_models: vec!["gemini-2.5-flash-lite".into()],
        expire_time: Some(convert::timestamp(NOW.plus_millis(1_000))),
        ..asked("ward", &[Scope::Chat])
    };
    let (key, text) = service.issue(request).await.unwrap();
    assert!(text.starts_with(&format!("klm_dev_{}_", key.key_id)));
    assert_eq!((key.alias.as_str(), key.merchant_id.as_str()), ("متجر الويب", "ward"));
    let answer = service.authenticate(&text, "").await.unwrap();
    let principal = answer.principal.unwrap();
    assert_eq!(principal.key_id, key.key_id);
    assert_eq!(principal.scopes, [i32::from(Scope::Chat)]);
    assert_eq!(principal.allowed_models, ["gemini-2.5-flash-lite"]);
    assert_eq!(principal.expire_time, Some(convert::timestamp(NOW.plus_millis(1_000))));
    assert_eq!(answer.merchant.unwrap().merchant_id, "ward");
    assert_eq!(answer.plan.unwrap().plan_id, "starter");
}

async fn unknown_revoked_expired_and_malformed_keys_look_alike(store: Store) {
    let mut service = Service::start(store).await;
    service.merchant("ward").await;
    let (revoked, revoked_text) = service.chat_key("ward").await;
    service.revoke(&revoked.key_id).await.unwrap();
    let expire_time = Some(convert::timestamp(NOW.plus_millis(1)));
    let request = proto::IssueKeyRequest { expire_time, ..asked("ward", &[Scope::Chat]) };
    let (_, expired_text) = service.issue(request).await.unwrap();
    service.clock.advance(Duration::from_millis(1));
    let (_, good) = service.chat_key("ward").await;
    let last = if good.ends_with('a') { "b" } else { "a" };
    let wrong_secret = format!("{}{last}", &good[..good.len() - 1]);
    let wrong_environment = good.replacen("klm_dev_", "klm_live_", 1);
    let unknown = format!("klm_dev_{}_{}", "A".repeat(12), "B".repeat(43));
    let credentials = [
        revoked_text,
        expired_text,
        wrong_secret,
        wrong_environment,
        unknown,
        "klm_".into(),
        String::new(),
        good.clone() + "_",
    ];
    let mut faults = Vec::new();
    for credential in &credentials {
        faults.push(assert_fault(
            service.authenticate(credential, "").await,
            Code::Unauthenticated,
            "CREDENTIAL_INVALID",
        ));
    }
    assert!(faults.iter().all(|fault| *fault == faults[0]), "nothing tells them apart: {faults:#?}");
    service.authenticate(&good, "").await.unwrap();
}

async fn a_suspended_merchant_is_refused_until_it_is_resumed(store: Store) {
    let mut service = Service::start(store).await;
    service.merchant("ward").await;
    let (_, key) = service.chat_key("ward").await;
    service.set_state("ward", MerchantState::Suspended).await.unwrap();
    assert_fault(service.authenticate(&key, "").await, Code::PermissionDenied, "MERCHANT_SUSPENDED");
    let mut service = service.restart().await;
    assert_fault(service.authenticate(&key, "").await, Code::PermissionDenied, "MERCHANT_SUSPENDED");
    service.set_state("ward", MerchantState::Active).await.unwrap();
    service.authenticate(&key, "").await.unwrap();
}

async fn only_an_act_as_key_speaks_for_any_merchant_and_it_must_name_one(store: Store) {
    let mut service = Service::start(store).await;
    service.merchant("ward").await;
    service.merchant("hulm").await;
    let (_, chat) = service.chat_key("ward").await;
    let (_, act_as) = service.issue(asked("", &[Scope::ActAs])).await.unwrap();
    assert_eq!(service.authenticate(&act_as, "hulm").await.unwrap().merchant.unwrap().merchant_id, "hulm");
    assert_invalid(service.authenticate(&act_as, "").await, &["act_as_merchant_id"]);
    assert_invalid(service.authenticate(&act_as, "HULM").await, &["act_as_merchant_id"]);
    assert_fault(service.authenticate(&act_as, "nobody").await, Code::NotFound, "MERCHANT_NOT_FOUND");
    assert_eq!(service.authenticate(&chat, "ward").await.unwrap().merchant.unwrap().merchant_id, "ward");
    assert_fault(service.authenticate(&chat, "hulm").await, Code::PermissionDenied, "MERCHANT_MISMATCH");
    service.set_state("hulm", MerchantState::Suspended).await.unwrap();
    assert_fault(service.authenticate(&act_as, "hulm").await, Code::PermissionDenied, "MERCHANT_SUSPENDED");
}

async fn an_admin_key_needs_no_merchant_and_speaks_for_none(store: Store) {
    let mut service = Service::start(store).await;
    service.merchant("ward").await;
    let (_, admin) = service.issue(asked("", &[Scope::Admin])).await.unwrap();
    let answer = service.authenticate(&admin, "").await.unwrap();
    assert_eq!((answer.merchant, answer.plan), (None, None));
    assert_eq!(answer.principal.unwrap().scopes, [i32::from(Scope::Admin)]);
    assert_fault(service.authenticate(&admin, "ward").await, Code::PermissionDenied, "MERCHANT_MISMATCH");
}

async fn keys_are_refused_with_every_wrong_field_named(store: Store) {
    let mut service = Service::start(store).await;
    service.merchant("ward").await;
    assert_invalid(service.issue(asked("", &[Scope::Chat])).await, &["merchant_id"]);
    assert_invalid(service.issue(asked("ward", &[Scope::ActAs])).await, &["merchant_id"]);
    assert_invalid(service.issue(asked("ward", &[])).await, &["scopes"]);
    assert_invalid(service.issue(asked("ward", &[Scope::Unspecified])).await, &["scopes"]);
    let unknown = proto::IssueKeyRequest { scopes: vec![9], ..asked("ward", &[]) };
    assert_invalid(service.issue(unknown).await, &["scopes"]);
    let many = proto::IssueKeyRequest {
        alias: "a\u{7}".into(),
        expire_time: Some(convert::timestamp(NOW)),
        allowed_models: vec![String::new()],
        ..asked("ward", &[Scope::Chat])
    };
    assert_invalid(service.issue(many).await, &["alias", "expire_time", "allowed_models"]);
    assert_fault(service.issue(asked("nobody", &[Scope::Chat])).await, Code::NotFound, "MERCHANT_NOT_FOUND");
}

async fn revoking_is_for_good_and_idempotent(store: Store) {
    let mut service = Service::start(store).await;
    service.merchant("ward").await;
    let (key, text) = service.chat_key("ward").await;
    let first = service.revoke(&key.key_id).await.unwrap();
    assert_eq!(first.revoke_time, Some(convert::timestamp(NOW)));
    service.clock.advance(Duration::from_secs(9));
    assert_eq!(service.revoke(&key.key_id).await.unwrap(), first);
    let mut service = service.restart().await;
    assert_fault(service.authenticate(&text, "").await, Code::Unauthenticated, "CREDENTIAL_INVALID");
    assert_fault(service.revoke("AAAAAAAAAAAA").await, Code::NotFound, "KEY_NOT_FOUND");
    assert_invalid(service.revoke("a_b").await, &["key_id"]);
}

async fn a_revocation_whose_caller_left_still_counts_everywhere(store: Store) {
    let mut service = Service::start(store).await;
    service.merchant("ward").await;
    let (key, text) = service.chat_key("ward").await;
    let mut client = service.client.clone();
    let mut call = Box::pin(client.revoke_key(proto::RevokeKeyRequest { key_id: key.key_id }));
    assert!(call.as_mut().now_or_never().is_none(), "the write is not done at the first poll");
    drop(call);
    drop(client);
    assert!(service.supervisor.drain(Duration::from_secs(5)).await.is_clean());
    assert_fault(service.authenticate(&text, "").await, Code::Unauthenticated, "CREDENTIAL_INVALID");
    let mut service = service.restart().await;
    assert_fault(service.authenticate(&text, "").await, Code::Unauthenticated, "CREDENTIAL_INVALID");
}

async fn beyond_the_index_the_store_answers_the_same(store: Store) {
    let mut service = Service::start_with(store, |config| {
        config.indexed_keys_max = 1;
        config.indexed_merchants_max = 1;
    })
    .await;
    let mut keys = Vec::new();
    for id in ["shop-1", "shop-2", "shop-3"] {
        service.merchant(id).await;
        keys.push(service.chat_key(id).await);
    }
    for restarted in [false, true] {
        for (key, text) in &keys {
            let merchant = service.authenticate(text, "").await.unwrap().merchant.unwrap();
            assert_eq!(merchant.merchant_id, key.merchant_id, "restarted: {restarted}");
        }
        service = service.restart().await;
    }
    service.set_state("shop-3", MerchantState::Suspended).await.unwrap();
    assert_fault(service.authenticate(&keys[2].1, "").await, Code::PermissionDenied, "MERCHANT_SUSPENDED");
    for (key, text) in &keys {
        service.revoke(&key.key_id).await.unwrap();
        assert_fault(service.authenticate(text, "").await, Code::Unauthenticated, "CREDENTIAL_INVALID");
    }
}

async fn lists_show_keys_of_one_merchant_without_secrets(store: Store) {
    let mut service = Service::start(store).await;
    service.merchant("ward").await;
    service.merchant("hulm").await;
    let mut expected = Vec::new();
    for _ in 0..5 {
        expected.push(service.chat_key("ward").await.0);
    }
    service.chat_key("hulm").await;
    let (operator, _) = service.issue(asked("", &[Scope::Admin, Scope::ActAs])).await.unwrap();
    expected[0] = service.revoke(&expected[0].key_id).await.unwrap();
    expected.sort_by(|a, b| a.key_id.cmp(&b.key_id));
    let (mut keys, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = proto::ListKeysRequest { merchant_id: "ward".into(), page_size: 2, page_token };
        let page = service.client.list_keys(request).await.unwrap().into_inner();
        keys.extend(page.keys);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    assert_eq!(keys, expected);
    let of_none = service.client.list_keys(proto::ListKeysRequest::default()).await.unwrap().into_inner();
    assert_eq!(of_none.keys, [operator]);
    let request = proto::ListKeysRequest { merchant_id: "nobody".into(), ..Default::default() };
    let answer = service.client.list_keys(request).await.map_err(|status| Fault::from_status(&status));
    assert_fault(answer, Code::NotFound, "MERCHANT_NOT_FOUND");
}

async fn neither_key_nor_secret_is_on_disk(store: Store) {
    let mut service = Service::start(store).await;
    service.merchant("ward").await;
    let (key, text) = service.chat_key("ward").await;
    let secret = text.rsplit('_').next().unwrap();
    let bytes = service.bytes_on_disk().await;
    let holds = |text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(holds(&key.key_id), "the store was read");
    assert!(!holds(secret));
}
