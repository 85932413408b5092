//! ProviderLocal: answers from our own machines. A pool of OpenAI-compatible workers (vLLM, Ollama, llama.cpp) and a model in this
//! process, behind the same service as every other provider.

mod call;
pub mod config;
mod dispatch;
mod engine;
pub mod error;
mod grpc;
mod listing;
mod metrics;
mod openai;
mod pool;
mod worker;

use std::path::Path;
use std::sync::Arc;

use kaleem_domain::Clock;
use kaleem_proto::pool::v1::pool_service_server::PoolServiceServer;
use kaleem_proto::provider::v1::provider_service_server::ProviderServiceServer;
use kaleem_rpc::admission;
use kaleem_runtime::{OnError, Readiness, Supervisor};
use tokio::sync::watch;

pub use config::Config;
pub use error::Error;
pub use grpc::Grpc;

use engine::{Engine, Loading};
use pool::{Member, Pool};
use worker::{Connector, HttpWorker, Salts};

/// Name under which the service reports its readiness.
const COMPONENT: &str = "provider-local";

/// Largest request: pictures of 8 MiB and the text around them.
const REQUEST_BYTES_MAX: usize = 12 << 20;

/// What the service needs from the process.
pub struct Deps {
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Owner of the tasks.
    pub supervisor: Supervisor,
    /// Where the service reports that it can serve.
    pub readiness: Readiness,
    /// Key that admissions are signed with.
    pub admission: admission::Key,
}

/// The services, ready to be mounted.
#[derive(Clone)]
pub struct Servers {
    /// Generations.
    pub provider: ProviderServiceServer<Grpc>,
    /// The workers.
    pub pool: PoolServiceServer<Grpc>,
}

/// Checks the configuration, starts the engine and the health checks, and returns the services.
///
/// The model is loaded beside; a call that needs it waits for it. A folder that proves unusable stops the process with an error that
/// names the file. The service is ready at once when it has workers to send calls to, and else when the model is loaded.
#[expect(clippy::unused_async, reason = "the signature that every service crate has")]
pub async fn build(config: Config, deps: Deps) -> Result<Servers, Error> {
    config.validate()?;
    let changes = watch::Sender::new(0);
    let mut members = Vec::new();
    let mut loading = None;
    if let Some(folder) = config.engine.model_dir.as_deref().filter(|_| config.engine.enabled) {
        let (member, started) = start_engine(folder, &config, &deps, changes.clone())?;
        members.push(Arc::new(member));
        loading = Some(started);
    }
    members.extend(http_members(&config, &deps.supervisor, &changes)?);
    let waits_for_model = loading.is_some() && config.workers.is_empty();
    let pool = Arc::new(Pool::new(members, changes));
    pool::watch_members(&pool, config.timeouts.probe_interval.get(), &deps.clock, &deps.supervisor);
    let state = if waits_for_model { Err("the model is loading".to_owned()) } else { Ok(()) };
    deps.readiness.set(COMPONENT, state);
    if let Some(loading) = loading {
        report_loading(loading, deps.readiness.clone(), &deps.supervisor);
    }
    let grpc = Grpc::new(pool, &config, deps.admission, deps.clock);
    Ok(Servers {
        provider: ProviderServiceServer::new(grpc.clone()).max_decoding_message_size(REQUEST_BYTES_MAX),
        pool: PoolServiceServer::new(grpc),
    })
}

fn start_engine(
    folder: &Path,
    config: &Config,
    deps: &Deps,
    changes: watch::Sender<u64>,
) -> Result<(Member, Loading), Error> {
    let (engine, loading) = Engine::start(folder, config, Arc::clone(&deps.clock))?;
    let window = config.engine.slots + config.engine.queue;
    Ok((Member::engine(engine, window, changes), loading))
}

fn http_members(
    config: &Config,
    supervisor: &Supervisor,
    changes: &watch::Sender<u64>,
) -> Result<Vec<Arc<Member>>, Error> {
    if config.workers.is_empty() {
        return Ok(Vec::new());
    }
    let connector = Connector::new(config.timeouts.connect.get(), supervisor.clone())?;
    let salts = config.cache_salt.then(|| Salts::new(&config.cache_salt_key));
    let with_address = config.workers.iter().filter_map(|settings| Some((settings, settings.address()?)));
    let members = with_address.map(|(settings, base)| {
        let worker = HttpWorker::new(settings, base, connector.clone(), &config.timeouts, salts.clone())?;
        Ok(Arc::new(Member::http(worker, settings, changes.clone())))
    });
    members.collect()
}

fn report_loading(loading: Loading, readiness: Readiness, supervisor: &Supervisor) {
    let stopping = supervisor.stopping();
    supervisor.spawn("provider-local-model", OnError::Shutdown, async move {
        let Some(outcome) = stopping.run_until_cancelled(loading).await else { return Ok(()) };
        match outcome {
            Ok(Ok(())) => {
                readiness.set(COMPONENT, Ok(()));
                Ok(())
            }
            Ok(Err(error)) => {
                readiness.set(COMPONENT, Err(error.to_string()));
                Err(Error::Load(error).into())
            }
            Err(_) => {
                Err(Box::<dyn std::error::Error + Send + Sync>::from("the thread that loads the model ended"))
            }
        }
    });
}
