//! `kaleem key`.

use std::{io::Write as _, time::Duration};

use anyhow::Context as _;
use clap::{Args, Subcommand, ValueEnum};
use comfy_table::Table;
use kaleem_domain::Clock as _;
use kaleem_proto::accounts::v1::{
    ApiKey, IssueKeyRequest, ListKeysRequest, RevokeKeyRequest, Scope,
    accounts_service_client::AccountsServiceClient,
};
use kaleem_rpc::convert;
use kaleem_runtime::{SystemClock, config::Span};

use super::{
    ClientArgs,
    client::{KeyKind, failed, request},
};

#[derive(Debug, Args)]
pub(super) struct KeyArgs {
    #[command(subcommand)]
    command: KeyCommand,
    #[command(flatten)]
    client: ClientArgs,
}

/// What a key may do.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum ScopeArg {
    /// Chat for its merchant.
    Chat,
    /// Administration.
    Admin,
    /// Chat for any merchant named in x-kaleem-merchant.
    ActAs,
}

#[derive(Debug, Subcommand)]
enum KeyCommand {
    /// Makes a key and shows it once.
    Issue {
        /// Merchant; none for admin and act-as keys.
        #[arg(long, default_value = "")]
        merchant: String,
        /// What it may do; may be repeated.
        #[arg(long, value_enum, default_values_t = [ScopeArg::Chat])]
        scope: Vec<ScopeArg>,
        /// Name for people.
        #[arg(long, default_value = "")]
        alias: String,
        /// Models it may use; may be repeated. None allows all.
        #[arg(long)]
        model: Vec<String>,
        /// Ends after this long, for example 30d.
        #[arg(long)]
        expires_in: Option<Span>,
    },
    /// Lists a merchant's keys, without their secrets.
    List {
        /// Merchant; none lists admin and act-as keys.
        #[arg(long, default_value = "")]
        merchant: String,
    },
    /// Revokes a key for good; every gateway refuses it within 2 s.
    Revoke {
        /// Its id, the third part of the key.
        key_id: String,
    },
}

impl From<ScopeArg> for Scope {
    fn from(scope: ScopeArg) -> Self {
        match scope {
            ScopeArg::Chat => Self::Chat,
            ScopeArg::Admin => Self::Admin,
            ScopeArg::ActAs => Self::ActAs,
        }
    }
}

pub(super) async fn run(args: KeyArgs) -> anyhow::Result<()> {
    let mut accounts = AccountsServiceClient::new(args.client.connect(KeyKind::Admin, None)?);
    let mut out = std::io::stdout();
    match args.command {
        KeyCommand::Issue { merchant, scope, alias, model, expires_in } => {
            let message = IssueKeyRequest {
                merchant_id: merchant,
                alias,
                scopes: scope.into_iter().map(|scope| Scope::from(scope).into()).collect(),
                allowed_models: model,
                expire_time: expires_in.map(|span| expiry(span.get())).transpose()?,
            };
            let issued =
                accounts.issue_key(request(message)).await.map_err(|status| failed(&status))?.into_inner();
            writeln!(out, "{}", issued.api_key)?;
            let mut err = std::io::stderr();
            writeln!(err, "shown this once; it is stored as a hash. Use it as `authorization: Bearer …`")?;
        }
        KeyCommand::List { merchant } => {
            let message =
                ListKeysRequest { merchant_id: merchant, page_size: 1000, page_token: String::new() };
            let listed = accounts.list_keys(request(message)).await.map_err(|status| failed(&status))?;
            writeln!(out, "{}", table(&listed.into_inner().keys))?;
        }
        KeyCommand::Revoke { key_id } => {
            let revoked = accounts.revoke_key(request(RevokeKeyRequest { key_id })).await;
            let revoked = revoked.map_err(|status| failed(&status))?.into_inner().key.unwrap_or_default();
            writeln!(out, "revoked {}", revoked.key_id)?;
        }
    }
    Ok(())
}

fn expiry(span: Duration) -> anyhow::Result<prost_types::Timestamp> {
    let millis = i64::try_from(span.as_millis()).context("--expires-in is too long")?;
    Ok(convert::timestamp(SystemClock.now().plus_millis(millis)))
}

fn table(keys: &[ApiKey]) -> Table {
    let mut table = Table::new();
    table.set_header(["key", "merchant", "alias", "scopes", "models", "state"]);
    for key in keys {
        let scopes: Vec<_> = key
            .scopes()
            .map(|scope| scope.as_str_name().trim_start_matches("SCOPE_").to_lowercase())
            .collect();
        let state = if key.revoke_time.is_some() { "revoked" } else { "active" };
        let models =
            if key.allowed_models.is_empty() { "all".to_owned() } else { key.allowed_models.join(", ") };
        table.add_row([&key.key_id, &key.merchant_id, &key.alias, &scopes.join(", "), &models, state]);
    }
    table
}
