//! `kaleem statement`.

use clap::Args;
use comfy_table::Table;
use kaleem_proto::{
    billing::v1::{
        CloseStatementRequest, GetStatementRequest, Statement, billing_service_client::BillingServiceClient,
        statement::Line,
    },
    chat::v1::ServiceTier,
};
use kaleem_rpc::convert;
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
    /// Currency to close it in, for example SAR; without it that of the month before, and USD for the first.
    #[arg(long, requires = "close", default_value = "", hide_default_value = true)]
    currency: String,
    /// Country whose tax to add, for example SA, or none; without it as in the month before, and none in the first.
    #[arg(long, requires = "close", default_value = "", hide_default_value = true)]
    tax: String,
    /// Machine-readable.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    client: ClientArgs,
}

pub(super) async fn run(args: StatementArgs) -> anyhow::Result<()> {
    let mut billing = BillingServiceClient::new(args.client.connect(KeyKind::Admin, None)?);
    let StatementArgs { merchant_id, period, close, currency, tax, json, .. } = args;
    let statement = if close {
        let message = CloseStatementRequest { merchant_id, period, currency, tax };
        billing.close_statement(request(message)).await.map(|closed| closed.into_inner().statement)
    } else {
        let message = GetStatementRequest { merchant_id, period };
        billing.get_statement(request(message)).await.map(|read| read.into_inner().statement)
    };
    let statement = statement.map_err(|status| failed(&status))?.unwrap_or_default();
    print(json.then(|| as_json(&statement)), || as_text(&statement))
}

/// Millionths as a number with its decimals that matter.
fn micro(rate: i64) -> String {
    let decimals = format!("{:06}", rate.unsigned_abs() % 1_000_000);
    let number = format!("{}.{decimals}", rate / 1_000_000);
    number.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// The sums of a statement, a line each: what its lines come to, what is added to it, and what is asked for.
fn sums(statement: &Statement) -> String {
    let currency = &statement.currency;
    let (net, total) = (minor(statement.net_minor), minor(statement.total_minor));
    let mut lines = Vec::new();
    if statement.fx_rate_micro != 1_000_000 {
        lines.push(format!("1 USD is {} {currency} ({})", micro(statement.fx_rate_micro), statement.fx_id));
    }
    if !statement.tax_id.is_empty() {
        let percent = micro(statement.tax_rate_micro.saturating_mul(100));
        let tax = minor(statement.tax_minor);
        lines.push(format!("net {net} {currency}"));
        lines.push(format!("tax {tax} {currency}, {percent} % ({})", statement.tax_id));
    }
    let carried = dollars(statement.carry_pico_usd);
    lines.push(format!("total {total} {currency}, {carried} carried to the next statement"));
    lines.join("\n")
}

/// Minor units as units with two decimals.
fn minor(amount: i64) -> String {
    let sign = if amount < 0 { "-" } else { "" };
    let cents = amount.unsigned_abs();
    format!("{sign}{}.{:02}", cents / 100, cents % 100)
}

fn component(line: &Line) -> String {
    line.component().as_str_name().trim_start_matches("PRICE_COMPONENT_").to_ascii_lowercase()
}

/// The component as people read it, with the tier where that is not the standard one.
fn sold(line: &Line) -> String {
    match line.service_tier() {
        ServiceTier::Batch => format!("{} in batches", component(line)),
        ServiceTier::Standard | ServiceTier::Unspecified => component(line),
    }
}

fn as_text(statement: &Statement) -> String {
    let mut table = Table::new();
    table.set_header(["month", "model", "component", "price version", "units", "exact", &statement.currency]);
    for line in &statement.lines {
        table.add_row([
            line.period.clone(),
            line.model.clone(),
            sold(line),
            line.price_version.clone(),
            line.unit_count.to_string(),
            dollars(line.amount_pico_usd),
            minor(line.amount_minor),
        ]);
    }
    numbers_to_the_right(&mut table, 4..7);
    format!("{}, {}\n{table}\n{}", statement.merchant_id, statement.period, sums(statement))
}

fn as_json(statement: &Statement) -> Value {
    let line = |line: &Line| {
        json!({
            "period": line.period,
            "model": line.model,
            "component": component(line),
            "price_version": line.price_version,
            "service_tier": convert::from_service_tier(line.service_tier()),
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
        "fx_id": statement.fx_id,
        "fx_rate_micro": statement.fx_rate_micro.to_string(),
        "net_minor": statement.net_minor.to_string(),
        "tax_id": statement.tax_id,
        "tax_rate_micro": statement.tax_rate_micro.to_string(),
        "tax_minor": statement.tax_minor.to_string(),
        "total_minor": statement.total_minor.to_string(),
        "carry_pico_usd": statement.carry_pico_usd.to_string(),
        "lines": statement.lines.iter().map(line).collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minor_units_have_two_decimals() {
        assert_eq!([minor(0), minor(5), minor(1_234), minor(-7)], ["0.00", "0.05", "12.34", "-0.07"]);
    }

    #[test]
    fn a_rate_has_the_decimals_that_matter() {
        assert_eq!([3_750_000, 1_000_000, 15_000_000, 50].map(micro), ["3.75", "1", "15", "0.00005"]);
    }

    #[test]
    fn a_statement_in_dollars_is_one_sum_and_one_in_riyals_shows_rate_and_tax() {
        let carry_pico_usd = 2_500_000_000;
        let dollars = Statement {
            currency: "USD".into(),
            fx_rate_micro: 1_000_000,
            carry_pico_usd,
            ..Statement::default()
        };
        let dollars = Statement { net_minor: 1_234, total_minor: 1_234, ..dollars };
        assert_eq!(sums(&dollars), "total 12.34 USD, $0.0025 carried to the next statement");
        let riyals = Statement {
            currency: "SAR".into(),
            fx_id: "sar-peg-1986".into(),
            fx_rate_micro: 3_750_000,
            net_minor: 1_000,
            tax_id: "sa-vat-2020".into(),
            tax_rate_micro: 150_000,
            tax_minor: 150,
            total_minor: 1_150,
            carry_pico_usd,
            ..Statement::default()
        };
        let expected = "1 USD is 3.75 SAR (sar-peg-1986)\nnet 10.00 SAR\ntax 1.50 SAR, 15 % (sa-vat-2020)\n\
                        total 11.50 SAR, $0.0025 carried to the next statement";
        assert_eq!(sums(&riyals), expected);
    }
}
