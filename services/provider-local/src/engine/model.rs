//! A model that is ready to answer: network, tokenizer, chat template and sampling defaults.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;

use kaleem_domain::Clock;
use kaleem_proto::chat::v1::{Message, Part, Role, part, response_format};
use tokenizers::Tokenizer;

use super::LoadError;
use super::folder::{self, Folder, Generation, TemplateSource, Weights};
use super::network::Network;
use super::template::ChatTemplate;
use super::{text, weights};
use crate::call::Call;
use crate::error::{CallError, Violation};

/// A model in memory.
pub struct Model {
    /// Id that callers name.
    pub id: String,
    /// The network.
    pub network: Network,
    /// The tokenizer.
    pub tokenizer: Tokenizer,
    /// Sampling defaults and end tokens.
    pub generation: Generation,
    /// Longest prompt plus answer.
    pub context: usize,
    /// Numbers in all tensors.
    pub parameters: usize,
    template: ChatTemplate,
}

/// A prompt with its bounds.
#[derive(Debug)]
pub struct Prompt {
    /// Token ids.
    pub ids: Vec<u32>,
    /// Most output tokens, at least 1.
    pub max_output: usize,
    /// What of the call was dropped or changed.
    pub warnings: Vec<String>,
}

impl Model {
    /// Reads everything and computes one prompt, so that a folder which does not work is found at start.
    ///
    /// The readers of weights may panic on damaged input; that is an error of the folder, too.
    pub fn load(
        folder: Folder,
        id: String,
        context_limit: usize,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, LoadError> {
        let path = folder.path.clone();
        let loaded = catch_unwind(AssertUnwindSafe(|| Self::read(folder, id, context_limit, clock)));
        let model =
            loaded.unwrap_or_else(|_| Err(LoadError::weights(&path, &"a reader panicked on them")))?;
        let tried = catch_unwind(AssertUnwindSafe(|| model.try_out()));
        tried
            .unwrap_or_else(|_| Err("a kernel panicked on them".to_owned()))
            .map_err(|detail| LoadError::weights(&path, &detail))?;
        Ok(model)
    }

    fn read(
        folder: Folder,
        id: String,
        context_limit: usize,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, LoadError> {
        let tokenizer = text::read_tokenizer(&folder.tokenizer)?;
        let mut special = folder.special;
        let mut generation = folder.generation;
        let (loaded, weights_file) = match folder.weights {
            Weights::Safetensors { files, architecture } => {
                let loaded = weights::safetensors_network(&folder.path, &files, architecture, context_limit)?;
                (loaded, PathBuf::new())
            }
            Weights::Gguf(file) => (weights::gguf_network(&file, context_limit)?, file),
        };
        let entries = tokenizer.get_vocab_size(true);
        if entries > loaded.vocabulary {
            let detail = format!("it has {entries} tokens, the weights know {}", loaded.vocabulary);
            return Err(LoadError::malformed(&folder.tokenizer, &detail));
        }
        let embedded = loaded.embedded;
        special.bos = special.bos.or_else(|| embedded.bos.and_then(|id| tokenizer.id_to_token(id)));
        special.eos = special.eos.or_else(|| embedded.eos.and_then(|id| tokenizer.id_to_token(id)));
        let named_eos = special.eos.as_deref().and_then(|token| tokenizer.token_to_id(token));
        generation.eos.extend(embedded.eos.into_iter().chain(named_eos));
        let in_weights = embedded.template.map(|source| TemplateSource { file: weights_file, source });
        let source = folder.template.or(in_weights).ok_or_else(|| folder::missing_template(&folder.path))?;
        let added = tokenizer.get_added_tokens_decoder().into_values();
        let reserved = added
            .filter(|token| token.special && !token.content.is_empty())
            .map(|token| token.content)
            .collect();
        let template = ChatTemplate::new(source, special, reserved, clock)?;
        Ok(Self {
            id,
            network: loaded.network,
            tokenizer,
            generation,
            context: loaded.context,
            parameters: loaded.parameters,
            template,
        })
    }

    fn try_out(&self) -> Result<(), String> {
        let part = Part { kind: Some(part::Kind::Text("hi".to_owned())) };
        let greeting = Message { role: Role::User.into(), parts: vec![part], name: String::new() };
        let ids = self.encode(&[greeting]).map_err(|error| error.to_string())?;
        let ids = &ids[..ids.len().min(self.context)];
        let logits = self.network.session().prefill(ids, || false).and_then(|logits| match logits {
            Some(logits) => logits.to_dtype(candle_core::DType::F32)?.to_vec1::<f32>(),
            None => Ok(Vec::new()),
        });
        let logits = logits.map_err(|error| error.to_string())?;
        if logits.is_empty() || !logits.iter().all(|logit| logit.is_finite()) {
            return Err("they compute to numbers that are not finite".to_owned());
        }
        Ok(())
    }

    /// Lays out and encodes the conversation of `call`, and bounds its answer.
    pub fn prompt(&self, call: &Call) -> Result<Prompt, CallError> {
        refuse_unsupported(call)?;
        let ids = self.encode(&call.messages)?;
        if ids.len() >= self.context {
            let count = |tokens: usize| u64::try_from(tokens).unwrap_or(u64::MAX);
            return Err(CallError::ContextLength {
                model: self.id.clone(),
                needed: count(ids.len()),
                context: count(self.context),
            });
        }
        let mut warnings = Vec::new();
        if !call.tools.is_empty() {
            warnings.push("tools were dropped: the in-process engine does not call them".to_owned());
        }
        let asked = usize::try_from(call.max_output).unwrap_or(usize::MAX);
        let room = self.context - ids.len();
        if asked > room {
            warnings.push(format!(
                "max_output_token_count was lowered to the {room} tokens that the context has left"
            ));
        }
        Ok(Prompt { ids, max_output: asked.min(room), warnings })
    }

    /// Exact number of prompt tokens.
    pub fn count(&self, messages: &[Message]) -> Result<usize, CallError> {
        self.encode(messages).map(|ids| ids.len())
    }

    fn encode(&self, messages: &[Message]) -> Result<Vec<u32>, CallError> {
        let violations = unreadable_parts(messages);
        if !violations.is_empty() {
            return Err(CallError::Invalid(violations));
        }
        let prompt =
            self.template.render(messages).map_err(|violation| CallError::Invalid(vec![violation]))?;
        // The template writes the special tokens itself.
        let encoding = self.tokenizer.encode_fast(prompt, false);
        let encoding = encoding
            .map_err(|_| CallError::Engine { detail: "the prompt cannot be tokenised".to_owned() })?;
        if encoding.is_empty() {
            return Err(CallError::invalid("messages", "must hold text"));
        }
        Ok(encoding.get_ids().to_vec())
    }
}

fn unreadable_parts(messages: &[Message]) -> Vec<Violation> {
    let is_image = |part: &Part| matches!(part.kind, Some(part::Kind::Image(_)));
    let with_images = messages.iter().enumerate().filter(|(_, message)| message.parts.iter().any(is_image));
    with_images
        .map(|(index, _)| {
            Violation::new(format!("messages[{index}].parts"), "must be text for the in-process engine")
        })
        .collect()
}

fn refuse_unsupported(call: &Call) -> Result<(), CallError> {
    if call.demands_tool() {
        return Err(CallError::invalid(
            "tool_choice",
            "must be auto or none: the in-process engine calls no tools",
        ));
    }
    match call.response_format.as_ref().and_then(|format| format.format.as_ref()) {
        Some(response_format::Format::JsonObject(_) | response_format::Format::JsonSchema(_)) => Err(
            CallError::invalid("response_format", "must be text: the in-process engine cannot hold to JSON"),
        ),
        None => Ok(()),
    }
}
