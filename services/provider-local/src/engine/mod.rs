//! The in-process engine: a model in this process, a few threads that compute, and a bounded queue before them.

mod architecture;
mod folder;
mod generate;
mod load_error;
mod manifest;
mod model;
mod network;
mod sampler;
mod stop;
mod template;
mod text;
mod weights;

#[cfg(test)]
mod folder_tests;
#[cfg(test)]
mod gguf_tests;
#[cfg(test)]
mod tests;
#[cfg(test)]
#[path = "../../tests/support/tiny.rs"]
pub(crate) mod tiny;

use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use kaleem_domain::Clock;
use kaleem_proto::chat::v1::Message;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot, watch};

use crate::call::{Call, EventStream};
use crate::config::{Config, ENGINE_NAME};
use crate::error::CallError;
use folder::Folder;
use generate::{Item, Job, Outlet};
use model::Model;

pub use load_error::LoadError;

/// Below this many parameters handing work to other threads takes longer than the work: at one million, a token takes twice as
/// long on two cores as on one.
const PARAMETERS_OF_ONE_THREAD: usize = 32 << 20;

/// Events between a slot and its reader; a token makes two.
const EVENTS_BUFFERED: usize = 32;

/// Where the engine is in its life.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// Reads its model.
    Starting,
    /// Answers.
    Ready,
    /// The model cannot be used.
    Failed(String),
}

/// The engine. Dropping it ends its threads after the generations that somebody still reads.
pub struct Engine {
    id: String,
    shared: Arc<Shared>,
    jobs: SyncSender<Job>,
    stall: Duration,
}

struct Shared {
    state: watch::Sender<State>,
    model: OnceLock<Arc<Model>>,
}

/// How loading ended.
pub type Loading = oneshot::Receiver<Result<(), LoadError>>;

impl Engine {
    /// Checks the folder and starts to load it on a thread of its own. Needs a Tokio runtime.
    pub fn start(
        folder: &Path,
        config: &Config,
        clock: Arc<dyn Clock>,
    ) -> Result<(Self, Loading), LoadError> {
        let opened = Folder::open(folder)?;
        let id = config.engine.model_id.clone().unwrap_or_else(|| {
            folder.file_name().map_or_else(|| "engine".to_owned(), |name| name.to_string_lossy().into_owned())
        });
        let shared = Arc::new(Shared { state: watch::Sender::new(State::Starting), model: OnceLock::new() });
        let (jobs, waiting) = sync_channel(config.engine.queue);
        let (done, loading) = oneshot::channel();
        let loader = Loader {
            shared: Arc::clone(&shared),
            id: id.clone(),
            context_limit: config.engine.context_limit,
            slots: config.engine.slots,
            clock,
        };
        let thread = std::thread::Builder::new().name("engine-load".to_owned());
        let body = move || {
            // Nobody waiting for the outcome is fine: the state has it, too.
            let _ = done.send(loader.load(opened, waiting));
        };
        thread.spawn(body).map_err(LoadError::Thread)?;
        Ok((Self { id, shared, jobs, stall: config.timeouts.reader_stall.get() }, loading))
    }

    /// Model id that callers name.
    pub fn model_id(&self) -> &str {
        &self.id
    }

    /// Sees every change of state.
    pub fn states(&self) -> watch::Receiver<State> {
        self.shared.state.subscribe()
    }

    /// Longest prompt plus answer, once the model is loaded.
    pub fn context(&self) -> Option<usize> {
        self.shared.model.get().map(|model| model.context)
    }

    /// Queues a generation. It ends at the next token after its stream is dropped.
    pub async fn generate(&self, call: Arc<Call>) -> Result<EventStream, CallError> {
        let asking = Arc::clone(&call);
        let prompt = self.on_model(move |model| model.prompt(&asking)).await?;
        let (events, items) = mpsc::channel::<Item>(EVENTS_BUFFERED);
        let outlet = Outlet { events, runtime: Handle::current(), stall: self.stall };
        let job = Job { id: call.request_id.clone(), prompt, options: call.options.clone(), outlet };
        self.jobs.try_send(job).map_err(|error| match error {
            TrySendError::Full(_) => CallError::Busy { worker: ENGINE_NAME.to_owned() },
            TrySendError::Disconnected(_) => {
                CallError::Engine { detail: "its threads have ended".to_owned() }
            }
        })?;
        Ok(Box::pin(futures::stream::unfold(items, async |mut items| {
            items.recv().await.map(|item| (item, items))
        })))
    }

    /// Exact number of prompt tokens.
    pub async fn count(&self, messages: Vec<Message>) -> Result<usize, CallError> {
        self.on_model(move |model| model.count(&messages)).await
    }

    /// Runs `work`, which may take long for a long text, beside the tasks of the runtime.
    async fn on_model<T, F>(&self, work: F) -> Result<T, CallError>
    where
        T: Send + 'static,
        F: FnOnce(&Model) -> Result<T, CallError> + Send + 'static,
    {
        let not_loaded = || CallError::Unavailable {
            worker: ENGINE_NAME.to_owned(),
            detail: "its model is not loaded".to_owned(),
        };
        let model = Arc::clone(self.shared.model.get().ok_or_else(not_loaded)?);
        let worked = tokio::task::spawn_blocking(move || work(&model)).await;
        worked.unwrap_or_else(|_| Err(CallError::Engine { detail: "the tokenizer panicked".to_owned() }))
    }
}

struct Loader {
    shared: Arc<Shared>,
    id: String,
    context_limit: usize,
    slots: usize,
    clock: Arc<dyn Clock>,
}

impl Loader {
    fn load(self, folder: Folder, waiting: Receiver<Job>) -> Result<(), LoadError> {
        let loaded = Model::load(folder, self.id, self.context_limit, self.clock);
        let started = loaded.and_then(|model| {
            let model = Arc::new(model);
            let slots = model.network.sessions_max().unwrap_or(usize::MAX).min(self.slots);
            start_slots(slots, &model, waiting)?;
            tracing::info!(model = model.id, context = model.context, slots, "engine is ready");
            Ok(model)
        });
        match started {
            Ok(model) => {
                // Set once: this thread runs once.
                let _ = self.shared.model.set(model);
                self.shared.state.send_replace(State::Ready);
                Ok(())
            }
            Err(error) => {
                self.shared.state.send_replace(State::Failed(error.to_string()));
                Err(error)
            }
        }
    }
}

fn start_slots(slots: usize, model: &Arc<Model>, waiting: Receiver<Job>) -> Result<(), LoadError> {
    let waiting = Arc::new(Mutex::new(waiting));
    for slot in 0..slots {
        let (model, waiting) = (Arc::clone(model), Arc::clone(&waiting));
        let thread = std::thread::Builder::new().name(format!("engine-{slot}"));
        thread.spawn(move || serve(&model, &waiting)).map_err(LoadError::Thread)?;
    }
    Ok(())
}

fn serve(model: &Model, waiting: &Mutex<Receiver<Job>>) {
    let alone = (model.parameters < PARAMETERS_OF_ONE_THREAD).then(|| {
        // Makes this thread the only one of its kernels; without it they use all cores, which is slower and still right.
        rayon::ThreadPoolBuilder::new().num_threads(1).use_current_thread().build().ok()
    });
    let _kept_while_serving = alone;
    loop {
        // One slot waits with the lock held, the others wait for the lock; it is free again before the work begins.
        let next = waiting.lock().unwrap_or_else(PoisonError::into_inner).recv();
        match next {
            Ok(job) => generate::run(model, &job),
            Err(_) => return,
        }
    }
}
