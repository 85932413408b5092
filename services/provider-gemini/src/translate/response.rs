//! A stream of Gemini's chunks → the events of one generation.

use std::collections::VecDeque;

use base64::Engine as _;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use kaleem_domain::{Tally, TokenUsage, UsageSource, estimate, tally::Assumed};
use kaleem_proto::chat::v1::{FinishReason, ReasoningDelta, TextDelta, ToolCallDelta};
use kaleem_proto::provider::v1::stream_generate_response::{Event, Finished, Started};
use kaleem_rpc::convert;
use uuid::Uuid;

use super::finish::{self, Finish};
use super::{Warnings, usage};
use crate::Error;
use crate::wire::response::{Candidate, Chunk, ErrorBody, FunctionCall, Part, UsageMetadata};

/// Signatures come in the standard alphabet; protobuf's JSON also allows the other one, with or without padding.
const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const BASE64: [GeneralPurpose; 2] =
    [GeneralPurpose::new(&STANDARD, LENIENT), GeneralPurpose::new(&URL_SAFE, LENIENT)];

/// What an answer is translated with.
#[derive(Debug, Clone, Default)]
pub struct Context {
    /// Model that was called.
    pub model: String,
    /// Project that serves.
    pub upstream: String,
    /// Input tokens at most, for an answer that comes without counts.
    pub input_estimate: i64,
    /// Only the first call is passed on.
    pub single_call: bool,
    /// What was dropped from the request.
    pub warnings: Warnings,
}

/// Why a stream cannot go on.
#[derive(Debug)]
pub enum Failure {
    /// The API reported an error inside the stream.
    Reported(ErrorBody),
    /// The stream breaks the contract.
    Broken(Error),
}

/// One answer while it streams.
#[derive(Debug)]
pub struct Answer {
    context: Context,
    is_started: bool,
    call_count: i32,
    has_content: bool,
    finish_reason: Option<String>,
    block_reason: Option<String>,
    counts: Option<UsageMetadata>,
    /// What the last usage event said.
    running: Option<TokenUsage>,
    tally: Tally,
}

impl Answer {
    /// An answer of which nothing has arrived.
    pub fn new(context: Context) -> Self {
        Self {
            context,
            is_started: false,
            call_count: 0,
            has_content: false,
            finish_reason: None,
            block_reason: None,
            counts: None,
            running: None,
            tally: Tally::default(),
        }
    }

    /// Whether the first event has arrived.
    pub fn is_started(&self) -> bool {
        self.is_started
    }

    /// Whether the provider has said why it stopped, so that a lost connection loses nothing.
    pub fn is_complete(&self) -> bool {
        self.finish_reason.is_some() || self.block_reason.is_some()
    }

    /// Takes the payload of one event and adds what it says to `events`.
    ///
    /// A payload may be a list of chunks: so comes the whole body where `alt=sse` was not honoured.
    pub fn accept(&mut self, payload: &[u8], events: &mut VecDeque<Event>) -> Result<(), Failure> {
        let is_list = payload.trim_ascii_start().first() == Some(&b'[');
        let chunks = if is_list {
            serde_json::from_slice::<Vec<Chunk>>(payload)
        } else {
            serde_json::from_slice::<Chunk>(payload).map(|chunk| vec![chunk])
        };
        // The parser's own text may quote the content.
        let chunks =
            chunks.map_err(|_| Failure::Broken(Error::protocol("an event of the stream cannot be read")))?;
        chunks.into_iter().try_for_each(|chunk| self.chunk(chunk, events))
    }

    fn chunk(&mut self, chunk: Chunk, events: &mut VecDeque<Event>) -> Result<(), Failure> {
        if let Some(error) = chunk.error {
            return Err(Failure::Reported(error));
        }
        if !self.is_started {
            self.is_started = true;
            events.push_back(self.started(chunk.model_version, chunk.response_id));
        }
        if let Some(reason) = chunk.prompt_feedback.and_then(|feedback| feedback.block_reason) {
            self.block_reason = Some(reason);
        }
        // One candidate is asked for; a second one would interleave with it.
        let first =
            chunk.candidates.into_iter().flatten().find(|candidate| candidate.index.unwrap_or(0) == 0);
        if let Some(candidate) = first {
            self.candidate(candidate, events)?;
        }
        if let Some(counts) = chunk.usage_metadata {
            self.count(counts, events);
        }
        Ok(())
    }

    /// Tells the counts so far. Some models count their output only at the end, so until then what was relayed is counted here:
    /// the answer may be given up at any time, and is paid for as it was produced.
    fn count(&mut self, counts: UsageMetadata, events: &mut VecDeque<Event>) {
        self.tally.report(usage::split(&counts, UsageSource::Partial));
        let running = self.tally.so_far(self.assumed());
        self.counts = Some(counts);
        if self.running != Some(running) {
            self.running = Some(running);
            events.push_back(Event::Usage(convert::usage(&running)));
        }
    }

    fn started(&self, model_version: Option<String>, response_id: Option<String>) -> Event {
        let served = model_version.filter(|model| !model.is_empty());
        let served = served.unwrap_or_else(|| self.context.model.clone());
        Event::Started(Started {
            served_model: served.strip_prefix("models/").unwrap_or(&served).to_owned(),
            provider_request_id: response_id.unwrap_or_default(),
            upstream: self.context.upstream.clone(),
        })
    }

    fn candidate(&mut self, candidate: Candidate, events: &mut VecDeque<Event>) -> Result<(), Failure> {
        let parts = candidate.content.and_then(|content| content.parts).unwrap_or_default();
        for part in parts {
            self.part(part, events)?;
        }
        if let Some(reason) = candidate.finish_reason {
            self.finish_reason = Some(reason);
        }
        Ok(())
    }

    fn part(&mut self, part: Part, events: &mut VecDeque<Event>) -> Result<(), Failure> {
        let signature = part.thought_signature.map(|text| self.signature(&text)).unwrap_or_default();
        if let Some(call) = part.function_call {
            return self.call(call, signature, events);
        }
        let text = part.text.unwrap_or_default();
        let tokens = estimate::input_token_ceiling(&text);
        if part.thought.unwrap_or(false) {
            self.tally.reasoning(tokens);
            if !text.is_empty() || !signature.is_empty() {
                events.push_back(Event::Reasoning(ReasoningDelta { text, provider_signature: signature }));
            }
            return Ok(());
        }
        self.tally.text(tokens);
        if !text.is_empty() {
            self.has_content = true;
            events.push_back(Event::Text(TextDelta { text }));
        }
        // A signature of text, or on an empty part, travels as reasoning without words.
        if !signature.is_empty() {
            events.push_back(Event::Reasoning(ReasoningDelta {
                text: String::new(),
                provider_signature: signature,
            }));
        }
        Ok(())
    }

    fn call(
        &mut self,
        call: FunctionCall,
        provider_signature: Vec<u8>,
        events: &mut VecDeque<Event>,
    ) -> Result<(), Failure> {
        let name = call.name.filter(|name| !name.is_empty());
        let name = name.ok_or_else(|| Failure::Broken(Error::protocol("a tool call has no name")))?;
        if self.context.single_call && self.call_count > 0 {
            self.context.warnings.push("further parallel tool calls were left out, as asked for");
            return Ok(());
        }
        let arguments = call.args.map_or_else(|| "{}".to_owned(), |args| args.to_string());
        self.tally.text(estimate::input_token_ceiling(&arguments) + estimate::MESSAGE_OVERHEAD_TOKENS);
        self.has_content = true;
        let made_up = || format!("call_{}", Uuid::new_v4().simple());
        events.push_back(Event::ToolCall(ToolCallDelta {
            index: self.call_count,
            id: call.id.filter(|id| !id.is_empty()).unwrap_or_else(made_up),
            name,
            arguments_json_delta: arguments,
            provider_signature,
        }));
        self.call_count += 1;
        Ok(())
    }

    fn signature(&mut self, text: &str) -> Vec<u8> {
        let decoded = BASE64.iter().find_map(|alphabet| alphabet.decode(text).ok());
        decoded.unwrap_or_else(|| {
            self.context.warnings.push("a thought signature could not be read and was left out");
            Vec::new()
        })
    }

    /// Ends the answer after the last chunk. Without a reason why the model stopped it is a failure, never a stop.
    pub fn end(mut self) -> Result<Event, Error> {
        let reason = self.reason()?;
        let usage = self.final_usage();
        if reason == FinishReason::Length && !self.has_content && usage.output_reasoning > 0 {
            let why = "reasoning used up max_output_token_count before any answer; raise it or lower reasoning_effort";
            self.context.warnings.push(why);
        }
        if reason == FinishReason::Stop && !self.has_content {
            self.context.warnings.push("the model gave an empty answer");
        }
        Ok(Event::Finished(Finished {
            reason: reason.into(),
            usage: Some(convert::usage(&usage)),
            warnings: self.context.warnings.into_sentences(),
        }))
    }

    fn reason(&mut self) -> Result<FinishReason, Error> {
        match (&self.finish_reason, &self.block_reason) {
            (Some(reason), _) => match finish::of(reason, self.call_count > 0) {
                Finish::Answer(FinishReason::ContentFiltered) => {
                    let reason = identifier(reason);
                    self.context.warnings.push(format!("the provider stopped the answer: {reason}"));
                    Ok(FinishReason::ContentFiltered)
                }
                Finish::Answer(answer) => Ok(answer),
                Finish::Failure(what) => {
                    Err(Error::Protocol { what: what.into(), finish_reason: Some(identifier(reason)) })
                }
            },
            (None, Some(reason)) => {
                let reason = identifier(reason);
                self.context.warnings.push(format!("the provider blocked the prompt: {reason}"));
                Ok(FinishReason::ContentFiltered)
            }
            (None, None) if self.is_started => {
                Err(Error::protocol("the stream ended without a finish reason"))
            }
            (None, None) => Err(Error::protocol("the stream ended before its first event")),
        }
    }

    /// The provider's last count, or ours where it sent none: nothing is ever served for free by omission.
    fn final_usage(&mut self) -> TokenUsage {
        let warnings = &mut self.context.warnings;
        if let Some(counts) = &self.counts {
            let usage = usage::split(counts, UsageSource::Provider);
            usage::check(counts, &usage, warnings);
            return usage;
        }
        warnings.push("the provider sent no token counts; they were estimated");
        self.tally.so_far(self.assumed())
    }

    /// The gateway, which knows what was asked for, bounds what is counted here.
    fn assumed(&self) -> Assumed {
        Assumed { input: self.context.input_estimate, output_max: i64::MAX }
    }
}

/// Cuts text of the provider down to what an enum value looks like.
fn identifier(text: &str) -> String {
    text.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_').take(64).collect()
}
