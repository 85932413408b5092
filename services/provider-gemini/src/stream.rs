//! One generation while it runs, pulled by its caller: a slow reader stops the reading of the upstream, and a caller who goes away
//! drops the connection.

use std::collections::VecDeque;
use std::sync::Arc;

use futures::Stream;
use kaleem_proto::provider::v1::stream_generate_response::Event;
use reqwest::Response;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

use crate::Error;
use crate::provider::Provider;
use crate::sse::Decoder;
use crate::translate::response::{Answer, Context, Failure};

/// A running generation.
pub struct Generation {
    provider: Arc<Provider>,
    model: String,
    decoder: Decoder,
    ready: VecDeque<Event>,
    /// What is left to do; `None` after the end.
    running: Option<Running>,
    /// Comes after the events that are ready.
    failure: Option<Error>,
}

struct Running {
    response: Response,
    answer: Answer,
    first_token_deadline: Instant,
    /// Given back when the upstream is done, not when the last event is read.
    _permit: OwnedSemaphorePermit,
}

impl Generation {
    /// Takes over the answer of `model`, whose first event must come before the deadline.
    pub(crate) fn new(
        provider: Arc<Provider>,
        (model, response): (String, Response),
        context: Context,
        (first_token_deadline, permit): (Instant, OwnedSemaphorePermit),
    ) -> Self {
        let answer = Answer::new(context);
        let running = Running { response, answer, first_token_deadline, _permit: permit };
        let (decoder, ready) = (Decoder::default(), VecDeque::new());
        Self { provider, model, decoder, ready, running: Some(running), failure: None }
    }

    /// The next event. After an error, and after `Finished`, there is none.
    pub async fn next(&mut self) -> Option<Result<Event, Error>> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Some(Ok(event));
            }
            if let Some(error) = self.failure.take() {
                return Some(Err(error));
            }
            self.running.as_ref()?;
            if let Err(error) = self.advance().await {
                // The connection is given up before the caller has read the error.
                self.running = None;
                self.provider.note_failure(&self.model, &error);
                self.failure = Some(error);
            }
        }
    }

    /// The events as a stream.
    pub fn into_stream(self) -> impl Stream<Item = Result<Event, Error>> + Send {
        futures::stream::unfold(self, |mut generation| async move {
            let event = generation.next().await?;
            Some((event, generation))
        })
    }

    async fn advance(&mut self) -> Result<(), Error> {
        let Some(running) = self.running.as_mut() else { return Ok(()) };
        let limit = if running.answer.is_started() {
            self.provider.timeouts().idle.get()
        } else {
            running.first_token_deadline.saturating_duration_since(Instant::now())
        };
        match self.provider.upstream().next_bytes(&mut running.response, limit).await {
            Ok(Some(bytes)) => {
                self.decoder.push(&bytes).map_err(|error| Error::protocol(error.to_string()))?;
                self.accept()
            }
            Ok(None) => {
                self.decoder.finish().map_err(|error| Error::protocol(error.to_string()))?;
                self.accept()?;
                self.finish()
            }
            // The model has said its last word; only the goodbye of the connection was lost.
            Err(_) if running.answer.is_complete() => self.finish(),
            Err(error) => Err(error),
        }
    }

    fn accept(&mut self) -> Result<(), Error> {
        let Some(running) = self.running.as_mut() else { return Ok(()) };
        while let Some(payload) = self.decoder.next_payload() {
            running.answer.accept(&payload, &mut self.ready).map_err(|failure| match failure {
                Failure::Reported(error) => self.provider.upstream().reported(&error),
                Failure::Broken(error) => error,
            })?;
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<(), Error> {
        let Some(running) = self.running.take() else { return Ok(()) };
        let finished = running.answer.end()?;
        self.provider.note_success(&self.model);
        self.ready.push_back(finished);
        Ok(())
    }
}
