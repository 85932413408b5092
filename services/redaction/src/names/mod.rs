//! Names that no word announces, found by a model: an optional stage that a request never waits for longer than its deadline.
//!
//! What the engine finds stands whatever the model says. What the model says is checked, comes after the engine's findings, and is
//! subject to the same policy. A model that is late, busy, broken or absent changes nothing but a counter.

mod config;
mod endpoint;
mod sighting;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use futures::future::BoxFuture;
use kaleem_proto::chat::v1::{Message, Part, part::Kind};
use kaleem_runtime::Supervisor;
use tokio::{
    sync::{Semaphore, oneshot},
    time::timeout,
};

pub use config::NameModelConfig;
pub(crate) use sighting::Names;

use crate::Error;
use endpoint::Endpoint;

/// What a model takes for a name. Nothing of it is trusted.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Candidate {
    /// Place in code points, the end exclusive.
    start: usize,
    end: usize,
    /// The words at that place as the model read them, if it says.
    text: Option<String>,
    /// How certain it is, 0 to 1.
    score: f64,
}

/// Why a model gave no names. No variant carries any part of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Failure {
    /// It could not be reached, or its answer broke off.
    #[error("it cannot be reached")]
    Unreachable,
    /// It answered with this HTTP status.
    #[error("it refused with status {0}")]
    Refused(u16),
    /// Its answer is too long.
    #[error("its answer is too long")]
    TooLong,
    /// Its answer is not of the agreed form.
    #[error("its answer cannot be read")]
    Malformed,
    /// Its places are none of the texts.
    #[error("its places are not in the texts")]
    Implausible,
}

/// Finds names in texts as they were written.
pub(crate) trait NameModel: Send + Sync {
    /// The candidates of each of `texts`, in the same order. Ends by itself in a bounded time.
    fn names(&self, texts: Vec<String>) -> BoxFuture<'static, Result<Vec<Vec<Candidate>>, Failure>>;
}

/// Asks the model, within bounds.
#[derive(Clone)]
pub(crate) struct NameStage(Option<Arc<Inner>>);

struct Inner {
    model: Box<dyn NameModel>,
    deadline: Duration,
    text_bytes_max: usize,
    permits: Arc<Semaphore>,
    supervisor: Supervisor,
}

impl NameStage {
    /// The stage as it is configured; without a model it does nothing.
    pub(crate) fn new(config: &NameModelConfig, supervisor: &Supervisor) -> Result<Self, Error> {
        let Some(url) = config.address()? else { return Ok(Self(None)) };
        let endpoint = Endpoint::new(url).map_err(|error| Error::NameModel(error.to_string()))?;
        Ok(Self::with(Box::new(endpoint), config, supervisor))
    }

    fn with(model: Box<dyn NameModel>, config: &NameModelConfig, supervisor: &Supervisor) -> Self {
        Self(Some(Arc::new(Inner {
            model,
            deadline: config.deadline.get(),
            text_bytes_max: config.text_bytes_max.as_usize(),
            permits: Arc::new(Semaphore::new(config.requests_max)),
            supervisor: supervisor.clone(),
        })))
    }

    /// What the model takes for names in what `messages` say, the newest first as far as the bound goes.
    pub(crate) async fn in_messages(&self, messages: &[Message]) -> Names {
        let parts = messages.iter().rev().flat_map(|message| message.parts.iter().rev());
        self.of(parts.flat_map(texts)).await
    }

    /// What the model takes for names in a text.
    pub(crate) async fn in_text(&self, text: &str) -> Names {
        self.of(std::iter::once(text)).await
    }

    async fn of<'t>(&self, texts: impl Iterator<Item = &'t str>) -> Names {
        let Some(inner) = &self.0 else { return Names::default() };
        let texts = inner.taken(texts);
        if texts.is_empty() {
            return Names::default();
        }
        let (names, outcome) = inner.ask(texts).await;
        metrics::counter!("kaleem_redaction_name_model_requests_total", "outcome" => outcome).increment(1);
        names
    }
}

/// The texts of a part that people wrote.
fn texts(part: &Part) -> Vec<&str> {
    match &part.kind {
        Some(Kind::Text(text)) => vec![text],
        Some(Kind::ToolResult(result)) => result.parts.iter().rev().flat_map(texts).collect(),
        _ => Vec::new(),
    }
}

impl Inner {
    /// As many of `texts` as the model may get at once, each once.
    fn taken<'t>(&self, texts: impl Iterator<Item = &'t str>) -> Vec<String> {
        let (mut taken, mut left) = (Vec::<String>::new(), self.text_bytes_max);
        for text in texts.filter(|text| text.contains(char::is_alphabetic)) {
            if text.len() > left {
                break;
            }
            if !taken.iter().any(|known| known == text) {
                left -= text.len();
                taken.push(text.to_owned());
            }
        }
        taken
    }

    /// Asks for names and waits until the deadline, with what became of it in a word.
    ///
    /// A late answer is read to its end by a task that keeps its place among those at once: so a connection that took longer than
    /// the deadline to be made serves the next request, and a model that hangs is soon not asked at all.
    async fn ask(&self, texts: Vec<String>) -> (Names, &'static str) {
        let Ok(permit) = Arc::clone(&self.permits).try_acquire_owned() else {
            return (Names::default(), "busy");
        };
        let (tell, told) = oneshot::channel();
        let (since, answered) = (Instant::now(), self.model.names(texts.clone()));
        self.supervisor.spawn_detached("redaction-names", async move {
            let answer = answered.await;
            metrics::histogram!("kaleem_redaction_name_model_duration_seconds").record(since.elapsed());
            drop(permit);
            // Nobody listens to a late one.
            let _ = tell.send(answer);
        });
        match timeout(self.deadline, told).await {
            Ok(Ok(Ok(candidates))) => match Names::checked(texts, candidates) {
                Ok(names) => (names, "answered"),
                Err(failure) => failed(failure),
            },
            Ok(Ok(Err(failure))) => failed(failure),
            Ok(Err(_)) => (Names::default(), "failed"),
            Err(_) => (Names::default(), "late"),
        }
    }
}

fn failed(failure: Failure) -> (Names, &'static str) {
    tracing::debug!(%failure, "the model of names gave none");
    let outcome = if failure == Failure::Implausible { "implausible" } else { "failed" };
    (Names::default(), outcome)
}

#[cfg(test)]
mod tests;
