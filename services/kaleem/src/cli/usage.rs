//! `kaleem usage`.

use clap::Args;
use comfy_table::Table;
use kaleem_domain::Pico;
use kaleem_proto::{
    accounts::v1::accounts_service_client::AccountsServiceClient,
    billing::v1::{
        GetBalanceRequest, GetBalanceResponse, GetUsageSummaryRequest, GetUsageSummaryResponse,
        billing_service_client::BillingServiceClient,
    },
    quota::v1::GetUsageResponse,
};
use kaleem_rpc::convert;
use serde_json::{Value, json};

use crate::bootstrap::DEMO_MERCHANT;

use super::{
    ClientArgs,
    client::{Connection, KeyKind, failed, request},
    merchant,
    quota::{usage, usage_json, usage_table},
    table::{dollars, numbers_to_the_right, print},
};

#[derive(Debug, Args)]
pub(super) struct UsageArgs {
    /// Merchant; by default the only one there is, or the demonstration merchant.
    #[arg(long)]
    merchant: Option<String>,
    /// Machine-readable.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    client: ClientArgs,
}

pub(super) async fn run(args: UsageArgs) -> anyhow::Result<()> {
    let connection = args.client.connect(KeyKind::Admin, None)?;
    let merchant_id = match args.merchant {
        Some(merchant_id) => merchant_id,
        None => only_merchant(&connection).await?,
    };
    let quota = usage(&connection, &merchant_id).await?;
    let month = quota.dimensions.iter().find(|dimension| dimension.window_id.starts_with('M'));
    let message = GetUsageSummaryRequest {
        merchant_id: merchant_id.clone(),
        window_id: month.map(|dimension| dimension.window_id.clone()).unwrap_or_default(),
        ..GetUsageSummaryRequest::default()
    };
    let mut billing = BillingServiceClient::new(connection);
    let ledger = billing.get_usage_summary(request(message)).await;
    let ledger = ledger.map_err(|status| failed(&status))?.into_inner();
    let message = GetBalanceRequest { merchant_id: merchant_id.clone() };
    let account = billing.get_balance(request(message)).await;
    let account = account.map_err(|status| failed(&status))?.into_inner();
    print(args.json.then(|| as_json(&merchant_id, &quota, &ledger, &account)), || {
        let (now, billed) = (usage_table(&quota), ledger_table(&ledger));
        let (window, account) = (&ledger.window_id, account_line(&account));
        format!("{merchant_id}: quota now\n{now}\nbilled in {window}\n{billed}\n{account}")
    })
}

/// Both sides of the merchant's account over all months, and what it comes to.
fn account_line(account: &GetBalanceResponse) -> String {
    let pico = |pico: i64| Pico::new(i128::from(pico));
    let (paid, charged) = (pico(account.paid_pico_usd), pico(account.charged_pico_usd));
    let left = i128::from(account.paid_pico_usd) - i128::from(account.charged_pico_usd);
    let (amount, what) = if left < 0 { (-left, "due") } else { (left, "left") };
    format!("in all paid {paid} and charged {charged}: {} is {what}", Pico::new(amount))
}

/// The merchant that is meant when none is named.
async fn only_merchant(connection: &Connection) -> anyhow::Result<String> {
    let all = merchant::list(&mut AccountsServiceClient::new(connection.clone())).await?;
    match &all[..] {
        [only] => Ok(only.merchant_id.clone()),
        several if several.iter().any(|merchant| merchant.merchant_id == DEMO_MERCHANT) => {
            Ok(DEMO_MERCHANT.to_owned())
        }
        [] => anyhow::bail!("there is no merchant yet; make one with `kaleem merchant create`"),
        _ => anyhow::bail!("there are {} merchants; name one with --merchant", all.len()),
    }
}

fn ledger_table(ledger: &GetUsageSummaryResponse) -> Table {
    let mut table = Table::new();
    table.set_header(["model", "requests", "tokens in", "tokens out", "charged"]);
    let rows =
        ledger.models.iter().map(|row| (row.model.as_str(), row.request_count, row.usage, row.sell_pico_usd));
    let total = ("total", ledger.request_count, ledger.usage, ledger.sell_pico_usd);
    for (model, requests, usage, pico) in rows.chain([total]) {
        let usage = usage.as_ref().map(convert::from_usage).unwrap_or_default();
        table.add_row([
            model.to_owned(),
            requests.to_string(),
            usage.input().to_string(),
            usage.output().to_string(),
            dollars(pico),
        ]);
    }
    numbers_to_the_right(&mut table, 1..5);
    table
}

/// Money is a decimal string of its unit, so that no reader makes a float of it.
fn as_json(
    merchant_id: &str,
    quota: &GetUsageResponse,
    ledger: &GetUsageSummaryResponse,
    account: &GetBalanceResponse,
) -> Value {
    let usage = ledger.usage.as_ref().map(convert::from_usage).unwrap_or_default();
    json!({
        "merchant_id": merchant_id,
        "quota": usage_json(quota),
        "billed": {
            "window_id": ledger.window_id,
            "requests": ledger.request_count,
            "input_tokens": usage.input(),
            "output_tokens": usage.output(),
            "charged_pico_usd": ledger.sell_pico_usd.to_string(),
        },
        "account": {
            "paid_pico_usd": account.paid_pico_usd.to_string(),
            "charged_pico_usd": account.charged_pico_usd.to_string(),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOLLAR: i64 = 1_000_000_000_000;

    #[test]
    fn what_was_paid_and_charged_comes_to_what_is_left_or_due() {
        let line = |paid_pico_usd, charged_pico_usd| {
            account_line(&GetBalanceResponse {
                paid_pico_usd,
                charged_pico_usd,
                ..GetBalanceResponse::default()
            })
        };
        assert_eq!(line(10 * DOLLAR, 4 * DOLLAR), "in all paid $10.00 and charged $4.00: $6.00 is left");
        assert_eq!(line(0, DOLLAR), "in all paid $0.00 and charged $1.00: $1.00 is due");
        assert_eq!(line(i64::MAX, i64::MAX).split(": ").last(), Some("$0.00 is left"));
    }
}
