//! The body of one answer, read only as fast as it is asked for. Dropping it closes the connection, and the worker aborts.

use std::collections::VecDeque;
use std::time::Duration;

use reqwest::Response;

use super::assembler::{Assembler, Step};
use super::sse::SseParser;
use crate::call::Event;
use crate::error::CallError;

/// An answer that is being read.
pub struct Answer {
    worker: String,
    response: Response,
    parser: SseParser,
    assembler: Assembler,
    data: VecDeque<String>,
    events: VecDeque<Event>,
    /// Longest silence between two pieces.
    idle: Duration,
    /// A failure that comes after the events before it.
    failure: Option<CallError>,
    is_over: bool,
}

impl Answer {
    /// Starts to read `response`.
    pub fn new(worker: &str, response: Response, assembler: Assembler, idle: Duration) -> Self {
        Self {
            worker: worker.to_owned(),
            response,
            parser: SseParser::default(),
            assembler,
            data: VecDeque::new(),
            events: VecDeque::new(),
            idle,
            failure: None,
            is_over: false,
        }
    }

    /// The next event; `None` after `Finished` or a failure.
    pub async fn next(&mut self) -> Option<Result<Event, CallError>> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Some(Ok(event));
            }
            if let Some(failure) = self.failure.take() {
                return Some(Err(failure));
            }
            if self.is_over {
                return None;
            }
            if let Err(failure) = self.advance().await {
                self.is_over = true;
                self.fail(failure);
            }
        }
    }

    /// What was produced is billed although the answer broke off, so its count goes before the failure.
    fn fail(&mut self, failure: CallError) {
        if self.assembler.has_started() {
            self.events.push_back(Event::Usage(self.assembler.partial_usage()));
        }
        self.failure = Some(failure);
    }

    async fn advance(&mut self) -> Result<(), CallError> {
        if let Some(data) = self.data.pop_front() {
            if self.assembler.accept(&data, &mut self.events)? == Step::Done {
                self.end()?;
            }
            return Ok(());
        }
        match tokio::time::timeout(self.idle, self.response.chunk()).await {
            Ok(Ok(Some(bytes))) => {
                self.parser.push(&bytes, &mut self.data).map_err(|error| self.broken(&error.to_string()))
            }
            Ok(Ok(None)) => {
                self.parser.finish(&mut self.data).map_err(|error| self.broken(&error.to_string()))?;
                if self.data.is_empty() { self.end() } else { Ok(()) }
            }
            // The answer is whole; only its counts and `[DONE]` are missing.
            Ok(Err(_)) | Err(_) if self.assembler.has_finish() => self.end(),
            Ok(Err(_)) => Err(self.failed("the connection broke inside the answer")),
            Err(_) => Err(self.failed(&format!("nothing came for {:?} inside the answer", self.idle))),
        }
    }

    fn end(&mut self) -> Result<(), CallError> {
        self.is_over = true;
        self.assembler.finish(&mut self.events)
    }

    fn broken(&self, detail: &str) -> CallError {
        CallError::Protocol { worker: self.worker.clone(), detail: detail.to_owned() }
    }

    fn failed(&self, detail: &str) -> CallError {
        CallError::Unavailable { worker: self.worker.clone(), detail: detail.to_owned() }
    }
}
