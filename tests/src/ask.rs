//! Requests and answers in few words.

use kaleem_proto::{
    chat::v1::{Message, Part, Role, part::Kind},
    gateway::v1::{
        ChatInput, ChatRequest, ChatResponse, Finished, StreamChatRequest, StreamChatResponse,
        stream_chat_response::Event,
    },
};
use tonic::{Status, Streaming};

/// A user's question to `model`.
pub fn question(model: &str, text: &str) -> ChatInput {
    let part = Part { kind: Some(Kind::Text(text.into())) };
    let message = Message { role: Role::User.into(), parts: vec![part], name: String::new() };
    ChatInput { model: model.into(), messages: vec![message], ..ChatInput::default() }
}

/// The streaming call of an input.
pub fn streamed(input: ChatInput) -> StreamChatRequest {
    StreamChatRequest { input: Some(input) }
}

/// The unary call of an input.
pub fn whole(input: ChatInput) -> ChatRequest {
    ChatRequest { input: Some(input) }
}

/// The text of a whole answer.
pub fn text_of(response: &ChatResponse) -> String {
    let parts = response.message.iter().flat_map(|message| &message.parts);
    parts
        .filter_map(|part| match &part.kind {
            Some(Kind::Text(text)) => Some(text.as_str()),
            _ => None,
        })
        .collect()
}

/// Everything that came over a stream.
#[derive(Debug, Default)]
pub struct Heard {
    /// The text.
    pub text: String,
    /// Events in order, by name.
    pub order: Vec<&'static str>,
    /// The terminal event.
    pub finished: Option<Finished>,
    /// The failure, if it ended with one.
    pub failure: Option<Status>,
}

/// Listens to the end.
pub async fn listen(mut events: Streaming<StreamChatResponse>) -> Heard {
    let mut heard = Heard::default();
    loop {
        match events.message().await {
            Ok(None) => return heard,
            Ok(Some(response)) => take(&mut heard, response.event),
            Err(status) => {
                heard.failure = Some(status);
                return heard;
            }
        }
    }
}

fn take(heard: &mut Heard, event: Option<Event>) {
    heard.order.push(match event {
        Some(Event::Started(_)) => "started",
        Some(Event::Text(delta)) => {
            heard.text.push_str(&delta.text);
            "text"
        }
        Some(Event::Reasoning(_)) => "reasoning",
        Some(Event::ToolCall(_)) => "tool_call",
        Some(Event::Notice(_)) => "notice",
        Some(Event::Finished(finished)) => {
            heard.finished = Some(finished);
            "finished"
        }
        None => "unknown",
    });
}
