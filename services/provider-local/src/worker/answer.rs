//! The body of one answer, read only as fast as it is asked for. Dropping it closes the connection, and the worker aborts.

use std::collections::VecDeque;
use std::pin::Pin;
use std::time::Duration;

use hyper::body::Bytes;
use tokio::time::{Instant, Sleep, sleep};

use super::assembler::{Assembler, Step};
use super::connection::{Lost, Reply};
use super::sse::{SseError, SseParser};
use crate::call::Event;
use crate::error::CallError;

/// An answer that is being read.
pub struct Answer {
    worker: String,
    /// Gone once the answer is over.
    reply: Option<Reply>,
    pieces: Vec<Bytes>,
    parser: SseParser,
    assembler: Assembler,
    data: VecDeque<String>,
    events: VecDeque<Event>,
    /// Longest silence between two pieces.
    idle: Duration,
    /// Ends when the silence has been too long.
    silence: Pin<Box<Sleep>>,
    /// A failure that comes after the events before it.
    failure: Option<CallError>,
}

/// What reading came to.
enum Read {
    More,
    End,
    Lost,
    Silent,
}

impl Answer {
    /// Starts to read `reply`.
    pub fn new(worker: &str, reply: Reply, assembler: Assembler, idle: Duration) -> Self {
        Self {
            worker: worker.to_owned(),
            reply: Some(reply),
            pieces: Vec::new(),
            parser: SseParser::default(),
            assembler,
            data: VecDeque::new(),
            events: VecDeque::new(),
            idle,
            silence: Box::pin(sleep(idle)),
            failure: None,
        }
    }

    /// The next event; `None` after `Finished` or a failure. Text that arrived together comes in one event.
    pub async fn next(&mut self) -> Option<Result<Event, CallError>> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Some(Ok(event));
            }
            if let Some(failure) = self.failure.take() {
                return Some(Err(failure));
            }
            self.reply.as_ref()?;
            if let Err(failure) = self.advance().await {
                self.reply = None;
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

    /// Takes in all that has arrived, once something has.
    async fn advance(&mut self) -> Result<(), CallError> {
        let read = self.read().await;
        let parsed = self.parse(matches!(read, Read::End));
        while let Some(data) = self.data.pop_front() {
            if self.assembler.accept(&data, &mut self.events)? == Step::Done {
                return self.end();
            }
        }
        parsed.map_err(|error| self.broken(&error.to_string()))?;
        match read {
            Read::More => Ok(()),
            Read::End => self.end(),
            // The answer is whole; only its counts and `[DONE]` are missing.
            Read::Lost | Read::Silent if self.assembler.has_finish() => self.end(),
            Read::Lost => Err(self.failed("the connection broke inside the answer")),
            Read::Silent => Err(self.failed(&format!("nothing came for {:?} inside the answer", self.idle))),
        }
    }

    /// Takes what was read apart; events before a mistake are kept.
    fn parse(&mut self, is_end: bool) -> Result<(), SseError> {
        for piece in self.pieces.drain(..) {
            self.parser.push(&piece, &mut self.data)?;
        }
        if is_end { self.parser.finish(&mut self.data) } else { Ok(()) }
    }

    async fn read(&mut self) -> Read {
        let Some(reply) = self.reply.as_mut() else { return Read::End };
        self.silence.as_mut().reset(Instant::now() + self.idle);
        tokio::select! {
            biased;
            read = reply.read(&mut self.pieces) => match read {
                Ok(()) if self.pieces.is_empty() => Read::End,
                Ok(()) => Read::More,
                Err(Lost) => Read::Lost,
            },
            () = &mut self.silence => Read::Silent,
        }
    }

    fn end(&mut self) -> Result<(), CallError> {
        if let Some(reply) = self.reply.take() {
            reply.finish();
        }
        self.assembler.finish(&mut self.events)
    }

    fn broken(&self, detail: &str) -> CallError {
        CallError::Protocol { worker: self.worker.clone(), detail: detail.to_owned() }
    }

    fn failed(&self, detail: &str) -> CallError {
        CallError::Unavailable { worker: self.worker.clone(), detail: detail.to_owned() }
    }
}
