//! The script of one generate answer.

use bytes::Bytes;
use serde_json::Value;

use super::errors::ApiError;
use crate::Gate;

/// Final token counts of an answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Tokens of the prompt, cached ones included.
    pub prompt: u32,
    /// Prompt tokens that a cache had.
    pub cached: u32,
    /// Tokens of thinking, billed as output.
    pub thoughts: u32,
    /// Tokens of the answer without thinking.
    pub candidates: u32,
    /// Of the prompt, tokens of pictures.
    pub image: u32,
    /// Of the prompt, tokens of sound.
    pub audio: u32,
    /// What the total says beyond the sum of its parts, as no API should.
    pub unexplained: u32,
}

impl Usage {
    /// Counts without cache and thinking.
    pub fn new(prompt: u32, candidates: u32) -> Self {
        Self { prompt, candidates, ..Self::default() }
    }
}

/// How a model writes function calls into a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallStyle {
    /// 2.5: no id, no signature, `finishReason` in the chunk of the call.
    Second,
    /// 3.x: an id, a thought signature on the first call, and `finishReason` in a later chunk with an empty
    /// text.
    Third,
}

#[derive(Debug, Clone)]
pub(crate) enum Step {
    Text(String),
    Thought(String),
    Call { name: String, args: Value },
    Echo,
    Raw(Bytes),
    Wait(Gate),
    Stall,
    Cut,
    Fail(ApiError),
    FailBare(ApiError),
}

/// The script of one answer, played for `generateContent` and `streamGenerateContent` alike.
///
/// A step that ends the answer early ([`Reply::stall`], [`Reply::cut`], [`Reply::fail`]) comes last.
#[derive(Debug, Clone, Default)]
pub struct Reply {
    pub(crate) steps: Vec<Step>,
    pub(crate) finish: Option<String>,
    pub(crate) usage: Option<Usage>,
    pub(crate) call_style: Option<CallStyle>,
    pub(crate) block_reason: Option<String>,
    pub(crate) model_version: Option<String>,
    pub(crate) is_unfinished: bool,
    pub(crate) counts_candidates_last: bool,
}

impl Reply {
    /// Creates an answer without parts, `"content": {}`, as a model gives that has spent its tokens on
    /// thinking.
    pub fn empty() -> Self {
        Self::default()
    }

    /// Creates an answer of these text pieces, one chunk each.
    pub fn text<I: IntoIterator<Item: Into<String>>>(pieces: I) -> Self {
        Self::empty().then_text(pieces)
    }

    /// Creates an answer that repeats the last user text word by word, so that a test sees what reached the
    /// API.
    pub fn echo() -> Self {
        Self::empty().step(Step::Echo)
    }

    /// Creates an answer that calls the function `name`.
    pub fn call(name: &str, args: Value) -> Self {
        Self::empty().then_call(name, args)
    }

    /// Creates an answer that blocks the prompt: no candidates, only `promptFeedback` with this reason.
    pub fn blocked(reason: &str) -> Self {
        Self { block_reason: Some(reason.to_owned()), ..Self::empty() }
    }

    /// Creates an error before the headers.
    pub fn error(error: ApiError) -> Self {
        Self::empty().fail(error)
    }

    /// Adds text pieces, one chunk and one token each.
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

    /// Adds a summary of thoughts, a part with `"thought": true`.
    #[must_use]
    pub fn thought(self, summary: &str) -> Self {
        self.step(Step::Thought(summary.to_owned()))
    }

    /// Adds a function call, whole in one chunk.
    #[must_use]
    pub fn then_call(self, name: &str, args: Value) -> Self {
        self.step(Step::Call { name: name.to_owned(), args })
    }

    /// Writes calls in this style instead of the model's own.
    #[must_use]
    pub fn call_style(mut self, style: CallStyle) -> Self {
        self.call_style = Some(style);
        self
    }

    /// Stops until the test lets it pass `gate`.
    #[must_use]
    pub fn wait(self, gate: &Gate) -> Self {
        self.step(Step::Wait(gate.clone()))
    }

    /// Adds bytes as they are to a stream.
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

    /// Fails: with an HTTP status before the first output, with an error event inside the 200 stream
    /// afterwards.
    #[must_use]
    pub fn fail(self, error: ApiError) -> Self {
        self.step(Step::Fail(error))
    }

    /// Fails inside the 200 stream with the bare indented error body, without `data:`.
    #[must_use]
    pub fn fail_bare(self, error: ApiError) -> Self {
        self.step(Step::FailBare(error))
    }

    /// Ends with this reason instead of `STOP`.
    #[must_use]
    pub fn finish(mut self, reason: &str) -> Self {
        self.finish = Some(reason.to_owned());
        self
    }

    /// Ends without any `finishReason`.
    #[must_use]
    pub fn unfinished(mut self) -> Self {
        self.is_unfinished = true;
        self
    }

    /// Reports these counts in the end instead of one token for four prompt bytes and one for each piece.
    #[must_use]
    pub fn usage(mut self, usage: Usage) -> Self {
        self.usage = Some(usage);
        self
    }

    /// Leaves `candidatesTokenCount` out of every chunk but the last, as some models do.
    #[must_use]
    pub fn counts_candidates_last(mut self) -> Self {
        self.counts_candidates_last = true;
        self
    }

    /// Answers with this `modelVersion` instead of the requested model, as the API does when it routes a
    /// model to its successor.
    #[must_use]
    pub fn model_version(mut self, version: &str) -> Self {
        self.model_version = Some(version.to_owned());
        self
    }

    fn step(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }
}
