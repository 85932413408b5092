//! A running process: any subset of targets, on their listeners, with one way up and one way down.

use std::{
    collections::{BTreeMap, HashMap},
    io,
    net::{SocketAddr, TcpListener},
    sync::Arc,
    time::Duration,
};

use kaleem_domain::Clock;
use kaleem_rpc::{
    Mount, Resolver, StackConfig, Target, operations,
    server::{ListenerConfig, Stopped, route, serve},
    tls::{MeshTls, TlsError},
};
use kaleem_runtime::{DrainReport, OnError, Readiness, Supervisor, SystemClock, telemetry::Guard};

use crate::{
    Config,
    data::{DataError, DataFolder, secret},
    http::{self, StoreKinds},
    targets::{Assembly, Built},
};

/// Readiness component of the start itself.
const START: &str = "start";

/// Why a process cannot start.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// An address is taken or not ours.
    #[error("{target} cannot listen on {address}; choose another address with {option}")]
    Listen {
        /// Which target.
        target: Target,
        /// Where.
        address: SocketAddr,
        /// Why.
        source: io::Error,
        /// How to change it.
        option: String,
    },
    /// The data folder cannot be used.
    #[error(transparent)]
    Data(#[from] DataError),
    /// A value of the configuration is wrong.
    #[error("{section}: {source:#}")]
    Config {
        /// Which part of it.
        section: &'static str,
        /// What is wrong, with the name of the key.
        source: anyhow::Error,
    },
    /// Certificates cannot be used.
    #[error("mesh.tls cannot be used")]
    Tls(#[from] TlsError),
    /// A port of the mesh would be open to everybody.
    #[error(
        "mesh.listen.{target} is {address}, which others can reach, and without mesh.tls the port trusts every caller; set mesh.tls (`kaleem certs dev` makes certificates) or listen on loopback"
    )]
    Unprotected {
        /// Which target.
        target: Target,
        /// Where.
        address: SocketAddr,
    },
    /// A target cannot be built.
    #[error("{0:#}")]
    Target(anyhow::Error),
    /// Reflection cannot be built.
    #[error("server reflection: {0}")]
    Reflection(String),
}

impl NodeError {
    /// The exit code of `sysexits.h` that fits.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Config { .. } => 64,
            Self::Listen { .. } => 69,
            Self::Data(_) => 73,
            Self::Tls(_) | Self::Target(_) | Self::Unprotected { .. } => 78,
            Self::Reflection(_) => 70,
        }
    }
}

/// How to start.
pub struct NodeOptions {
    /// What runs here.
    pub targets: Vec<Target>,
    /// Whether targets other than the gateway listen too: split mode.
    pub expose: bool,
    /// Listeners that are bound already, for tests.
    pub listeners: HashMap<Target, TcpListener>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// What renders `/metrics`.
    pub telemetry: Option<Guard>,
}

impl NodeOptions {
    /// Everything in one process; only the gateway listens.
    pub fn all_in_one() -> Self {
        Self {
            targets: Target::ALL.to_vec(),
            expose: false,
            listeners: HashMap::new(),
            clock: Arc::new(SystemClock),
            telemetry: None,
        }
    }
}

/// A started process.
pub struct Node {
    /// Where each target listens.
    pub addresses: BTreeMap<Target, SocketAddr>,
    /// Its tasks.
    pub supervisor: Supervisor,
    /// What is ready.
    pub readiness: Readiness,
    _data: DataFolder,
}

impl Node {
    /// Starts: binds every listener, builds every target in order, then serves.
    pub async fn start(mut config: Config, mut options: NodeOptions) -> Result<Self, NodeError> {
        let (supervisor, readiness) = (Supervisor::new(), Readiness::new());
        let names: Vec<_> = options.targets.iter().map(|target| target.name()).collect();
        let all = options.targets.len() == Target::ALL.len();
        let data = DataFolder::open(&config.data_dir, &if all { "up".to_owned() } else { names.join("+") })?;
        config.place_stores();
        let tls = config.mesh.tls.as_ref().map(|files| files.load(options.clock.now())).transpose()?;
        refuse_open_ports(&config, &options)?;
        let mut listeners = bind(&config, &mut options)?;
        let kept = |target: &Target| Some((target.name(), config.store_of(*target)?));
        let stores: StoreKinds = options.targets.iter().filter_map(kept).collect();
        readiness.set(START, Err("targets are being built".to_owned()));
        let secret_file = config.mesh.secret_file.clone().unwrap_or_else(|| data.path().join("mesh.secret"));
        let mut assembly = Assembly {
            config: &config,
            clock: Arc::clone(&options.clock),
            supervisor: supervisor.clone(),
            readiness: readiness.clone(),
            resolver: resolver(&config, &options.targets, tls.as_ref()),
            secret: secret(&secret_file)?,
            stack: StackConfig::default(),
        };
        let mut addresses = BTreeMap::new();
        for target in Target::ALL.into_iter().filter(|target| options.targets.contains(target)) {
            let built = assembly.build(target).await.map_err(NodeError::Target)?;
            let Some(listener) = listeners.remove(&target) else { continue };
            let listen_failed = |source| NodeError::Listen {
                target,
                address: config.listen_of(target),
                source,
                option: option_of(target),
            };
            let address = listener.local_addr().map_err(listen_failed)?;
            let listener = tokio::net::TcpListener::from_std(listener).map_err(listen_failed)?;
            addresses.insert(target, address);
            // Callers of the front door have no certificate of the mesh; every other port demands one.
            let tls = tls.as_ref().filter(|_| target != Target::Gateway).map(|tls| Arc::clone(&tls.server));
            let exposed = Exposed {
                readiness: &readiness,
                telemetry: options.telemetry.clone(),
                supervisor: &supervisor,
                stores: &stores,
            };
            let router = exposed.router(built).await?;
            let listener_config =
                ListenerConfig { grace: config.drain.grace.get(), ..ListenerConfig::default() };
            let stop = supervisor.stopping();
            let serving = async move {
                let Stopped { connections_cut } = serve(listener, router, tls, listener_config, stop).await;
                if connections_cut > 0 {
                    tracing::warn!(connections_cut, %target, "connections were cut at the end of the grace");
                }
                Ok::<(), io::Error>(())
            };
            supervisor.spawn("listener", OnError::Shutdown, serving);
        }
        readiness.set(START, Ok(()));
        Ok(Self { addresses, supervisor, readiness, _data: data })
    }

    /// Brings the process down within `grace`; what had to be aborted.
    pub async fn stop(self, grace: Duration) -> DrainReport {
        self.readiness.begin_drain();
        self.supervisor.stop();
        self.supervisor.drain(grace).await
    }
}

fn option_of(target: Target) -> String {
    match target {
        Target::Gateway => "--listen or KALEEM__LISTEN".to_owned(),
        target => format!("mesh.listen.{target}"),
    }
}

fn resolver(config: &Config, here: &[Target], tls: Option<&MeshTls>) -> Resolver {
    let elsewhere = Target::ALL.into_iter().filter(|target| !here.contains(target));
    let peers = elsewhere.map(|target| (target, config.peer_of(target))).collect();
    Resolver::new(peers, tls.map(|tls| tls.client.clone()))
}

/// Ports of the mesh trust their callers, so without certificates they stay on loopback.
fn refuse_open_ports(config: &Config, options: &NodeOptions) -> Result<(), NodeError> {
    if !options.expose || config.mesh.tls.is_some() {
        return Ok(());
    }
    for target in options.targets.iter().copied().filter(|target| *target != Target::Gateway) {
        let address = config.listen_of(target);
        if !address.ip().is_loopback() {
            return Err(NodeError::Unprotected { target, address });
        }
    }
    Ok(())
}

/// Binds every listener before any work is done, so that a taken port leaves nothing half started.
fn bind(config: &Config, options: &mut NodeOptions) -> Result<HashMap<Target, TcpListener>, NodeError> {
    let mut listeners = std::mem::take(&mut options.listeners);
    for target in &options.targets {
        let wanted = options.expose || *target == Target::Gateway;
        if !wanted || listeners.contains_key(target) {
            continue;
        }
        let address = config.listen_of(*target);
        let bound = TcpListener::bind(address).map_err(|source| NodeError::Listen {
            target: *target,
            address,
            source,
            option: option_of(*target),
        })?;
        listeners.insert(*target, bound);
    }
    for (target, listener) in &listeners {
        listener.set_nonblocking(true).map_err(|source| NodeError::Listen {
            target: *target,
            address: config.listen_of(*target),
            source,
            option: option_of(*target),
        })?;
    }
    Ok(listeners)
}

/// What surrounds a target on its listener.
struct Exposed<'a> {
    readiness: &'a Readiness,
    telemetry: Option<Guard>,
    supervisor: &'a Supervisor,
    stores: &'a StoreKinds,
}

impl Exposed<'_> {
    async fn router(&self, built: Built) -> Result<axum::Router, NodeError> {
        let stack = StackConfig::default();
        let names: Vec<&'static str> = built.mounts.iter().map(|mount| mount.name).collect();
        let (reporter, health) = operations::health(&names).await;
        let (reflection, older) =
            operations::reflection().map_err(|error| NodeError::Reflection(error.to_string()))?;
        let mut mounts = built.mounts;
        mounts.push(Mount::new(health, &stack));
        mounts.push(Mount::new(reflection, &stack));
        mounts.push(Mount::new(older, &stack));
        let (readiness, mut changes) = (self.readiness.clone(), self.readiness.subscribe());
        let stop = self.supervisor.stopping();
        let follow = async move {
            loop {
                operations::set_serving(&reporter, &names, readiness.is_ready()).await;
                tokio::select! {
                    () = stop.cancelled() => break,
                    seen = changes.changed() => if seen.is_err() { break },
                }
            }
            operations::set_serving(&reporter, &names, false).await;
            Ok::<(), io::Error>(())
        };
        self.supervisor.spawn("health", OnError::Log, follow);
        let base = built.http.merge(http::router(
            self.readiness.clone(),
            self.telemetry.clone(),
            self.stores.clone(),
        ));
        Ok(route(base, &mounts))
    }
}
