//! A merchant whose plan never stands in the way of a load test.

use anyhow::Context as _;
use kaleem_proto::accounts::v1::{
    BillingMode, CapAction, CreateMerchantRequest, IssueKeyRequest, Plan, PutPlanRequest, Scope,
    accounts_service_client::AccountsServiceClient,
};
use kaleem_rpc::{Fault, Transport};
use tonic::{
    Request, Status,
    metadata::{Ascii, MetadataValue},
};

/// The merchant of load tests.
pub const MERCHANT: &str = "bench-shop";
const PLAN: &str = "bench";
/// The largest cap there is: 2^53-1.
const CAP: i64 = (1 << 53) - 1;

/// Puts the plan in force, makes the merchant where it is missing, and issues a new key for it. Needs an admin key.
pub async fn prepare(server: Transport, admin_key: &str) -> anyhow::Result<String> {
    let authorization: MetadataValue<Ascii> =
        format!("Bearer {admin_key}").parse().context("the API key has characters that no key has")?;
    let mut accounts = AccountsServiceClient::with_interceptor(server, move |mut request: Request<()>| {
        request.metadata_mut().insert("authorization", authorization.clone());
        Ok::<_, Status>(request)
    });
    let plan = Plan {
        plan_id: PLAN.to_owned(),
        version: 0,
        day_request_cap: CAP,
        month_token_cap: CAP,
        month_cost_nano_usd_cap: CAP,
        concurrent_request_cap: CAP,
        on_cap: CapAction::Suspend.into(),
        alert_percents: Vec::new(),
        billing_mode: BillingMode::Postpaid.into(),
    };
    let refused = |status: Status| Fault::from_status(&status);
    accounts.put_plan(PutPlanRequest { plan: Some(plan) }).await.map_err(refused)?;
    let merchant = CreateMerchantRequest {
        merchant_id: MERCHANT.to_owned(),
        display_name: "Load test".to_owned(),
        plan_id: PLAN.to_owned(),
        time_zone: "Asia/Riyadh".to_owned(),
        // A load test must not reach a provider that costs money.
        external_providers_allowed: false,
    };
    accounts.create_merchant(merchant).await.map_err(refused)?;
    let key = IssueKeyRequest {
        merchant_id: MERCHANT.to_owned(),
        alias: "load test".to_owned(),
        scopes: vec![Scope::Chat.into()],
        ..IssueKeyRequest::default()
    };
    Ok(accounts.issue_key(key).await.map_err(refused)?.into_inner().api_key)
}
