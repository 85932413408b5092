//! Messages that must not be formatted: `Debug` shows their names and nothing of what people wrote.

use std::fmt;

use crate::{accounts, chat, gateway, provider, redaction, router};

macro_rules! opaque {
    ($($message:ty),+ $(,)?) => {$(
        impl fmt::Debug for $message {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($message), "(…)"))
            }
        }
    )+};
}

opaque!(
    accounts::v1::AuthenticateRequest,
    accounts::v1::IssueKeyResponse,
    chat::v1::GenerationOptions,
    chat::v1::Image,
    chat::v1::image::Source,
    chat::v1::Message,
    chat::v1::Part,
    chat::v1::part::Kind,
    chat::v1::Reasoning,
    chat::v1::ReasoningDelta,
    chat::v1::response_format::JsonSchema,
    chat::v1::TextDelta,
    chat::v1::Tool,
    chat::v1::ToolCall,
    chat::v1::ToolCallDelta,
    chat::v1::ToolResult,
    gateway::v1::ChatInput,
    gateway::v1::EmbedRequest,
    provider::v1::EmbedRequest,
    redaction::v1::CheckAnswerRequest,
    redaction::v1::ExplainRedactionRequest,
    redaction::v1::InspectAnswerRequest,
    redaction::v1::InspectAnswerResponse,
    redaction::v1::Placeholder,
    redaction::v1::RedactTextRequest,
    redaction::v1::RedactTextResponse,
    redaction::v1::StreamRestoreResponse,
    redaction::v1::stream_restore_request::Piece,
    router::v1::RouteFeatures,
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_request_can_be_formatted_without_a_word_of_it() {
        let text = chat::v1::part::Kind::Text("رقمي 0551234567".to_owned());
        let part = chat::v1::Part { kind: Some(text) };
        let message = chat::v1::Message {
            parts: vec![part.clone()],
            name: "0551234567".to_owned(),
            ..Default::default()
        };
        let input = gateway::v1::ChatInput { messages: vec![message.clone()], ..Default::default() };
        let asked = gateway::v1::StreamChatRequest { input: Some(input) };
        let sent =
            provider::v1::StreamGenerateRequest { messages: vec![message.clone()], ..Default::default() };
        let to_redact = redaction::v1::RedactRequest { messages: vec![message], ..Default::default() };
        let answer = chat::v1::Message { parts: vec![part], ..Default::default() };
        let answered = gateway::v1::ChatResponse { message: Some(answer), ..Default::default() };
        let shown = format!("{asked:?} {sent:?} {to_redact:?} {answered:?}");
        assert!(!shown.contains("551234567") && !shown.contains("رقمي"), "{shown}");
        assert!(shown.contains("ChatInput(…)") && shown.contains("Message(…)"), "{shown}");
    }
}
