//! One generation: prompt in, events out, until the model, a bound, a stop string or the reader ends it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use kaleem_proto::chat::v1::{FinishReason, GenerationOptions, TextDelta, TokenUsage, UsageSource};
use tokio::runtime::Handle;
use tokio::sync::mpsc::{self, error::TrySendError};

use super::model::{Model, Prompt};
use super::sampler::Sampler;
use super::stop::{Outcome, StopMatcher};
use super::text::Detokenizer;
use crate::call::{Event, Finished, Started};
use crate::config::ENGINE_NAME;
use crate::error::CallError;

/// What a slot sends.
pub type Item = Result<Event, CallError>;

/// A generation that waits for a slot.
pub struct Job {
    /// Id that the answer gets.
    pub id: String,
    /// The prompt with its bounds.
    pub prompt: Prompt,
    /// Sampling and stop strings.
    pub options: GenerationOptions,
    /// Where the events go.
    pub outlet: Outlet,
}

/// The reader's side of a generation, bounded: a slow reader slows the model down.
pub struct Outlet {
    /// Bounded channel to the reader.
    pub events: mpsc::Sender<Item>,
    /// Runtime whose timer bounds the wait for the reader.
    pub runtime: Handle,
    /// Longest wait for a reader that takes nothing.
    pub stall: Duration,
}

/// Why a generation ends early.
enum Ended {
    /// Nobody reads any more.
    Gone,
    /// The model failed, in our words.
    Failed(String),
}

impl From<candle_core::Error> for Ended {
    fn from(error: candle_core::Error) -> Self {
        // Further lines are a backtrace.
        let text = error.to_string();
        Self::Failed(text.lines().next().unwrap_or_default().to_owned())
    }
}

impl Outlet {
    fn is_gone(&self) -> bool {
        self.events.is_closed()
    }

    fn send(&self, event: Event) -> Result<(), Ended> {
        self.send_item(Ok(event))
    }

    fn send_item(&self, item: Item) -> Result<(), Ended> {
        match self.events.try_send(item) {
            Ok(()) => Ok(()),
            Err(TrySendError::Closed(_)) => Err(Ended::Gone),
            Err(TrySendError::Full(item)) => {
                let waited = self
                    .runtime
                    .block_on(async { tokio::time::timeout(self.stall, self.events.send(item)).await });
                waited.ok().and_then(Result::ok).ok_or(Ended::Gone)
            }
        }
    }
}

/// Runs `job` to its end. A panic in a kernel ends this generation only.
pub fn run(model: &Model, job: &Job) {
    if job.outlet.is_gone() {
        return;
    }
    let ended = catch_unwind(AssertUnwindSafe(|| Answer::new(model, job).run()));
    let failure = match ended {
        Ok(Ok(()) | Err(Ended::Gone)) => return,
        Ok(Err(Ended::Failed(detail))) => detail,
        Err(_) => "a kernel panicked".to_owned(),
    };
    tracing::error!(request_id = job.id, failure, "generation failed");
    // Whether anybody still hears it makes no difference here.
    let _ = job.outlet.send_item(Err(CallError::Engine { detail: failure }));
}

struct Answer<'a> {
    model: &'a Model,
    job: &'a Job,
    detokenizer: Detokenizer<'a>,
    stops: StopMatcher,
    /// Prompt and answer.
    history: Vec<u32>,
}

impl<'a> Answer<'a> {
    fn new(model: &'a Model, job: &'a Job) -> Self {
        Self {
            model,
            job,
            detokenizer: Detokenizer::new(&model.tokenizer),
            stops: StopMatcher::new(&job.options.stop),
            history: job.prompt.ids.clone(),
        }
    }

    fn run(mut self) -> Result<(), Ended> {
        let outlet = &self.job.outlet;
        let mut session = self.model.network.session();
        let mut sampler = Sampler::new(&self.job.options, &self.model.generation);
        let prefilled = session.prefill(&self.job.prompt.ids, || outlet.is_gone())?;
        let mut logits = prefilled.ok_or(Ended::Gone)?;
        outlet.send(self.started())?;
        loop {
            let token = sampler.pick(&logits, &self.history)?;
            self.history.push(token);
            if let Some(reason) = self.take(token)? {
                return self.finish(reason);
            }
            if outlet.is_gone() {
                return Err(Ended::Gone);
            }
            logits = session.forward(&[token])?;
        }
    }

    /// Passes the text of `token` on, and says whether the answer ends with it.
    fn take(&mut self, token: u32) -> Result<Option<FinishReason>, Ended> {
        if self.model.generation.eos.contains(&token) {
            self.release_held()?;
            return Ok(Some(FinishReason::Stop));
        }
        let decoded = self.detokenizer.push(token);
        let piece = decoded.map_err(|_| Ended::Failed(format!("token {token} cannot be decoded")))?;
        let (text, is_stopped) = match self.stops.push(&piece) {
            Outcome::Continue(text) => (text, false),
            Outcome::Stopped(text) => (text, true),
        };
        self.send_text(text)?;
        if is_stopped {
            return Ok(Some(FinishReason::Stop));
        }
        if self.output() >= self.job.prompt.max_output {
            self.release_held()?;
            return Ok(Some(FinishReason::Length));
        }
        Ok(None)
    }

    fn release_held(&mut self) -> Result<(), Ended> {
        let held = self.stops.finish();
        self.send_text(held)
    }

    fn send_text(&self, text: String) -> Result<(), Ended> {
        if text.is_empty() {
            return Ok(());
        }
        self.job.outlet.send(Event::Text(TextDelta { text }))?;
        self.job.outlet.send(Event::Usage(self.usage(UsageSource::Partial)))
    }

    fn output(&self) -> usize {
        self.history.len() - self.job.prompt.ids.len()
    }

    fn usage(&self, source: UsageSource) -> TokenUsage {
        let count = |tokens: usize| i64::try_from(tokens).unwrap_or(i64::MAX);
        TokenUsage {
            input_fresh_count: count(self.job.prompt.ids.len()),
            output_text_count: count(self.output()),
            source: source.into(),
            ..TokenUsage::default()
        }
    }

    fn started(&self) -> Event {
        Event::Started(Started {
            served_model: self.model.id.clone(),
            provider_request_id: self.job.id.clone(),
            upstream: ENGINE_NAME.to_owned(),
        })
    }

    fn finish(self, reason: FinishReason) -> Result<(), Ended> {
        let usage = Some(self.usage(UsageSource::Provider));
        let warnings = self.job.prompt.warnings.clone();
        self.job.outlet.send(Event::Finished(Finished { reason: reason.into(), usage, warnings }))
    }
}
