//! `kaleem usage`.

use std::io::Write as _;

use clap::Args;
use comfy_table::{CellAlignment, Table};
use kaleem_domain::{Nano, Pico};
use kaleem_proto::{
    accounts::v1::accounts_service_client::AccountsServiceClient,
    billing::v1::{
        GetUsageSummaryRequest, GetUsageSummaryResponse, billing_service_client::BillingServiceClient,
    },
    quota::v1::{
        GetUsageRequest, GetUsageResponse, get_usage_response::Dimension,
        quota_service_client::QuotaServiceClient,
    },
};
use kaleem_rpc::convert;
use serde_json::{Value, json};

use crate::bootstrap::DEMO_MERCHANT;

use super::{
    ClientArgs,
    client::{Connection, KeyKind, failed, request},
    merchant,
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
    let message = request(GetUsageRequest { merchant_id: merchant_id.clone() });
    let quota = QuotaServiceClient::new(connection.clone()).get_usage(message).await;
    let quota = quota.map_err(|status| failed(&status))?.into_inner();
    let month = quota.dimensions.iter().find(|dimension| dimension.window_id.starts_with('M'));
    let message = GetUsageSummaryRequest {
        merchant_id: merchant_id.clone(),
        window_id: month.map(|dimension| dimension.window_id.clone()).unwrap_or_default(),
    };
    let ledger = BillingServiceClient::new(connection).get_usage_summary(request(message)).await;
    let ledger = ledger.map_err(|status| failed(&status))?.into_inner();
    let mut out = std::io::stdout().lock();
    if args.json {
        writeln!(out, "{}", serde_json::to_string_pretty(&as_json(&merchant_id, &quota, &ledger))?)?;
    } else {
        writeln!(out, "{merchant_id}: quota now\n{}", quota_table(&quota))?;
        writeln!(out, "billed in {}\n{}", ledger.window_id, ledger_table(&ledger))?;
    }
    Ok(())
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

/// A count, or money where the dimension is money.
fn amount(dimension: &Dimension, value: i64) -> String {
    if dimension.name.ends_with("nano_usd") { Pico::from(Nano(value)).to_string() } else { value.to_string() }
}

fn reset(dimension: &Dimension) -> String {
    let at = dimension.reset_time.as_ref().map(convert::from_timestamp);
    let at = at.and_then(|at| jiff::Timestamp::from_millisecond(at.as_millis()).ok());
    at.map(|at| at.to_string()).unwrap_or_default()
}

fn quota_table(quota: &GetUsageResponse) -> Table {
    let mut table = Table::new();
    table.set_header(["limit", "spent", "held", "cap", "left", "resets"]);
    for dimension in &quota.dimensions {
        let left = dimension.cap - dimension.posted - dimension.held;
        table.add_row([
            dimension.name.clone(),
            amount(dimension, dimension.posted),
            amount(dimension, dimension.held),
            amount(dimension, dimension.cap),
            amount(dimension, left),
            reset(dimension),
        ]);
    }
    numbers_to_the_right(&mut table, 1..5);
    table
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
            Pico::new(i128::from(pico)).to_string(),
        ]);
    }
    numbers_to_the_right(&mut table, 1..5);
    table
}

fn numbers_to_the_right(table: &mut Table, columns: std::ops::Range<usize>) {
    for column in columns {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
}

/// Money is a decimal string of its unit, so that no reader makes a float of it.
fn as_json(merchant_id: &str, quota: &GetUsageResponse, ledger: &GetUsageSummaryResponse) -> Value {
    let dimension = |dimension: &Dimension| {
        json!({
            "name": dimension.name,
            "posted": dimension.posted.to_string(),
            "held": dimension.held.to_string(),
            "cap": dimension.cap.to_string(),
            "window_id": dimension.window_id,
            "reset_time": reset(dimension),
        })
    };
    let usage = ledger.usage.as_ref().map(convert::from_usage).unwrap_or_default();
    json!({
        "merchant_id": merchant_id,
        "quota": quota.dimensions.iter().map(dimension).collect::<Vec<_>>(),
        "billed": {
            "window_id": ledger.window_id,
            "requests": ledger.request_count,
            "input_tokens": usage.input(),
            "output_tokens": usage.output(),
            "charged_pico_usd": ledger.sell_pico_usd.to_string(),
        },
    })
}
