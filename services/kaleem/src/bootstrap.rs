//! First start: an operator's key, and where wanted a demonstration merchant, so that the first question needs no set-up.

use std::{io, path::Path};

use kaleem_proto::accounts::v1::{
    CreateMerchantRequest, IssueKeyRequest, Scope, accounts_service_client::AccountsServiceClient,
};
use kaleem_rpc::{Fault, Transport};

use crate::data::write_private;

/// File of the operator's key in the data folder.
pub(crate) const ADMIN_KEY_FILE: &str = "admin.key";
/// File of the demonstration merchant's key.
pub(crate) const DEMO_KEY_FILE: &str = "demo.key";
/// Merchant of the first start.
pub(crate) const DEMO_MERCHANT: &str = "demo-shop";

/// Why the first keys were not made.
#[derive(Debug, thiserror::Error)]
pub enum BootstrapError {
    /// Accounts refused.
    #[error("the first keys were not made: {0}")]
    Accounts(#[from] Fault),
    /// A key cannot be kept.
    #[error("the first keys cannot be written to the data folder: {0}")]
    Io(#[from] io::Error),
}

/// Makes what is missing of the first keys.
pub(crate) async fn run(accounts: Transport, folder: &Path, demo: bool) -> Result<(), BootstrapError> {
    let mut accounts = AccountsServiceClient::new(accounts);
    let admin_file = folder.join(ADMIN_KEY_FILE);
    if !admin_file.exists() {
        let key = issue(&mut accounts, "", "first operator", Scope::Admin).await?;
        write_private(&admin_file, &key)?;
    }
    let demo_file = folder.join(DEMO_KEY_FILE);
    if demo && !demo_file.exists() {
        let merchant = CreateMerchantRequest {
            merchant_id: DEMO_MERCHANT.to_owned(),
            display_name: "Demonstration shop".to_owned(),
            plan_id: "starter".to_owned(),
            time_zone: "Asia/Riyadh".to_owned(),
            external_providers_allowed: true,
        };
        accounts.create_merchant(merchant).await.map_err(|status| Fault::from_status(&status))?;
        let key = issue(&mut accounts, DEMO_MERCHANT, "demonstration", Scope::Chat).await?;
        write_private(&demo_file, &key)?;
    }
    Ok(())
}

async fn issue(
    accounts: &mut AccountsServiceClient<Transport>,
    merchant_id: &str,
    alias: &str,
    scope: Scope,
) -> Result<String, Fault> {
    let request = IssueKeyRequest {
        merchant_id: merchant_id.to_owned(),
        alias: alias.to_owned(),
        scopes: vec![scope.into()],
        ..IssueKeyRequest::default()
    };
    let issued = accounts.issue_key(request).await.map_err(|status| Fault::from_status(&status))?;
    Ok(issued.into_inner().api_key)
}
