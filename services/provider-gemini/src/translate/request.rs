//! A call of the mesh → the body that Gemini takes.

use kaleem_domain::estimate;
use kaleem_proto::chat::v1::{GenerationOptions, Message, Tool};
use kaleem_proto::provider::v1::{CountTokensRequest, Priority, StreamGenerateRequest};

use super::{Warnings, conversation, generation, tools};
use crate::Error;
use crate::config::ModelConfig;
use crate::error::Violations;
use crate::wire::request::{Content, CountTokens, GenerateContent, GenerationConfig, ServiceTier};

/// A translated request.
#[derive(Debug, Clone, PartialEq)]
pub struct Translated {
    /// What is sent.
    pub body: GenerateContent,
    /// What was dropped or changed.
    pub warnings: Warnings,
    /// Input tokens at most, for an answer that comes without counts.
    pub input_estimate: i64,
    /// Only the first call of the answer is passed on.
    pub single_call: bool,
}

/// Translates a generation for `model`, which may produce at most `max_output` tokens.
///
/// The error names every field that is wrong or not possible at this model, all at once.
pub fn generate(
    request: &StreamGenerateRequest,
    model: &ModelConfig,
    max_output: i64,
) -> Result<Translated, Error> {
    let mut violations = Violations::default();
    let mut warnings = Warnings::default();
    let default_options = GenerationOptions::default();
    let options = request.options.as_ref().unwrap_or(&default_options);

    let mut body = prompt(&request.messages, &request.tools, model, (&mut violations, &mut warnings));
    body.tool_config = tools::config(request.tool_choice.as_ref(), &request.tools, &mut violations);
    let mut config = generation::config(options, model, max_output, (&mut violations, &mut warnings));
    generation::shape(request, model, &mut config, &mut violations);
    body.generation_config = (config != GenerationConfig::default()).then_some(config);
    let is_flex = model.batch_in_flex && request.priority() == Priority::Batch;
    body.service_tier = is_flex.then_some(ServiceTier::Flex);

    violations.check()?;
    Ok(Translated {
        input_estimate: input_estimate(&request.messages, &request.tools),
        single_call: request.tool_choice.as_ref().is_some_and(|choice| choice.parallel_disabled),
        body,
        warnings,
    })
}

/// Translates a count. Instructions and tools are only counted inside a whole generate request.
pub fn count(request: &CountTokensRequest, model: &ModelConfig) -> Result<CountTokens, Error> {
    let mut violations = Violations::default();
    let mut body =
        prompt(&request.messages, &request.tools, model, (&mut violations, &mut Warnings::default()));
    violations.check()?;
    body.model = Some(format!("models/{}", model.id));
    Ok(CountTokens { generate_content_request: body })
}

/// Input tokens that the texts may need at most in common tokenizers. Pictures are not counted.
pub fn input_estimate(messages: &[Message], tools: &[Tool]) -> i64 {
    use kaleem_proto::chat::v1::part::Kind;
    let of_part = |part: &kaleem_proto::chat::v1::Part| match &part.kind {
        Some(Kind::Text(text)) => estimate::input_token_ceiling(text),
        Some(Kind::ToolCall(call)) => estimate::input_token_ceiling(&call.arguments_json),
        Some(Kind::Reasoning(reasoning)) => estimate::input_token_ceiling(&reasoning.text),
        Some(Kind::ToolResult(_) | Kind::Image(_)) | None => 0,
    };
    let of_message = |message: &Message| {
        let nested = message.parts.iter().flat_map(|part| match &part.kind {
            Some(Kind::ToolResult(result)) => result.parts.as_slice(),
            _ => std::slice::from_ref(part),
        });
        nested.map(of_part).sum::<i64>() + estimate::MESSAGE_OVERHEAD_TOKENS
    };
    let of_tool = |tool: &Tool| {
        estimate::input_token_ceiling(&tool.description)
            + estimate::input_token_ceiling(&tool.parameters_json_schema)
            + estimate::MESSAGE_OVERHEAD_TOKENS
    };
    messages.iter().map(of_message).sum::<i64>() + tools.iter().map(of_tool).sum::<i64>()
}

fn prompt(
    messages: &[Message],
    tools: &[Tool],
    model: &ModelConfig,
    (violations, warnings): (&mut Violations, &mut Warnings),
) -> GenerateContent {
    let conversation = conversation::translate(messages, model, (violations, warnings));
    let system = conversation.system;
    GenerateContent {
        contents: conversation.contents,
        system_instruction: (!system.is_empty()).then_some(Content { role: None, parts: system }),
        tools: tools::declarations(tools, model, (violations, warnings)),
        ..GenerateContent::default()
    }
}
