//! `kaleem quota`.

use std::io::Write as _;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use comfy_table::Table;
use kaleem_domain::{Nano, Pico};
use kaleem_proto::{
    accounts::v1::{MerchantState, accounts_service_client::AccountsServiceClient},
    billing::v1::{PostPaymentRequest, billing_service_client::BillingServiceClient},
    quota::v1::{
        GetUsageRequest, GetUsageResponse, GrantTopUpRequest, get_usage_response::Dimension,
        quota_service_client::QuotaServiceClient,
    },
    router::v1::QuotaPosture,
};
use serde_json::{Value, json};

use super::{
    ClientArgs,
    client::{Connection, KeyKind, failed, request},
    merchant,
    table::{instant, numbers_to_the_right, print},
};

#[derive(Debug, Args)]
pub(super) struct QuotaArgs {
    #[command(subcommand)]
    command: QuotaCommand,
    #[command(flatten)]
    client: ClientArgs,
}

#[derive(Debug, Subcommand)]
enum QuotaCommand {
    /// Shows what a merchant spent, what its calls in flight hold, and its caps.
    Show {
        /// Its id.
        merchant_id: String,
        /// Machine-readable.
        #[arg(long)]
        json: bool,
    },
    /// Adds to the caps of the month that is open now; the same operation id again adds nothing. What a merchant paid is no grant: see
    /// `pay`.
    Grant {
        /// Its id.
        merchant_id: String,
        /// Added to the month's money, in dollars with at most nine decimals.
        #[arg(long, value_parser = nano, default_value = "0")]
        usd: Nano,
        /// Added to the month's tokens.
        #[arg(long, default_value_t = 0)]
        tokens: i64,
        /// Identity of the grant; one is made where none is given.
        #[arg(long)]
        op_id: Option<String>,
    },
    /// Posts what a merchant paid, or got back, to the ledger; the same payment id again posts nothing. One that pays ahead is served up
    /// to what is left of its payments.
    Pay {
        /// Its id.
        merchant_id: String,
        /// Dollars, with at most nine decimals.
        #[arg(long, value_parser = nano)]
        usd: Nano,
        /// The payment provider's id; a refund has one of its own.
        #[arg(long)]
        payment_id: String,
        /// It went back to the merchant.
        #[arg(long)]
        refund: bool,
        /// Adds it to the money of the month that is open now as well.
        #[arg(long, conflicts_with = "refund")]
        raise_cap: bool,
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

pub(super) async fn run(args: QuotaArgs) -> anyhow::Result<()> {
    let connection = args.client.connect(KeyKind::Admin, None)?;
    match args.command {
        QuotaCommand::Show { merchant_id, json } => {
            let usage = usage(&connection, &merchant_id).await?;
            print(json.then(|| as_json(&merchant_id, &usage)), || {
                format!("{merchant_id}: {}\n{}", posture(&usage), usage_table(&usage))
            })
        }
        QuotaCommand::Grant { merchant_id, usd, tokens, op_id } => {
            let op_id = op_id.unwrap_or_else(|| format!("cli-{}", hex::encode(rand::random::<[u8; 12]>())));
            grant(&connection, merchant_id, usd, tokens, op_id).await
        }
        QuotaCommand::Pay { merchant_id, usd, payment_id, refund, raise_cap } => {
            let pico = Pico::from(usd).to_i64().context("--usd is more than a payment can be")?;
            let amount_pico_usd = if refund { -pico } else { pico };
            let (paid_by, tops_up_month_cap) = (merchant_id.clone(), raise_cap);
            let message =
                PostPaymentRequest { payment_id, merchant_id: paid_by, amount_pico_usd, tops_up_month_cap };
            let posted = BillingServiceClient::new(connection).post_payment(request(message)).await;
            let transaction = posted.map_err(|status| failed(&status))?.into_inner().transaction_id;
            let verb = if refund { "got back" } else { "paid" };
            print(None, || format!("{merchant_id}: {verb} {}, transaction {transaction}", Pico::from(usd)))
        }
        QuotaCommand::Suspend { merchant_id } => {
            set_state(connection, merchant_id, MerchantState::Suspended).await
        }
        QuotaCommand::Resume { merchant_id } => {
            set_state(connection, merchant_id, MerchantState::Active).await
        }
    }
}

/// Posted, held and caps of a merchant.
pub(super) async fn usage(connection: &Connection, merchant_id: &str) -> anyhow::Result<GetUsageResponse> {
    let message = request(GetUsageRequest { merchant_id: merchant_id.to_owned() });
    let usage = QuotaServiceClient::new(connection.clone()).get_usage(message).await;
    Ok(usage.map_err(|status| failed(&status))?.into_inner())
}

async fn grant(
    connection: &Connection,
    merchant_id: String,
    usd: Nano,
    tokens: i64,
    op_id: String,
) -> anyhow::Result<()> {
    let message = GrantTopUpRequest {
        op_id: op_id.clone(),
        merchant_id: merchant_id.clone(),
        cost_nano_usd: usd.0,
        token_count: tokens,
    };
    // Said first: if the answer is lost, the same id makes the same grant.
    writeln!(std::io::stderr().lock(), "operation {op_id}")?;
    let granted = QuotaServiceClient::new(connection.clone()).grant_top_up(request(message)).await;
    granted.map_err(|status| failed(&status))?;
    print(None, || {
        format!("{merchant_id}: {} and {tokens} tokens more until the month ends", Pico::from(usd))
    })
}

async fn set_state(connection: Connection, merchant_id: String, state: MerchantState) -> anyhow::Result<()> {
    let changed =
        merchant::set_state(&mut AccountsServiceClient::new(connection), merchant_id, state).await?;
    merchant::print_table(&changed)
}

/// Dollars with at most nine decimals, without floats.
fn nano(text: &str) -> Result<Nano, String> {
    let nano = Pico::parse_dollars(text, 9).and_then(Pico::ceil_nano);
    nano.ok_or_else(|| "must be dollars with at most nine decimals, such as 10 or 2.50".to_owned())
}

/// A count, or money where the dimension is money.
fn amount(dimension: &Dimension, value: i64) -> String {
    if dimension.name.ends_with("nano_usd") { Pico::from(Nano(value)).to_string() } else { value.to_string() }
}

fn posture(usage: &GetUsageResponse) -> &'static str {
    match usage.posture() {
        QuotaPosture::Unspecified | QuotaPosture::Normal => "far from its caps",
        QuotaPosture::NearCap => "near a cap: cheaper models are preferred",
        QuotaPosture::DegradeModel => "nearly at the cap of its money: cheaper models only",
        QuotaPosture::DegradeShorter => "nearly at the cap of its tokens: shorter answers",
        QuotaPosture::Suspended => "a cap is used up",
    }
}

/// One row a limit.
pub(super) fn usage_table(usage: &GetUsageResponse) -> Table {
    let mut table = Table::new();
    table.set_header(["limit", "spent", "held", "cap", "left", "resets"]);
    for dimension in &usage.dimensions {
        let left = dimension.cap - dimension.posted - dimension.held;
        table.add_row([
            dimension.name.clone(),
            amount(dimension, dimension.posted),
            amount(dimension, dimension.held),
            amount(dimension, dimension.cap),
            amount(dimension, left),
            instant(dimension.reset_time.as_ref()),
        ]);
    }
    numbers_to_the_right(&mut table, 1..5);
    table
}

/// Numbers are decimal strings, so that no reader makes floats of them.
pub(super) fn usage_json(usage: &GetUsageResponse) -> Vec<Value> {
    let dimension = |dimension: &Dimension| {
        json!({
            "name": dimension.name,
            "posted": dimension.posted.to_string(),
            "held": dimension.held.to_string(),
            "cap": dimension.cap.to_string(),
            "window_id": dimension.window_id,
            "reset_time": instant(dimension.reset_time.as_ref()),
        })
    };
    usage.dimensions.iter().map(dimension).collect()
}

fn as_json(merchant_id: &str, usage: &GetUsageResponse) -> Value {
    json!({
        "merchant_id": merchant_id,
        "posture": usage.posture().as_str_name(),
        "policy_version": usage.policy_version,
        "quota": usage_json(usage),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dollars_are_read_exactly() {
        for (text, expected) in
            [("10", 10_000_000_000), ("2.50", 2_500_000_000), ("0.000000001", 1), ("0", 0)]
        {
            assert_eq!(nano(text), Ok(Nano(expected)), "{text}");
        }
        for wrong in ["", "-1", "1.", ".5", "1.0000000001", "1e3", "9300000000", "١"] {
            assert!(nano(wrong).is_err(), "{wrong}");
        }
    }
}
