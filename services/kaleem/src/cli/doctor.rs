//! `kaleem doctor`.

use std::{
    collections::BTreeMap,
    io::Write as _,
    time::{Duration, Instant},
};

use clap::Args;
use kaleem_proto::{
    accounts::v1::{ListMerchantsRequest, accounts_service_client::AccountsServiceClient},
    billing::v1::{VerifyLedgerRequest, billing_service_client::BillingServiceClient},
    pool::v1::{ListWorkersRequest, pool_service_client::PoolServiceClient},
    quota::v1::{GetUsageRequest, quota_service_client::QuotaServiceClient},
    redaction::v1::{RedactRequest, redaction_service_client::RedactionServiceClient},
    router::v1::{ListTargetsRequest, router_service_client::RouterServiceClient},
};
use kaleem_runtime::config::Span;

use super::{
    ClientArgs,
    client::{Connection, KeyKind, failed, request},
};

const POLL: Duration = Duration::from_millis(100);

#[derive(Debug, Args)]
pub(super) struct DoctorArgs {
    /// Waits at most this long until the server is ready, and says nothing else.
    #[arg(long)]
    wait: Option<Span>,
    #[command(flatten)]
    client: ClientArgs,
}

/// One line of the report.
struct Finding {
    good: bool,
    what: String,
    detail: String,
}

fn good(what: &str, detail: impl Into<String>) -> Finding {
    Finding { good: true, what: what.to_owned(), detail: detail.into() }
}

fn bad(what: &str, detail: impl Into<String>) -> Finding {
    Finding { good: false, what: what.to_owned(), detail: detail.into() }
}

/// Ends with 0 if nothing stands in the way of an answer, else with 69.
pub(super) async fn run(args: DoctorArgs) -> anyhow::Result<u8> {
    if let Some(patience) = args.wait {
        return Ok(wait(&args.client, patience.get()).await);
    }
    let server = args.client.server();
    let mut findings = Vec::new();
    if let Some(stores) = readiness(&server, &mut findings).await {
        match args.client.connect(KeyKind::Admin, None) {
            Ok(connection) => inspect(connection, &stores, &mut findings).await,
            Err(error) => findings.push(bad("operator's key", format!("{error:#}"))),
        }
        match args.client.api_key(KeyKind::Chat) {
            Ok(_) => findings.push(good("merchant's key", "found")),
            Err(error) => findings.push(bad("merchant's key", format!("{error:#}"))),
        }
    }
    let mut out = std::io::stdout().lock();
    for finding in &findings {
        writeln!(out, "{} {:<16} {}", if finding.good { "✓" } else { "✗" }, finding.what, finding.detail)?;
    }
    Ok(if findings.iter().all(|finding| finding.good) { 0 } else { 69 })
}

/// Waits until the server is ready and some model serves.
async fn wait(client: &ClientArgs, patience: Duration) -> u8 {
    let until = Instant::now() + patience;
    while Instant::now() < until {
        // Looked up each time: a server that is starting notes its address when it listens.
        let ready = matches!(ready(&client.server()).await, Ok(state) if state.failing.is_empty());
        if ready && serves(client).await {
            return 0;
        }
        tokio::time::sleep(POLL).await;
    }
    let _ = writeln!(
        std::io::stderr(),
        "kaleem: {} was not ready within {patience:?}; see `kaleem doctor`",
        client.server()
    );
    69
}

/// Whether the router sees a serving model; taken as given where there is no operator's key to ask with.
async fn serves(client: &ClientArgs) -> bool {
    let Ok(connection) = client.connect(KeyKind::Admin, None) else { return true };
    match RouterServiceClient::new(connection).list_targets(request(ListTargetsRequest {})).await {
        Ok(listed) => listed.into_inner().targets.iter().any(|target| target.breaker == "closed"),
        // A merchant's key cannot ask; that the server is ready is all it can learn.
        Err(status) => status.code() == tonic::Code::PermissionDenied,
    }
}

/// What each target that runs behind the front door keeps its state in.
type Stores = BTreeMap<String, String>;

/// What `/readyz` says.
#[derive(serde::Deserialize)]
struct State {
    /// What is failing, and why.
    failing: BTreeMap<String, String>,
    #[serde(default)]
    stores: Stores,
}

async fn ready(server: &str) -> anyhow::Result<State> {
    let client = reqwest::Client::builder().timeout(Duration::from_secs(3)).no_proxy().build()?;
    Ok(client.get(format!("{server}/readyz")).send().await?.json().await?)
}

/// The stores of the server, if it answers.
async fn readiness(server: &str, findings: &mut Vec<Finding>) -> Option<Stores> {
    match ready(server).await {
        Err(_) => {
            let mend =
                format!("nothing answers at {server}; start it with `kaleem up`, or name it with --server");
            findings.push(bad("server", mend));
            None
        }
        Ok(state) => {
            findings.push(good("server", format!("answers at {server}")));
            for (name, why) in state.failing {
                findings.push(bad(&name, why));
            }
            Some(state.stores)
        }
    }
}

async fn inspect(connection: Connection, stores: &Stores, findings: &mut Vec<Finding>) {
    peers(&connection, stores, findings).await;
    let targets =
        RouterServiceClient::new(connection.clone()).list_targets(request(ListTargetsRequest {})).await;
    match targets.map_err(|status| failed(&status)) {
        Err(error) => findings.push(bad("router", format!("{error:#}"))),
        Ok(listed) => models(&listed.into_inner().targets, findings),
    }
    let workers =
        PoolServiceClient::new(connection.clone()).list_workers(request(ListWorkersRequest {})).await;
    match workers.map_err(|status| failed(&status)) {
        Err(error) => findings.push(bad("local pool", format!("{error:#}"))),
        Ok(listed) => {
            for worker in listed.into_inner().workers {
                let state = worker.state().as_str_name().trim_start_matches("WORKER_STATE_").to_lowercase();
                let detail = format!(
                    "{state} at {}, {} in flight. {}",
                    worker.address, worker.in_flight_count, worker.detail
                );
                let finding = if state == "ready" { good } else { bad };
                findings.push(finding(&format!("worker {}", worker.name), detail));
            }
        }
    }
    let verified = BillingServiceClient::new(connection).verify_ledger(request(VerifyLedgerRequest {})).await;
    match verified.map_err(|status| failed(&status)) {
        Err(error) => findings.push(bad("ledger", format!("{error:#}"))),
        Ok(verdict) => {
            let verdict = verdict.into_inner();
            match verdict.faults.first() {
                None => {
                    let balanced = format!("{} events, the books balance", verdict.event_count);
                    findings.push(good("ledger", balanced + &kept_in("billing", stores)));
                }
                Some(fault) => {
                    findings.push(bad("ledger", format!("{} faults, first: {fault}", verdict.faults.len())));
                }
            }
        }
    }
}

/// `, kept in Postgres`; nothing of a target that runs in another process.
fn kept_in(target: &str, stores: &Stores) -> String {
    stores.get(target).map(|kind| format!(", kept in {kind}")).unwrap_or_default()
}

/// Whether the services that every request needs answer. Those with a store are asked for something that is in it.
async fn peers(connection: &Connection, stores: &Stores, findings: &mut Vec<Finding>) {
    let mut note = |name: &str, answered: Result<(), tonic::Status>| match answered {
        // Any answer of the service itself shows that it is there.
        Err(status) if status.code() == tonic::Code::Unavailable => {
            findings.push(bad(name, format!("{:#}", failed(&status))));
        }
        _ => findings.push(good(name, "answers".to_owned() + &kept_in(name, stores))),
    };
    let mut accounts = AccountsServiceClient::new(connection.clone());
    let listed =
        accounts.list_merchants(request(ListMerchantsRequest { page_size: 1, ..Default::default() }));
    let listed = listed.await.map(tonic::Response::into_inner);
    let some = listed.as_ref().ok().and_then(|listed| listed.merchants.first());
    let merchant_id = some.map(|merchant| merchant.merchant_id.clone()).unwrap_or_default();
    note("accounts", listed.map(drop));
    let mut quota = QuotaServiceClient::new(connection.clone());
    note("quota", quota.get_usage(request(GetUsageRequest { merchant_id })).await.map(drop));
    let mut redaction = RedactionServiceClient::new(connection.clone());
    note("redaction", redaction.redact(request(RedactRequest::default())).await.map(drop));
}

/// One serving model is enough to answer; models that do not serve are shown with the way to mend them.
fn models(
    targets: &[kaleem_proto::router::v1::list_targets_response::TargetState],
    findings: &mut Vec<Finding>,
) {
    let serving: Vec<_> = targets.iter().filter(|target| target.breaker == "closed").collect();
    for target in &serving {
        findings.push(good("model", format!("{} serves", target.candidate)));
    }
    let gemini_down =
        targets.iter().any(|t| t.candidate.starts_with("provider-gemini/") && t.breaker != "closed");
    if gemini_down {
        let mend = "Gemini does not serve: set GEMINI_API_KEY (or provider_gemini.api_key) to use it";
        findings.push(Finding {
            good: !serving.is_empty(),
            what: "model".to_owned(),
            detail: mend.to_owned(),
        });
    }
    if serving.is_empty() {
        let mend = "no model serves: put a model folder at --model-dir, add provider_local.workers, or set GEMINI_API_KEY";
        findings.push(bad("model", mend));
    }
}
