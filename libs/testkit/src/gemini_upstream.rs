//! A scriptable Gemini API (`v1beta`) that refuses what the real one refuses.
//!
//! Every field of a request is checked against the API's own message definitions, then the rules on roles,
//! turns, function calls, thought signatures and thinking. Accepted generate requests are answered by the
//! next queued [`Reply`], else by the handler, else by an echo of the last user text. Status and headers of
//! an answer leave only with its first output. Two strictnesses are this double's own: a key in the query
//! string counts as no key, because it would lie in access logs, and an empty text part without a thought
//! signature is refused.

mod embed;
mod errors;
mod fields;
mod generation;
mod models;
mod render;
mod reply;
mod routes;
mod shape;
mod turns;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use crate::bound_listener;
use crate::http_server::HttpServer;
use crate::recorder::{ReceivedRequest, Recorder};

pub use errors::ApiError;
pub use reply::{CallStyle, Reply, Usage};

/// The key that every upstream accepts from the start.
pub const API_KEY: &str = "AQ.testkit-key-0";

type Handler = Box<dyn Fn(&ReceivedRequest) -> Reply + Send + Sync>;

/// What the running server and its owner share.
pub(crate) struct Api {
    recorder: Recorder,
    queue: Mutex<VecDeque<Reply>>,
    handler: Mutex<Option<Handler>>,
    keys: Mutex<BTreeSet<String>>,
    refused_models: Mutex<BTreeMap<String, ApiError>>,
}

impl Api {
    fn next_reply(&self, request: &ReceivedRequest) -> Reply {
        if let Some(reply) = self.queue.lock().expect("no handler panicked").pop_front() {
            return reply;
        }
        let handler = self.handler.lock().expect("no handler panicked");
        handler.as_ref().map_or_else(Reply::echo, |handler| handler(request))
    }
}

/// A running fake Gemini API; dropping it closes its port and every connection.
pub struct GeminiUpstream {
    api: Arc<Api>,
    server: HttpServer,
}

impl GeminiUpstream {
    /// Starts the API on a free loopback port, on the caller's Tokio runtime.
    pub fn start() -> Self {
        Self::start_on(bound_listener().0)
    }

    /// Starts the API on `listener`.
    pub fn start_on(listener: TcpListener) -> Self {
        let api = Arc::new(Api {
            recorder: Recorder::new(),
            queue: Mutex::default(),
            handler: Mutex::default(),
            keys: Mutex::new(BTreeSet::from([API_KEY.to_owned()])),
            refused_models: Mutex::default(),
        });
        let server = HttpServer::start(listener, routes::router(Arc::clone(&api)));
        Self { api, server }
    }

    /// Returns `http://127.0.0.1:<port>`, to be used in place of `https://generativelanguage.googleapis.com`.
    pub fn url(&self) -> String {
        format!("http://{}", self.server.address())
    }

    /// Queues `reply` for the next accepted generate request that no other queued reply takes.
    pub fn push(&self, reply: Reply) {
        self.api.queue.lock().expect("no handler panicked").push_back(reply);
    }

    /// Answers every generate request that finds the queue empty with what `handler` returns.
    pub fn respond_with(&self, handler: impl Fn(&ReceivedRequest) -> Reply + Send + Sync + 'static) {
        *self.api.handler.lock().expect("no handler panicked") = Some(Box::new(handler));
    }

    /// Accepts `key` from now on.
    pub fn accept_key(&self, key: &str) {
        self.api.keys.lock().expect("no key change panicked").insert(key.to_owned());
    }

    /// Answers requests with `key` as the API answers an invalid key from now on.
    pub fn revoke_key(&self, key: &str) {
        self.api.keys.lock().expect("no key change panicked").remove(key);
    }

    /// Answers every request for `model` with `error` from now on, such as [`ApiError::closed_to_new_users`].
    pub fn refuse_model(&self, model: &str, error: ApiError) {
        self.api.refused_models.lock().expect("no model change panicked").insert(model.to_owned(), error);
    }

    /// Returns the log of all requests, refused ones included.
    pub fn received(&self) -> &Recorder {
        &self.api.recorder
    }

    /// Kills the server: its port refuses and its connections end in the middle.
    pub async fn kill(&mut self) {
        self.server.kill().await;
    }

    /// Opens the port again after [`GeminiUpstream::kill`].
    pub fn revive(&mut self) {
        self.server.revive();
    }
}
