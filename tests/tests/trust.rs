//! Who may do what: keys, revocation, suspension, the admin scope, and providers that refuse what was not admitted.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops at its first surprise"
)]

use std::time::{Duration, Instant};

use kaleem_proto::accounts::v1::{
    CreateMerchantRequest, IssueKeyRequest, MerchantState, RevokeKeyRequest, Scope, SetMerchantStateRequest,
    accounts_service_client::AccountsServiceClient,
};
use kaleem_proto::{
    gateway::v1::gateway_service_client::GatewayServiceClient,
    provider::v1::{StreamGenerateRequest, provider_service_client::ProviderServiceClient},
};
use kaleem_rpc::Fault;
use kaleem_testkit::openai_upstream as worker;
use kaleem_tests::{
    MERCHANT, Mesh,
    ask::{question, whole},
    in_both_shapes,
};
use tonic::Status;

async fn key(mesh: &Mesh, merchant: &str, scope: Scope, models: &[&str]) -> (String, String) {
    let request = IssueKeyRequest {
        merchant_id: merchant.into(),
        alias: "test".into(),
        scopes: vec![scope.into()],
        allowed_models: models.iter().map(|model| (*model).to_owned()).collect(),
        expire_time: None,
    };
    let issued = mesh.accounts().issue_key(request).await.unwrap().into_inner();
    (issued.key.unwrap().key_id, issued.api_key)
}

async fn ask(mesh: &Mesh, key: &str) -> Result<(), Status> {
    let mut client = GatewayServiceClient::new(mesh.connection(key));
    client.chat(whole(question("tiny-llama", "سؤال"))).await.map(|_| ())
}

fn reason(status: &Status) -> String {
    Fault::from_status(status).reason
}

/// Asks until it is refused; how long that took.
async fn refused_within(mesh: &Mesh, key: &str, limit: Duration) -> Status {
    let started = Instant::now();
    loop {
        match ask(mesh, key).await {
            Err(status) => return status,
            Ok(()) => assert!(started.elapsed() < limit, "still served after {limit:?}"),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

const STALENESS: Duration = Duration::from_secs(2);

in_both_shapes! {
    async fn a_revoked_key_ends_within_two_seconds(mesh) {
        mesh.worker.respond_with(|_| worker::Reply::text(["نعم"]));
        let (key_id, key) = key(&mesh, MERCHANT, Scope::Chat, &[]).await;
        ask(&mesh, &key).await.unwrap();
        mesh.accounts().revoke_key(RevokeKeyRequest { key_id }).await.unwrap();
        let refused = refused_within(&mesh, &key, STALENESS).await;
        assert_eq!(reason(&refused), "CREDENTIAL_INVALID");
        mesh.stop().await;
    }

    async fn a_suspended_merchant_is_refused_and_comes_back(mesh) {
        mesh.worker.respond_with(|_| worker::Reply::text(["نعم"]));
        ask(&mesh, &mesh.demo_key()).await.unwrap();
        let set = |state: MerchantState| SetMerchantStateRequest { merchant_id: MERCHANT.into(), state: state.into() };
        mesh.accounts().set_merchant_state(set(MerchantState::Suspended)).await.unwrap();
        let refused = refused_within(&mesh, &mesh.demo_key(), STALENESS).await;
        assert_eq!(reason(&refused), "MERCHANT_SUSPENDED");
        mesh.accounts().set_merchant_state(set(MerchantState::Active)).await.unwrap();
        ask(&mesh, &mesh.demo_key()).await.unwrap();
        mesh.stop().await;
    }

    async fn keys_do_only_what_they_may(mesh) {
        mesh.worker.respond_with(|_| worker::Reply::text(["نعم"]));
        assert_eq!(reason(&ask(&mesh, &mesh.admin_key()).await.unwrap_err()), "SCOPE_MISSING");
        let mut accounts = AccountsServiceClient::new(mesh.connection(&mesh.demo_key()));
        let grab = accounts.create_merchant(CreateMerchantRequest { merchant_id: "grab".into(), ..Default::default() });
        assert_eq!(reason(&grab.await.unwrap_err()), "SCOPE_MISSING");
        let (_, narrow) = key(&mesh, MERCHANT, Scope::Chat, &["gemini-2.5-flash-lite"]).await;
        assert_eq!(reason(&ask(&mesh, &narrow).await.unwrap_err()), "MODEL_NOT_ALLOWED");
        let (_, act_as) = key(&mesh, "", Scope::ActAs, &[]).await;
        assert!(ask(&mesh, &act_as).await.is_err(), "an act-as key must name the merchant");
        let mut client = GatewayServiceClient::new(mesh.connection(&act_as));
        let mut request = tonic::Request::new(whole(question("tiny-llama", "سؤال")));
        request.metadata_mut().insert("x-kaleem-merchant", MERCHANT.parse().unwrap());
        client.chat(request).await.unwrap();
        assert_eq!(mesh.worker.received().count(), 1, "only the admitted call reached the worker");
        mesh.stop().await;
    }
}

/// A provider that is reached past the gateway serves nobody without an admission.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_provider_refuses_a_call_without_admission() {
    let mesh = Mesh::start(kaleem_tests::Shape::Split).await;
    let mut provider = ProviderServiceClient::new(mesh.peer(kaleem_rpc::Target::ProviderLocal));
    let request = StreamGenerateRequest { model: "tiny-llama".into(), ..StreamGenerateRequest::default() };
    let refused = provider.stream_generate(request).await.unwrap_err();
    assert_eq!(reason(&refused), "ADMISSION_INVALID");
    assert_eq!(mesh.worker.received().count(), 0);
    mesh.stop().await;
}
