//! `kaleem doctor`.

use std::{
    io::Write as _,
    time::{Duration, Instant},
};

use clap::Args;
use kaleem_proto::{
    accounts::v1::{ListPlansRequest, accounts_service_client::AccountsServiceClient},
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
    let reachable = readiness(&server, &mut findings).await;
    if reachable {
        match args.client.connect(KeyKind::Admin, None) {
            Ok(connection) => inspect(connection, &mut findings).await,
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
        let ready = matches!(ready(&client.server()).await, Ok(failing) if failing.is_empty());
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

/// What `/readyz` says is failing.
async fn ready(server: &str) -> anyhow::Result<Vec<(String, String)>> {
    let client = reqwest::Client::builder().timeout(Duration::from_secs(3)).no_proxy().build()?;
    let body: serde_json::Value = client.get(format!("{server}/readyz")).send().await?.json().await?;
    let failing = body["failing"].as_object().into_iter().flatten();
    Ok(failing.map(|(name, why)| (name.clone(), why.as_str().unwrap_or_default().to_owned())).collect())
}

async fn readiness(server: &str, findings: &mut Vec<Finding>) -> bool {
    match ready(server).await {
        Err(_) => {
            let mend =
                format!("nothing answers at {server}; start it with `kaleem up`, or name it with --server");
            findings.push(bad("server", mend));
            false
        }
        Ok(failing) => {
            findings.push(good("server", format!("answers at {server}")));
            for (name, why) in failing {
                findings.push(bad(&name, why));
            }
            true
        }
    }
}

async fn inspect(connection: Connection, findings: &mut Vec<Finding>) {
    peers(&connection, findings).await;
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
                None => findings
                    .push(good("ledger", format!("{} events, the books balance", verdict.event_count))),
                Some(fault) => {
                    findings.push(bad("ledger", format!("{} faults, first: {fault}", verdict.faults.len())));
                }
            }
        }
    }
}

/// Whether the services that every request needs answer.
async fn peers(connection: &Connection, findings: &mut Vec<Finding>) {
    let mut note = |name: &str, answered: Result<(), tonic::Status>| match answered {
        // Any answer of the service itself shows that it is there.
        Err(status) if status.code() == tonic::Code::Unavailable => {
            findings.push(bad(name, format!("{:#}", failed(&status))));
        }
        _ => findings.push(good(name, "answers")),
    };
    let mut accounts = AccountsServiceClient::new(connection.clone());
    note("accounts", accounts.list_plans(request(ListPlansRequest {})).await.map(drop));
    let mut quota = QuotaServiceClient::new(connection.clone());
    note("quota", quota.get_usage(request(GetUsageRequest::default())).await.map(drop));
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
