//! `kaleem bench`.

use std::{fs, io::Write as _, net::SocketAddr, path::PathBuf, time::Duration};

use anyhow::Context as _;
use clap::{Args, Subcommand};
use kaleem_rpc::remote;
use kaleem_runtime::config::Span;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::{ClientArgs, client::KeyKind};
use crate::{
    bench::{self, Endpoint, Plan, Protocol, Question},
    data::write_private,
};

/// File of the load test's key in the data folder.
const KEY_FILE: &str = "bench.key";
/// With a phone number, so that redaction and restoring have work.
const PROMPT: &str = "هل تشحنون إلى جدة؟ رقمي ٠٥٥١٢٣٤٥٦٧";

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct BenchArgs {
    #[command(subcommand)]
    command: Option<BenchCommand>,
    #[command(flatten)]
    run: RunArgs,
    #[command(flatten)]
    client: ClientArgs,
}

#[derive(Debug, Subcommand)]
enum BenchCommand {
    /// Makes the merchant bench-shop on a plan without caps, and keeps its key in the data folder (needs the operator's key).
    Prepare,
    /// Serves an OpenAI-compatible worker that answers everybody with the same bytes at once: what is measured is kaleem.
    Upstream {
        /// Where it listens.
        #[arg(long, default_value = "127.0.0.1:18000")]
        listen: SocketAddr,
        /// Pieces of text in an answer.
        #[arg(long, default_value_t = 16)]
        tokens: u64,
    },
}

#[derive(Debug, Args)]
struct RunArgs {
    /// Requests a second, due at fixed times whether or not answers come; 0 asks again as soon as an answer is complete.
    #[arg(long, default_value_t = 100.0)]
    rate: f64,
    /// Requests at once, at most.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..))]
    concurrency: u16,
    /// HTTP/2 connections (gRPC only).
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..))]
    connections: u16,
    /// How long to measure.
    #[arg(long, default_value = "10s")]
    duration: Span,
    /// How long to load before measuring.
    #[arg(long, default_value = "2s")]
    warmup: Span,
    /// How to ask.
    #[arg(long, value_enum, default_value_t = Protocol::Grpc)]
    protocol: Protocol,
    /// Asks for streamed answers.
    #[arg(long)]
    stream: bool,
    /// The question.
    #[arg(long, default_value = PROMPT)]
    prompt: String,
    /// Model; by default the router chooses.
    #[arg(long, short, default_value = "")]
    model: String,
    /// Facts that each answer is held against, a JSON file as docs/guardrails.md describes.
    #[arg(long)]
    facts: Option<PathBuf>,
    /// Longest wait for one answer.
    #[arg(long, default_value = "30s")]
    timeout: Span,
    /// Process whose CPU time and memory are read, usually that of `kaleem up`.
    #[arg(long)]
    server_pid: Option<u32>,
    /// Prints JSON instead of a table.
    #[arg(long)]
    json: bool,
    /// Draws latencies by percentile into this file.
    #[arg(long)]
    svg: Option<PathBuf>,
}

pub(super) async fn run(args: BenchArgs) -> anyhow::Result<()> {
    match args.command {
        None => load(args.run, &args.client).await,
        Some(BenchCommand::Prepare) => prepare(&args.client).await,
        Some(BenchCommand::Upstream { listen, tokens }) => upstream(listen, tokens).await,
    }
}

async fn load(args: RunArgs, client: &ClientArgs) -> anyhow::Result<()> {
    if !(0.0..=1_000_000.0).contains(&args.rate) {
        anyhow::bail!("--rate must be 0 to 1000000");
    }
    let plan = Plan {
        protocol: args.protocol,
        rate: (args.rate > 0.0).then_some(args.rate),
        concurrency: usize::from(args.concurrency),
        connections: if args.protocol == Protocol::Grpc { usize::from(args.connections) } else { 1 },
        warmup: args.warmup.get(),
        duration: args.duration.get().max(Duration::from_millis(1)),
        server_pid: args.server_pid,
    };
    let endpoint = Endpoint { server: client.server(), api_key: key(client)? };
    let facts = args.facts.map(|file| {
        std::fs::read_to_string(&file).with_context(|| format!("{} cannot be read", file.display()))
    });
    let question = Question {
        prompt: args.prompt,
        model: args.model,
        facts: facts.transpose()?.unwrap_or_default(),
        stream: args.stream,
        timeout: args.timeout.get(),
    };
    let report = bench::run(&plan, &endpoint, question).await?;
    if let Some(file) = &args.svg {
        fs::write(file, bench::svg(&report))
            .with_context(|| format!("{} cannot be written", file.display()))?;
    }
    let mut out = std::io::stdout().lock();
    if args.json {
        writeln!(out, "{}", serde_json::to_string_pretty(&report)?)?;
    } else {
        write!(out, "{}", bench::table(&report))?;
    }
    Ok(())
}

/// The key that was given, else the load test's own, else the demonstration merchant's, whose plan is small.
fn key(client: &ClientArgs) -> anyhow::Result<String> {
    let file = client.data_dir().join(KEY_FILE);
    if client.names_key() || !file.exists() {
        return client.api_key(KeyKind::Chat);
    }
    let key = fs::read_to_string(&file).with_context(|| format!("{} cannot be read", file.display()))?;
    Ok(key.trim().to_owned())
}

async fn prepare(client: &ClientArgs) -> anyhow::Result<()> {
    let transport = remote("the gateway", &client.server(), None)?;
    let key = bench::prepare(transport, &client.api_key(KeyKind::Admin)?).await?;
    let file = client.data_dir().join(KEY_FILE);
    if file.exists() {
        fs::remove_file(&file).with_context(|| format!("{} cannot be replaced", file.display()))?;
    }
    write_private(&file, &key).with_context(|| format!("{} cannot be written", file.display()))?;
    writeln!(std::io::stdout(), "{} has no caps; its key is in {}", bench::MERCHANT, file.display())?;
    Ok(())
}

async fn upstream(listen: SocketAddr, tokens: u64) -> anyhow::Result<()> {
    let listener = TcpListener::bind(listen).await.with_context(|| format!("cannot listen on {listen}"))?;
    let address = listener.local_addr()?;
    let mut out = std::io::stdout();
    writeln!(out, "a worker that infers nothing listens on http://{address}; point kaleem at it with")?;
    writeln!(
        out,
        "  kaleem up --set 'provider_local.workers=[{{name=\"bench\",base_url=\"http://{address}\",max_in_flight=4096}}]'"
    )?;
    let stop = CancellationToken::new();
    let serving = bench::upstream::serve(listener, tokens, stop.clone());
    tokio::pin!(serving);
    tokio::select! {
        served = &mut serving => return Ok(served?),
        interrupted = tokio::signal::ctrl_c() => interrupted?,
    }
    stop.cancel();
    // A second Ctrl-C ends the wait for connections that are still open.
    tokio::select! {
        served = serving => Ok(served?),
        interrupted = tokio::signal::ctrl_c() => Ok(interrupted?),
    }
}
