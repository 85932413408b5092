//! `kaleem price`.

use std::{fs, path::PathBuf};

use anyhow::Context as _;
use clap::{Args, Subcommand};
use comfy_table::Table;
use kaleem_domain::Pico;
use kaleem_proto::{
    billing::v1::{
        ListPricesRequest, PriceBook, PriceComponent, PriceVersion, PutPriceVersionRequest,
        billing_service_client::BillingServiceClient,
    },
    chat::v1::ServiceTier,
};
use kaleem_rpc::convert;
use serde_json::{Value, json};

use super::{
    ClientArgs,
    client::{Connection, KeyKind, failed, request},
    table::{instant, numbers_to_the_right, print},
};

/// Prices are shown as providers quote them.
const UNITS_SHOWN: i64 = 1_000_000;

#[derive(Debug, Args)]
pub(super) struct PriceArgs {
    #[command(subcommand)]
    command: PriceCommand,
    #[command(flatten)]
    client: ClientArgs,
}

#[derive(Debug, Subcommand)]
enum PriceCommand {
    /// Lists the prices in force, in dollars a million tokens.
    List {
        /// Also versions that are superseded.
        #[arg(long)]
        all: bool,
        /// Machine-readable, in pico-dollars a unit.
        #[arg(long)]
        json: bool,
    },
    /// Adds the versions of a price file; a version that is there already must be the same.
    Put {
        /// TOML as in the shipped price book: `[[version]]` with `cost` and `sell` in dollars a million tokens.
        file: PathBuf,
    },
}

type Billing = BillingServiceClient<Connection>;

pub(super) async fn run(args: PriceArgs) -> anyhow::Result<()> {
    let mut billing = BillingServiceClient::new(args.client.connect(KeyKind::Admin, None)?);
    match args.command {
        PriceCommand::List { all, json } => {
            let message = ListPricesRequest { include_superseded: all };
            let listed = billing.list_prices(request(message)).await.map_err(|status| failed(&status))?;
            let versions = listed.into_inner().versions;
            print(json.then(|| versions.iter().map(as_json).collect()), || price_table(&versions).to_string())
        }
        PriceCommand::Put { file } => put(&mut billing, &file).await,
    }
}

async fn put(billing: &mut Billing, file: &PathBuf) -> anyhow::Result<()> {
    let text = fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?;
    let versions = kaleem_billing::price_file::parse(&text).with_context(|| file.display().to_string())?;
    for version in &versions {
        let message = PutPriceVersionRequest { version: Some(convert::price_version(version)) };
        billing.put_price_version(request(message)).await.map_err(|status| failed(&status))?;
        print(None, || format!("{} is in the price book", version.price_version))?;
    }
    Ok(())
}

fn rate(version: &PriceVersion, book: PriceBook, component: PriceComponent) -> String {
    let rates = version.rates.iter().filter(|rate| rate.book() == book && rate.component() == component);
    let shown = rates.map(|rate| {
        let million = Pico::new(i128::from(rate.pico_usd_per_unit) * i128::from(UNITS_SHOWN));
        let tier = if rate.service_tier() == ServiceTier::Batch { " in batches" } else { "" };
        match rate.min_input_token_count {
            0 => format!("{million}{tier}"),
            from => format!("{million}{tier} from {from}"),
        }
    });
    shown.collect::<Vec<_>>().join(", ")
}

fn price_table(versions: &[PriceVersion]) -> Table {
    let mut table = Table::new();
    table.set_header([
        "version",
        "target",
        "model",
        "in force from",
        "cost in",
        "cost out",
        "sell in",
        "sell out",
        "sure",
    ]);
    for version in versions {
        let of = |book, component| rate(version, book, component);
        table.add_row([
            version.price_version.clone(),
            version.target.clone(),
            version.model.clone(),
            instant(version.effective_time.as_ref()),
            of(PriceBook::Cost, PriceComponent::InputFresh),
            of(PriceBook::Cost, PriceComponent::OutputText),
            of(PriceBook::Sell, PriceComponent::InputFresh),
            of(PriceBook::Sell, PriceComponent::OutputText),
            if version.verified { "yes" } else { "no" }.to_owned(),
        ]);
    }
    numbers_to_the_right(&mut table, 4..8);
    table
}

fn as_json(version: &PriceVersion) -> Value {
    let rates = version.rates.iter().map(|rate| {
        json!({
            "book": rate.book().as_str_name(),
            "component": rate.component().as_str_name(),
            "pico_usd_per_unit": rate.pico_usd_per_unit.to_string(),
            "min_input_token_count": rate.min_input_token_count,
            "service_tier": convert::from_service_tier(rate.service_tier()),
        })
    });
    json!({
        "price_version": version.price_version,
        "target": version.target,
        "model": version.model,
        "effective_time": instant(version.effective_time.as_ref()),
        "source": version.source,
        "verified": version.verified,
        "rates": rates.collect::<Vec<_>>(),
    })
}
