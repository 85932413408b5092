//! `kaleem statement`.

use clap::Args;
use comfy_table::Table;
use kaleem_proto::billing::v1::{
    CloseStatementRequest, GetStatementRequest, Statement, billing_service_client::BillingServiceClient,
    statement::Line,
};
use serde_json::{Value, json};

use super::{
    ClientArgs,
    client::{KeyKind, failed, request},
    table::{dollars, numbers_to_the_right, print},
};

#[derive(Debug, Args)]
pub(super) struct StatementArgs {
    /// Merchant.
    merchant_id: String,
    /// Month, for example 202611.
    period: String,
    /// Closes the month first; a month that is closed stays as it is.
    #[arg(long)]
    close: bool,
    /// Machine-readable.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    client: ClientArgs,
}

pub(super) async fn run(args: StatementArgs) -> anyhow::Result<()> {
    let mut billing = BillingServiceClient::new(args.client.connect(KeyKind::Admin, None)?);
    let StatementArgs { merchant_id, period, close, json, .. } = args;
    let statement = if close {
        let message = CloseStatementRequest { merchant_id, period };
        billing.close_statement(request(message)).await.map(|closed| closed.into_inner().statement)
    } else {
        let message = GetStatementRequest { merchant_id, period };
        billing.get_statement(request(message)).await.map(|read| read.into_inner().statement)
    };
    let statement = statement.map_err(|status| failed(&status))?.unwrap_or_default();
    print(json.then(|| as_json(&statement)), || as_text(&statement))
}

/// Cents as dollars.
fn minor(amount: i64) -> String {
    let sign = if amount < 0 { "-" } else { "" };
    let cents = amount.unsigned_abs();
    format!("{sign}{}.{:02}", cents / 100, cents % 100)
}

fn component(line: &Line) -> String {
    line.component().as_str_name().trim_start_matches("PRICE_COMPONENT_").to_ascii_lowercase()
}

fn as_text(statement: &Statement) -> String {
    let mut table = Table::new();
    table.set_header(["month", "model", "component", "price version", "units", "exact", "shown"]);
    for line in &statement.lines {
        table.add_row([
            line.period.clone(),
            line.model.clone(),
            component(line),
            line.price_version.clone(),
            line.unit_count.to_string(),
            dollars(line.amount_pico_usd),
            minor(line.amount_minor),
        ]);
    }
    numbers_to_the_right(&mut table, 4..7);
    format!(
        "{}, {}\n{table}\ntotal {} {}, {} carried to the next statement",
        statement.merchant_id,
        statement.period,
        minor(statement.total_minor),
        statement.currency,
        dollars(statement.carry_pico_usd)
    )
}

fn as_json(statement: &Statement) -> Value {
    let line = |line: &Line| {
        json!({
            "period": line.period,
            "model": line.model,
            "component": component(line),
            "price_version": line.price_version,
            "units": line.unit_count.to_string(),
            "amount_pico_usd": line.amount_pico_usd.to_string(),
            "amount_minor": line.amount_minor.to_string(),
        })
    };
    json!({
        "merchant_id": statement.merchant_id,
        "period": statement.period,
        "max_sequence": statement.max_sequence,
        "currency": statement.currency,
        "total_minor": statement.total_minor.to_string(),
        "carry_pico_usd": statement.carry_pico_usd.to_string(),
        "lines": statement.lines.iter().map(line).collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cents_are_dollars_with_two_decimals() {
        assert_eq!([minor(0), minor(5), minor(1_234), minor(-7)], ["0.00", "0.05", "12.34", "-0.07"]);
    }
}
