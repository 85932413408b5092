//! Texts of a request that stand in no message and leave with it all the same: stop strings, the schema of the answer, ids of tool
//! calls. They go through Redaction as one more message and come back to their places.

use kaleem_proto::{
    chat::v1::{Message, Part, Role, ToolResult, part::Kind, response_format::Format},
    gateway::v1::ChatInput,
};
use kaleem_rpc::Fault;

use crate::fault;

/// Puts the texts of `input` behind its messages; whether there were any.
pub(super) fn append(input: &mut ChatInput) -> bool {
    let mut parts = Vec::new();
    visit(input, &mut |text| parts.push(result(std::mem::take(text))));
    if parts.is_empty() {
        return false;
    }
    input.messages.push(Message { role: Role::System.into(), parts, name: String::new() });
    true
}

/// Takes the redacted texts from behind the messages of `input` back to their places.
pub(super) fn restore(input: &mut ChatInput) -> Result<(), Fault> {
    let lost = || fault::redaction_failed("it lost texts of the request");
    let mut texts = input.messages.pop().ok_or_else(lost)?.parts.into_iter().map(text_of);
    let mut complete = true;
    visit(input, &mut |place| match texts.next().flatten() {
        Some(text) => *place = text,
        None => complete = false,
    });
    if complete && texts.next().is_none() { Ok(()) } else { Err(lost()) }
}

/// Shows every text and its place, always in the same order.
fn visit(input: &mut ChatInput, see: &mut impl FnMut(&mut String)) {
    if let Some(options) = &mut input.options {
        options.stop.iter_mut().for_each(&mut *see);
    }
    if let Some(Format::JsonSchema(schema)) =
        input.response_format.as_mut().and_then(|shape| shape.format.as_mut())
    {
        see(&mut schema.schema_json);
    }
    for part in input.messages.iter_mut().flat_map(|message| &mut message.parts) {
        match &mut part.kind {
            Some(Kind::ToolCall(call)) => see(&mut call.id),
            Some(Kind::ToolResult(result)) => see(&mut result.tool_call_id),
            _ => {}
        }
    }
}

/// As the result of a tool, whose JSON stays JSON.
fn result(text: String) -> Part {
    let parts = vec![Part { kind: Some(Kind::Text(text)) }];
    Part { kind: Some(Kind::ToolResult(ToolResult { parts, ..ToolResult::default() })) }
}

fn text_of(part: Part) -> Option<String> {
    let Some(Kind::ToolResult(ToolResult { mut parts, .. })) = part.kind else { return None };
    match parts.pop()?.kind {
        Some(Kind::Text(text)) => Some(text),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use kaleem_proto::chat::v1::{GenerationOptions, ResponseFormat, ToolCall, response_format::JsonSchema};

    use super::*;

    fn input() -> ChatInput {
        let call = ToolCall { id: "call-7".into(), ..ToolCall::default() };
        let answer = ToolResult { tool_call_id: "call-7".into(), ..ToolResult::default() };
        let schema = JsonSchema { schema_json: r#"{"const":"schema"}"#.into(), ..JsonSchema::default() };
        let part = |kind| Part { kind: Some(kind) };
        ChatInput {
            messages: vec![Message {
                parts: vec![
                    part(Kind::ToolCall(call)),
                    part(Kind::ToolResult(answer)),
                    part(Kind::Text("hi".into())),
                ],
                ..Message::default()
            }],
            options: Some(GenerationOptions {
                stop: vec!["stop-1".into(), "stop-2".into()],
                ..Default::default()
            }),
            response_format: Some(ResponseFormat { format: Some(Format::JsonSchema(schema)) }),
            ..ChatInput::default()
        }
    }

    #[test]
    fn texts_travel_behind_the_messages_and_come_back_changed() {
        let mut asked = input();
        assert!(append(&mut asked));
        assert_eq!(asked.options.as_ref().map(|options| options.stop.concat()), Some(String::new()));
        let aside = asked.messages.last_mut().unwrap();
        let seen: Vec<_> = aside.parts.iter().cloned().filter_map(text_of).collect();
        assert_eq!(seen, ["stop-1", "stop-2", r#"{"const":"schema"}"#, "call-7", "call-7"]);
        aside.parts[1] = result("[[PHONE:7QX2MA]]".into());
        restore(&mut asked).unwrap();
        let mut wanted = input();
        wanted.options.as_mut().unwrap().stop[1] = "[[PHONE:7QX2MA]]".into();
        assert_eq!(asked, wanted);
        assert!(!append(&mut ChatInput::default()), "nothing to say travels nowhere");
    }

    #[test]
    fn texts_that_do_not_come_back_are_a_failure() {
        for change in [
            (|parts| drop(parts.pop())) as fn(&mut Vec<Part>),
            |parts| parts.push(result("one too many".into())),
            |parts| parts[0] = Part::default(),
        ] {
            let mut asked = input();
            append(&mut asked);
            change(&mut asked.messages.last_mut().unwrap().parts);
            assert_eq!(restore(&mut asked).unwrap_err().reason, "REDACTION_FAILED");
        }
    }
}
