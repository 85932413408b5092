//! `kaleem merchant`.

use std::io::Write as _;

use clap::{Args, Subcommand};
use comfy_table::Table;
use kaleem_proto::accounts::v1::{
    CreateMerchantRequest, ListMerchantsRequest, Merchant, MerchantState, SetMerchantStateRequest,
    accounts_service_client::AccountsServiceClient,
};
use serde_json::json;

use super::{
    ClientArgs,
    client::{KeyKind, failed, request},
};

#[derive(Debug, Args)]
pub(super) struct MerchantArgs {
    #[command(subcommand)]
    command: MerchantCommand,
    #[command(flatten)]
    client: ClientArgs,
}

#[derive(Debug, Subcommand)]
enum MerchantCommand {
    /// Makes a merchant; the same call again changes nothing.
    Create {
        /// Id: 3 to 40 lower-case letters, digits and dashes.
        merchant_id: String,
        /// Name for people.
        #[arg(long, default_value = "")]
        name: String,
        /// Plan: starter, growth, scale or one of your own.
        #[arg(long, default_value = "starter")]
        plan: String,
        /// IANA zone of its day and month.
        #[arg(long, default_value = "Asia/Riyadh")]
        time_zone: String,
        /// Keeps its prompts on our own workers.
        #[arg(long)]
        local_only: bool,
    },
    /// Lists merchants.
    List {
        /// Machine-readable.
        #[arg(long)]
        json: bool,
    },
    /// Refuses all calls of a merchant at once.
    Suspend {
        /// Its id.
        merchant_id: String,
    },
    /// Lets a suspended merchant call again.
    Resume {
        /// Its id.
        merchant_id: String,
    },
}

pub(super) async fn run(args: MerchantArgs) -> anyhow::Result<()> {
    let mut accounts = AccountsServiceClient::new(args.client.connect(KeyKind::Admin, None)?);
    let merchants = match args.command {
        MerchantCommand::Create { merchant_id, name, plan, time_zone, local_only } => {
            let message = CreateMerchantRequest {
                merchant_id,
                display_name: name,
                plan_id: plan,
                time_zone,
                external_providers_allowed: !local_only,
            };
            let made = accounts.create_merchant(request(message)).await.map_err(|status| failed(&status))?;
            made.into_inner().merchant.into_iter().collect()
        }
        MerchantCommand::List { json } => {
            let merchants = list(&mut accounts).await?;
            if json {
                return print_json(&merchants);
            }
            merchants
        }
        MerchantCommand::Suspend { merchant_id } => {
            set_state(&mut accounts, merchant_id, MerchantState::Suspended).await?
        }
        MerchantCommand::Resume { merchant_id } => {
            set_state(&mut accounts, merchant_id, MerchantState::Active).await?
        }
    };
    print_table(&merchants)
}

type Accounts = AccountsServiceClient<super::client::Connection>;

/// Puts a merchant into `state`.
pub(super) async fn set_state(
    accounts: &mut Accounts,
    merchant_id: String,
    state: MerchantState,
) -> anyhow::Result<Vec<Merchant>> {
    let message = SetMerchantStateRequest { merchant_id, state: state.into() };
    let changed = accounts.set_merchant_state(request(message)).await.map_err(|status| failed(&status))?;
    Ok(changed.into_inner().merchant.into_iter().collect())
}

/// All merchants, page by page.
pub(super) async fn list(accounts: &mut Accounts) -> anyhow::Result<Vec<Merchant>> {
    let (mut merchants, mut page_token) = (Vec::new(), String::new());
    loop {
        let message = ListMerchantsRequest { page_size: 1000, page_token };
        let page =
            accounts.list_merchants(request(message)).await.map_err(|status| failed(&status))?.into_inner();
        merchants.extend(page.merchants);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return Ok(merchants);
        }
    }
}

fn state(merchant: &Merchant) -> &'static str {
    match merchant.state() {
        MerchantState::Active => "active",
        MerchantState::Suspended => "suspended",
        MerchantState::Unspecified => "unknown",
    }
}

fn print_json(merchants: &[Merchant]) -> anyhow::Result<()> {
    let row = |merchant: &Merchant| {
        json!({
            "merchant_id": merchant.merchant_id,
            "display_name": merchant.display_name,
            "plan_id": merchant.plan_id,
            "time_zone": merchant.time_zone,
            "state": state(merchant),
            "external_providers_allowed": merchant.external_providers_allowed,
        })
    };
    let rows: Vec<_> = merchants.iter().map(row).collect();
    writeln!(std::io::stdout().lock(), "{}", serde_json::to_string_pretty(&rows)?)?;
    Ok(())
}

pub(super) fn print_table(merchants: &[Merchant]) -> anyhow::Result<()> {
    let mut table = Table::new();
    table.set_header(["merchant", "name", "plan", "zone", "state", "providers"]);
    for merchant in merchants {
        let providers = if merchant.external_providers_allowed { "any" } else { "local only" };
        table.add_row([
            &merchant.merchant_id,
            &merchant.display_name,
            &merchant.plan_id,
            &merchant.time_zone,
            state(merchant),
            providers,
        ]);
    }
    writeln!(std::io::stdout().lock(), "{table}")?;
    Ok(())
}
