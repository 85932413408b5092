//! What a mesh knows after it was stopped, and what it does while its database is gone.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops at its first surprise"
)]

use std::time::{Duration, Instant};

use kaleem_proto::{
    accounts::v1::{CreateMerchantRequest, IssueKeyRequest, RevokeKeyRequest, Scope},
    gateway::v1::gateway_service_client::GatewayServiceClient,
};
use kaleem_rpc::{Code, Fault};
use kaleem_testkit::openai_upstream as worker;
use kaleem_tests::{
    Layout, Mesh, Shape, Stores,
    ask::{question, whole},
};

const LIMIT: Duration = Duration::from_secs(30);

/// Asks once with `key`; the failure, if there is one.
async fn ask(mesh: &Mesh, key: &str) -> Option<Fault> {
    let mut client = GatewayServiceClient::new(mesh.connection(key));
    let answer = client.chat(whole(question("tiny-llama", "سؤال"))).await;
    answer.err().map(|status| Fault::from_status(&status))
}

async fn issue(mesh: &Mesh, merchant_id: &str) -> (String, String) {
    let request = IssueKeyRequest {
        merchant_id: merchant_id.into(),
        scopes: vec![Scope::Chat.into()],
        ..IssueKeyRequest::default()
    };
    let issued = mesh.accounts().issue_key(request).await.unwrap().into_inner();
    (issued.key.unwrap().key_id, issued.api_key)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mesh_that_starts_again_knows_merchants_keys_and_money() {
    know_everything(Shape::Split.into()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mesh_that_starts_again_on_production_stores_knows_merchants_keys_and_money() {
    know_everything(Shape::Split.on(Stores::Production)).await;
}

async fn know_everything(layout: Layout) {
    let mesh = Mesh::start(layout).await;
    let made = CreateMerchantRequest { merchant_id: "dukkan".into(), ..CreateMerchantRequest::default() };
    mesh.accounts().create_merchant(made).await.unwrap();
    let ((_, key), (revoked_id, revoked)) = (issue(&mesh, "dukkan").await, issue(&mesh, "dukkan").await);
    mesh.accounts().revoke_key(RevokeKeyRequest { key_id: revoked_id }).await.unwrap();
    mesh.worker.push(worker::Reply::text(["نعم"]));
    assert_eq!(ask(&mesh, &key).await, None);
    let before = mesh.ledger_of_merchant_with("dukkan", 1).await;
    let posted = mesh.quota_of_merchant("dukkan", "month_tokens").await.posted;

    let mesh = Mesh::start_in(mesh.stop().await, Shape::Split, |_| {}).await;
    assert_eq!(ask(&mesh, &revoked).await.unwrap().reason, "CREDENTIAL_INVALID");
    assert_eq!(mesh.ledger_of_merchant_with("dukkan", 1).await, before);
    assert_eq!(mesh.quota_of_merchant("dukkan", "month_tokens").await.posted, posted);
    mesh.worker.push(worker::Reply::text(["نعم"]));
    assert_eq!(ask(&mesh, &key).await, None);
    assert_eq!(mesh.ledger_of_merchant_with("dukkan", 2).await.request_count, 2);
    mesh.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_its_database_is_gone_a_mesh_asks_callers_to_wait_and_then_goes_on_with_exact_books() {
    let mut mesh = Mesh::start(Shape::Split.on(Stores::Production)).await;
    mesh.worker.respond_with(|_| worker::Reply::text(["نعم"]));
    let key = mesh.demo_key();
    let mut answered = 0;
    for _ in 0..2 {
        assert_eq!(ask(&mesh, &key).await, None);
        answered += 1;
        mesh.databases().postgres.kill_hard();
        let from = Instant::now();
        let fault = loop {
            match ask(&mesh, &key).await {
                Some(fault) => break fault,
                // What is remembered is good for a moment.
                None => answered += 1,
            }
            assert!(from.elapsed() < LIMIT, "calls pass without a database");
        };
        assert_eq!(fault.code, Code::Unavailable, "a caller may try again: {fault:?}");
        mesh.databases().postgres.restart();
        let from = Instant::now();
        while let Some(fault) = ask(&mesh, &key).await {
            assert_eq!(fault.code, Code::Unavailable, "{fault:?}");
            assert!(from.elapsed() < LIMIT, "{fault:?}");
        }
        answered += 1;
    }
    mesh.nothing_held().await;
    assert_eq!(mesh.ledger_with(answered).await.request_count, answered, "one event an answer");
    // What was answered on credit is settled once quota is back.
    let settled = async {
        while mesh.quota_of("day_requests").await.posted < answered {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(LIMIT, settled).await.expect("quota hears of every answer");
    assert_eq!(mesh.quota_of("day_requests").await.posted, answered);
    mesh.stop().await;
}
