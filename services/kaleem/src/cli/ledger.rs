//! `kaleem ledger`.

use std::io::Write as _;

use clap::{Args, Subcommand};
use kaleem_proto::billing::v1::{VerifyLedgerRequest, billing_service_client::BillingServiceClient};
use serde_json::json;

use super::{
    ClientArgs,
    client::{KeyKind, failed, request},
    table::print,
};

/// The books are wrong: what was read breaks an invariant.
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
}

pub(super) async fn run(args: LedgerArgs) -> anyhow::Result<u8> {
    let LedgerCommand::Verify { json } = args.command;
    let connection = args.client.connect(KeyKind::Admin, None)?;
    let verdict = BillingServiceClient::new(connection).verify_ledger(request(VerifyLedgerRequest {})).await;
    let verdict = verdict.map_err(|status| failed(&status))?.into_inner();
    let as_json = json.then(|| {
        json!({
            "events": verdict.event_count,
            "entries": verdict.entry_count,
            "faults": verdict.faults,
        })
    });
    let (events, entries) = (verdict.event_count, verdict.entry_count);
    print(as_json, || {
        format!("{events} events and {entries} entries read, {} faults", verdict.faults.len())
    })?;
    if !json {
        let mut stderr = std::io::stderr().lock();
        verdict.faults.iter().try_for_each(|fault| writeln!(stderr, "{fault}"))?;
    }
    Ok(if verdict.faults.is_empty() { 0 } else { DATA_ERROR })
}
