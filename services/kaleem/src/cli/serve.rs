//! `kaleem up` and `kaleem serve`.

use std::{
    fs,
    io::Write as _,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use clap::Args;
use kaleem_rpc::Target;
use kaleem_runtime::{
    SystemClock,
    config::{Secret, Sources, load},
    drain,
    signal::Signals,
    telemetry,
};

use crate::{Config, Node, NodeOptions};

/// File in the data folder that names the front door of the running server.
pub(super) const GATEWAY_ADDRESS_FILE: &str = "gateway.address";
/// Model folder that a checkout or an installation brings along.
const DEMO_MODEL_DIRS: [&str; 3] =
    ["models/demo", "/usr/share/kaleem/models/demo", "/opt/kaleem/models/demo"];
const FLUSH_TIMEOUT: Duration = Duration::from_secs(3);

/// Where the configuration of a server comes from.
#[derive(Debug, Clone, Args)]
pub(super) struct ServerArgs {
    /// Configuration file (TOML). Environment variables KALEEM__SECTION__KEY and flags come on top.
    #[arg(long, short, env = "KALEEM_CONFIG")]
    config: Option<PathBuf>,
    /// Address of the front door.
    #[arg(long)]
    listen: Option<SocketAddr>,
    /// Folder of stores, journals and keys. With shared stores it still holds the gateway's journal, the mesh's secret and the
    /// first keys.
    #[arg(long, env = "KALEEM_DATA_DIR")]
    data_dir: Option<PathBuf>,
    /// Postgres that the services share instead of files: postgres://user:password@host:5432/database. A flag shows in the
    /// process list, so rather set KALEEM__STORE__POSTGRES_URL, or store.postgres_url = { file = "…" } in the file.
    #[arg(long, value_name = "URL")]
    store: Option<Secret>,
    /// Redis of the shared counters: redis://:password@host:6379/0. Rather KALEEM__STORE__REDIS_URL, as above.
    #[arg(long, value_name = "URL")]
    redis: Option<Secret>,
    /// Model folder for the in-process engine.
    #[arg(long)]
    model_dir: Option<PathBuf>,
    /// Sets any key: --set gateway.idle_timeout=30s. May be repeated.
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = key_value)]
    set: Vec<(String, String)>,
}

/// Which targets a process runs.
#[derive(Debug, Clone, Args)]
pub(super) struct ServeArgs {
    /// Targets of this process: gateway, accounts, quota, router, redaction, billing, provider-gemini, provider-local.
    #[arg(long, value_delimiter = ',', required = true, value_parser = target)]
    target: Vec<Target>,
    #[command(flatten)]
    server: ServerArgs,
}

fn key_value(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("must look like section.key=value")?;
    Ok((key.to_owned(), value.to_owned()))
}

fn target(name: &str) -> Result<Target, String> {
    let known = || Target::ALL.map(Target::name).join(", ");
    Target::parse(name).ok_or_else(|| format!("must be one of {}", known()))
}

impl ServerArgs {
    fn sources(&self) -> Sources {
        let mut overrides = Vec::new();
        let mut put =
            |key: &str, value: Option<String>| overrides.extend(value.map(|value| (key.to_owned(), value)));
        put("listen", self.listen.map(|address| address.to_string()));
        put("data_dir", self.data_dir.as_deref().map(shown));
        put("store.postgres_url", self.store.as_ref().map(|url| url.expose().to_owned()));
        put("store.redis_url", self.redis.as_ref().map(|url| url.expose().to_owned()));
        if let Some(model_dir) = &self.model_dir {
            put("provider_local.engine.enabled", Some("true".to_owned()));
            put("provider_local.engine.model_dir", Some(shown(model_dir)));
        }
        overrides.extend(self.set.iter().cloned());
        Sources { file: self.config.clone(), env_prefix: "KALEEM__".to_owned(), overrides }
    }

    /// Reads the configuration.
    pub(super) fn load(&self) -> anyhow::Result<Config> {
        let config: Config = load(&self.sources())?;
        config.check()?;
        Ok(config)
    }
}

fn shown(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// Everything in one process. What the newcomer did not configure is filled in: a demonstration merchant and the shipped model.
pub(super) async fn up(args: ServerArgs) -> anyhow::Result<u8> {
    let mut config = args.load()?;
    config.demo = true;
    let local = &mut config.provider_local;
    if !local.engine.enabled && local.engine.model_dir.is_none() && local.workers.is_empty() {
        let shipped =
            DEMO_MODEL_DIRS.iter().map(PathBuf::from).find(|folder| folder.join("config.json").exists());
        if let Some(folder) = shipped {
            local.engine.enabled = true;
            local.engine.model_id.get_or_insert_with(|| "kaleem-demo".to_owned());
            local.engine.model_dir = Some(folder);
        }
    }
    run(config, NodeOptions::all_in_one()).await
}

/// A subset, with every target on a port of its own.
pub(super) async fn serve(args: ServeArgs) -> anyhow::Result<u8> {
    let config = args.server.load()?;
    let options = NodeOptions { targets: args.target, expose: true, ..NodeOptions::all_in_one() };
    run(config, options).await
}

async fn run(config: Config, options: NodeOptions) -> anyhow::Result<u8> {
    let guard = telemetry::init(&config.telemetry)?;
    telemetry::install_panic_hook();
    let ended = serve_until_stopped(config, NodeOptions { telemetry: Some(guard.clone()), ..options }).await;
    // On the failed way out too: the last spans are those that explain it.
    if let Err(error) = guard.shutdown(FLUSH_TIMEOUT).await {
        tracing::warn!(%error, "telemetry was not flushed");
    }
    ended
}

async fn serve_until_stopped(config: Config, options: NodeOptions) -> anyhow::Result<u8> {
    let mut signals = Signals::listen()?;
    let (drain_config, data_dir) = (config.drain.clone(), config.data_dir.clone());
    // Large, and needed no longer than the start takes.
    let node = Box::pin(Node::start(config, NodeOptions { clock: Arc::new(SystemClock), ..options })).await?;
    announce(&node, &data_dir)?;
    let outcome = drain::run(&drain_config, &node.supervisor, &node.readiness, &mut signals).await;
    for failure in node.supervisor.failures() {
        tracing::error!(?failure, "a task failed");
    }
    Ok(outcome.exit_code)
}

fn announce(node: &Node, data_dir: &Path) -> anyhow::Result<()> {
    for (target, address) in &node.addresses {
        tracing::info!(%target, %address, "listening");
    }
    if let Some(address) = node.addresses.get(&Target::Gateway) {
        fs::write(data_dir.join(GATEWAY_ADDRESS_FILE), address.to_string())?;
        let mut out = std::io::stdout().lock();
        writeln!(out, "kaleem listens on http://{address} (gRPC, OpenAI HTTP, /metrics); stop with Ctrl-C")?;
        writeln!(out, "  ask:   kaleem chat \"هل تشحنون إلى جدة؟\"      check: kaleem doctor")?;
    }
    Ok(())
}
