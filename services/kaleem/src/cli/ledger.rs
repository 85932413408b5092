//! `kaleem ledger`.

use std::{fs, io::Write as _, path::PathBuf};

use anyhow::Context as _;
use clap::{Args, Subcommand};
use comfy_table::Table;
use kaleem_proto::billing::v1::{
    GetReconciliationRequest, ImportProviderBillRequest, VerifyLedgerRequest,
    billing_service_client::BillingServiceClient, get_reconciliation_response::Difference,
};
use serde_json::{Value, json};

use super::{
    ClientArgs,
    client::{Connection, KeyKind, failed, request},
    table::print,
};

/// The books are wrong, or differ from what others say.
const DATA_ERROR: u8 = 65;

#[derive(Debug, Args)]
pub(super) struct LedgerArgs {
    #[command(subcommand)]
    command: LedgerCommand,
    #[command(flatten)]
    client: ClientArgs,
}

#[derive(Debug, Subcommand)]
enum LedgerCommand {
    /// Checks every invariant of the books; ends with 65 and one line a fault if one is broken.
    Verify {
        /// Machine-readable.
        #[arg(long)]
        json: bool,
    },
    /// Takes in a provider's bill: CSV with the columns day, model, input_tokens, output_tokens, cost_usd and, where the provider
    /// says it, provider_request_id.
    Import {
        /// Provider target, for example provider-gemini.
        target: String,
        /// The file.
        file: PathBuf,
    },
    /// Compares the ledger with the providers' bills of a month; ends with 65 if they differ.
    Reconcile {
        /// Month, for example 202611.
        period: String,
        /// One merchant; all where it is left out.
        #[arg(long, default_value = "")]
        merchant: String,
        /// Machine-readable.
        #[arg(long)]
        json: bool,
    },
}

type Billing = BillingServiceClient<Connection>;

pub(super) async fn run(args: LedgerArgs) -> anyhow::Result<u8> {
    let mut billing = BillingServiceClient::new(args.client.connect(KeyKind::Admin, None)?);
    match args.command {
        LedgerCommand::Verify { json } => verify(&mut billing, json).await,
        LedgerCommand::Import { target, file } => import(&mut billing, target, &file).await,
        LedgerCommand::Reconcile { period, merchant, json } => {
            let message = GetReconciliationRequest { merchant_id: merchant, period };
            let compared = billing.get_reconciliation(request(message)).await;
            let differences = compared.map_err(|status| failed(&status))?.into_inner().differences;
            let as_json = json.then(|| differences.iter().map(difference_json).collect());
            print(as_json, || difference_table(&differences))?;
            Ok(if differences.is_empty() { 0 } else { DATA_ERROR })
        }
    }
}

async fn verify(billing: &mut Billing, json: bool) -> anyhow::Result<u8> {
    let verdict = billing.verify_ledger(request(VerifyLedgerRequest {})).await;
    let verdict = verdict.map_err(|status| failed(&status))?.into_inner();
    let as_json = json.then(|| {
        json!({
            "events": verdict.event_count,
            "entries": verdict.entry_count,
            "faults": verdict.faults,
            "suspects": verdict.suspect_count,
        })
    });
    let (events, entries) = (verdict.event_count, verdict.entry_count);
    print(as_json, || {
        format!("{events} events and {entries} entries read, {} faults", verdict.faults.len())
    })?;
    if !json {
        let mut stderr = std::io::stderr().lock();
        if verdict.suspect_count > 0 {
            let suspects = verdict.suspect_count;
            writeln!(
                stderr,
                "{suspects} events have token counts that do not add up to the provider's total; they are charged as counted"
            )?;
        }
        verdict.faults.iter().try_for_each(|fault| writeln!(stderr, "{fault}"))?;
    }
    Ok(if verdict.faults.is_empty() { 0 } else { DATA_ERROR })
}

async fn import(billing: &mut Billing, target: String, file: &PathBuf) -> anyhow::Result<u8> {
    let document = fs::read(file).with_context(|| format!("{} cannot be read", file.display()))?;
    let message = ImportProviderBillRequest { target, document };
    let imported = billing.import_provider_bill(request(message)).await.map_err(|status| failed(&status))?;
    print(None, || match imported.into_inner().row_count {
        0 => "this file was taken in before".to_owned(),
        rows => format!("{rows} rows taken in"),
    })?;
    Ok(0)
}

fn difference_table(differences: &[Difference]) -> String {
    if differences.is_empty() {
        return "no difference".to_owned();
    }
    let mut table = Table::new();
    table.set_header(["what", "quota", "ledger", "provider"]);
    for difference in differences {
        let Difference { subject, quota_value, ledger_value, provider_value } = difference;
        table.add_row([subject, quota_value, ledger_value, provider_value]);
    }
    table.to_string()
}

fn difference_json(difference: &Difference) -> Value {
    json!({
        "subject": difference.subject,
        "quota": difference.quota_value,
        "ledger": difference.ledger_value,
        "provider": difference.provider_value,
    })
}
