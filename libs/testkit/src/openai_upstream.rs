//! A scriptable worker that speaks the OpenAI-compatible API with the bytes of a recorded vLLM 0.32.0 server.
//!
//! Requests are checked as the real server checks them and refused with its recorded error bodies. Accepted
//! chat requests are answered by the next queued [`Reply`], else by the handler, else by an echo of the last
//! user text. As with the real server, status and headers of an answer leave only with its first output: a
//! gate, a stall or an error at the start of a reply comes before the headers.

mod check;
mod load;
mod metrics;
mod render;
mod reply;
mod routes;

use std::collections::VecDeque;
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use tokio::sync::watch;

use crate::bound_listener;
use crate::http_server::HttpServer;
use crate::recorder::{ReceivedRequest, Recorder};

pub use load::LoadReply;
pub use metrics::Gauges;
pub use reply::{Reply, Usage, WorkerError};

/// What does not change while the worker lives.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Served model names; the first is named in answers and metrics.
    pub models: Vec<String>,
    /// Longest prompt plus answer, in tokens. A prompt counts one token for four bytes.
    pub max_model_len: u32,
    /// `created` of every answer, in seconds since the epoch.
    pub created_epoch_s: i64,
    /// `system_fingerprint` of every answer.
    pub fingerprint: String,
    /// Whether answers carry `x-request-id`, as with `--enable-request-id-headers`.
    pub echoes_request_id: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            models: vec!["tiny-llama".to_owned(), "local/faq".to_owned()],
            max_model_len: 2048,
            created_epoch_s: 1_795_216_362,
            fingerprint: "vllm-0.32.0-cc32e2fc".to_owned(),
            echoes_request_id: true,
        }
    }
}

/// What `/health` answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// 200 with an empty body.
    Ok,
    /// 503 with an empty body, the engine process is known dead.
    EngineDead,
    /// Nothing, until the client gives up.
    Hangs,
}

/// Whether the engine works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// Serving.
    Awake,
    /// Weights are in host memory (level 1) or gone (level 2): requests hang without a byte while `/health`
    /// stays 200.
    Asleep {
        /// Sleep level, 1 or 2.
        level: u8,
    },
}

type Handler = Box<dyn Fn(&ReceivedRequest) -> Reply + Send + Sync>;

/// What the running server and its owner share.
pub(crate) struct Worker {
    settings: Settings,
    recorder: Recorder,
    queue: Mutex<VecDeque<Reply>>,
    handler: Mutex<Option<Handler>>,
    load: Mutex<Option<LoadReply>>,
    health: watch::Sender<Health>,
    engine: watch::Sender<Engine>,
    gauges: Mutex<Gauges>,
}

impl Worker {
    fn next_reply(&self, request: &ReceivedRequest) -> Reply {
        if let Some(reply) = self.queue.lock().expect("no handler panicked").pop_front() {
            return reply;
        }
        let handler = self.handler.lock().expect("no handler panicked");
        handler.as_ref().map_or_else(Reply::echo, |handler| handler(request))
    }
}

/// A running fake worker; dropping it closes its port and every connection.
pub struct OpenAiUpstream {
    worker: Arc<Worker>,
    server: HttpServer,
}

impl OpenAiUpstream {
    /// Starts a worker with the default [`Settings`] on a free loopback port, on the caller's Tokio runtime.
    pub fn start() -> Self {
        Self::start_with(Settings::default(), bound_listener().0)
    }

    /// Starts a worker with `settings` on `listener`.
    pub fn start_with(settings: Settings, listener: TcpListener) -> Self {
        assert!(!settings.models.is_empty(), "a worker serves at least one model");
        let worker = Arc::new(Worker {
            gauges: Mutex::new(Gauges::default()),
            settings,
            recorder: Recorder::new(),
            queue: Mutex::default(),
            handler: Mutex::default(),
            load: Mutex::default(),
            health: watch::Sender::new(Health::Ok),
            engine: watch::Sender::new(Engine::Awake),
        });
        let server = HttpServer::start(listener, routes::router(Arc::clone(&worker)));
        Self { worker, server }
    }

    /// Returns `http://127.0.0.1:<port>`.
    pub fn url(&self) -> String {
        format!("http://{}", self.server.address())
    }

    /// Queues `reply` for the next accepted chat request that no other queued reply takes.
    pub fn push(&self, reply: Reply) {
        self.worker.queue.lock().expect("no handler panicked").push_back(reply);
    }

    /// Answers every chat request that finds the queue empty with what `handler` returns.
    pub fn respond_with(&self, handler: impl Fn(&ReceivedRequest) -> Reply + Send + Sync + 'static) {
        *self.worker.handler.lock().expect("no handler panicked") = Some(Box::new(handler));
    }

    /// Answers every chat request from now on with the same bytes, unchecked and unrecorded, for load tests.
    pub fn serve_load(&self, reply: LoadReply) {
        *self.worker.load.lock().expect("no handler panicked") = Some(reply);
    }

    /// Returns the log of chat requests.
    pub fn received(&self) -> &Recorder {
        &self.worker.recorder
    }

    /// Changes what `/health` answers.
    pub fn set_health(&self, health: Health) {
        self.worker.health.send_replace(health);
    }

    /// Puts the engine to sleep or wakes it; requests that hung go on when it wakes.
    pub fn set_engine(&self, engine: Engine) {
        self.worker.engine.send_replace(engine);
    }

    /// Changes the numbers of `/metrics`.
    pub fn set_gauges(&self, change: impl FnOnce(&mut Gauges)) {
        change(&mut self.worker.gauges.lock().expect("no gauge change panicked"));
    }

    /// Kills the server: its port refuses and its connections end in the middle.
    pub async fn kill(&mut self) {
        self.server.kill().await;
    }

    /// Opens the port again after [`OpenAiUpstream::kill`].
    pub fn revive(&mut self) {
        self.server.revive();
    }
}
