//! The script of one chat answer.

use bytes::Bytes;

use crate::Gate;
use crate::transcript::{self, Transcript};

/// Token counts that an answer reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// Tokens of the prompt, cached ones included.
    pub prompt_tokens: u32,
    /// Tokens of the answer, reasoning included.
    pub completion_tokens: u32,
    /// Prompt tokens that the prefix cache had.
    pub cached_tokens: u32,
    /// Prompt tokens that the prefix cache has taken in.
    pub created_cache_tokens: u32,
    /// Tokens of reasoning; `None` for a server without a reasoning parser.
    pub reasoning_tokens: Option<u32>,
}

impl Usage {
    /// Counts with an empty cache and no reasoning parser.
    pub fn new(prompt_tokens: u32, completion_tokens: u32) -> Self {
        Self {
            prompt_tokens,
            completion_tokens,
            cached_tokens: 0,
            created_cache_tokens: 0,
            reasoning_tokens: None,
        }
    }
}

/// A failure of the worker. Before the first output it is an HTTP error, afterwards an event that `[DONE]`
/// follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WorkerError {
    /// 503: the server's own queue is full; no `Retry-After`.
    QueueFull,
    /// 500: the engine process died.
    EngineDead,
    /// 500: the server drains after SIGTERM and takes nothing new.
    ShuttingDown,
    /// 400: more prompt tokens than the model can take.
    ContextTooLong,
    /// Any status with any body, sent as it is.
    Other {
        /// HTTP status.
        status: u16,
        /// The body; JSON if it is to appear inside a stream.
        body: String,
    },
}

impl From<Transcript> for WorkerError {
    fn from(Transcript { status, body, .. }: Transcript) -> Self {
        Self::Other { status, body }
    }
}

impl WorkerError {
    pub(crate) fn status_and_body(&self) -> (u16, String) {
        let recorded = |Transcript { status, body, .. }| (status, body);
        match self {
            Self::QueueFull => recorded(Transcript::parse_all(transcript::QUEUE_FULL).remove(0)),
            Self::EngineDead => recorded(Transcript::parse_all(transcript::ENGINE_KILLED).remove(0)),
            Self::ContextTooLong => recorded(transcript::error("ctx_too_long")),
            Self::ShuttingDown => {
                let message = "cannot schedule new futures after shutdown";
                (500, super::check::error_body(message, "InternalServerError", None, 500))
            }
            Self::Other { status, body } => (*status, body.clone()),
        }
    }
}

#[derive(Debug, Clone)]
pub(crate) enum Step {
    Text(String),
    Reasoning(String),
    ToolCall { name: String, id: Option<String> },
    ToolArguments(String),
    Echo,
    Raw(Bytes),
    Wait(Gate),
    Stall,
    Cut,
    Fail(WorkerError),
}

/// The script of one chat answer, played for a stream and for a unary request alike.
///
/// Steps are played in order; what they end in is a finish reason, the usage where it was asked for, and
/// `[DONE]`. A step that ends the answer early ([`Reply::stall`], [`Reply::cut`], [`Reply::fail`]) comes
/// last.
#[derive(Debug, Clone, Default)]
pub struct Reply {
    pub(crate) steps: Vec<Step>,
    pub(crate) finish: Option<String>,
    pub(crate) usage: Option<Usage>,
    pub(crate) is_unfinished: bool,
}

impl Reply {
    /// Creates an answer without content.
    pub fn new() -> Self {
        Self::default()
    }

    /// Creates an answer of these text pieces, one event each.
    pub fn text<I: IntoIterator<Item: Into<String>>>(pieces: I) -> Self {
        Self::new().then_text(pieces)
    }

    /// Creates an answer that repeats the last user text word by word, so that a test sees what reached the
    /// worker.
    pub fn echo() -> Self {
        Self::new().step(Step::Echo)
    }

    /// Creates a failure before the headers.
    pub fn error(error: WorkerError) -> Self {
        Self::new().fail(error)
    }

    /// Adds text pieces, one event and one token each.
    #[must_use]
    pub fn then_text<I: IntoIterator<Item: Into<String>>>(mut self, pieces: I) -> Self {
        self.steps.extend(pieces.into_iter().map(|piece| Step::Text(piece.into())));
        self
    }

    /// Adds text pieces that each wait for one pass of `gate` first.
    #[must_use]
    pub fn paced<I: IntoIterator<Item: Into<String>>>(mut self, gate: &Gate, pieces: I) -> Self {
        self.steps.extend(
            pieces.into_iter().flat_map(|piece| [Step::Wait(gate.clone()), Step::Text(piece.into())]),
        );
        self
    }

    /// Adds reasoning pieces in the `reasoning` field, one event each.
    #[must_use]
    pub fn reasoning<I: IntoIterator<Item: Into<String>>>(mut self, pieces: I) -> Self {
        self.steps.extend(pieces.into_iter().map(|piece| Step::Reasoning(piece.into())));
        self
    }

    /// Adds a call of the tool `name`: its opening event, then one event for each piece of its JSON
    /// arguments.
    #[must_use]
    pub fn tool_call<I: IntoIterator<Item: Into<String>>>(self, name: &str, arguments: I) -> Self {
        self.open_tool_call(name, None, arguments)
    }

    /// Adds a call with a chosen id, for a test that refers to it.
    #[must_use]
    pub fn tool_call_with_id<I>(self, id: &str, name: &str, arguments: I) -> Self
    where
        I: IntoIterator<Item: Into<String>>,
    {
        self.open_tool_call(name, Some(id.to_owned()), arguments)
    }

    fn open_tool_call<I>(mut self, name: &str, id: Option<String>, arguments: I) -> Self
    where
        I: IntoIterator<Item: Into<String>>,
    {
        self.steps.push(Step::ToolCall { name: name.to_owned(), id });
        self.steps.extend(arguments.into_iter().map(|piece| Step::ToolArguments(piece.into())));
        self
    }

    /// Stops until the test lets it pass `gate`.
    #[must_use]
    pub fn wait(self, gate: &Gate) -> Self {
        self.step(Step::Wait(gate.clone()))
    }

    /// Adds bytes as they are to a stream, such as a `: keep-alive` comment. A unary answer leaves them out.
    #[must_use]
    pub fn raw(self, bytes: impl Into<Bytes>) -> Self {
        self.step(Step::Raw(bytes.into()))
    }

    /// Sends nothing any more and keeps the connection open.
    #[must_use]
    pub fn stall(self) -> Self {
        self.step(Step::Stall)
    }

    /// Closes the connection in the middle.
    #[must_use]
    pub fn cut(self) -> Self {
        self.step(Step::Cut)
    }

    /// Fails with `error`.
    #[must_use]
    pub fn fail(self, error: WorkerError) -> Self {
        self.step(Step::Fail(error))
    }

    /// Ends with this finish reason instead of `stop`, or `tool_calls` after a call.
    #[must_use]
    pub fn finish(mut self, reason: &str) -> Self {
        self.finish = Some(reason.to_owned());
        self
    }

    /// Ends with `[DONE]` and no finish reason.
    #[must_use]
    pub fn unfinished(mut self) -> Self {
        self.is_unfinished = true;
        self
    }

    /// Reports these counts instead of one token for four prompt bytes and one for each piece.
    #[must_use]
    pub fn usage(mut self, usage: Usage) -> Self {
        self.usage = Some(usage);
        self
    }

    fn step(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }
}
