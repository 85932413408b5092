//! A whole request through the redactor: every text a caller can put into it is scanned.

use kaleem_proto::chat::v1::{Image, Message, Part, Role, Tool, ToolResult, image::Source, part::Kind};

use crate::{Error, MAX_TEXT_BYTES, Redactor, Residual, Session, json::is_structured, policy::is_personal};

/// What a text may answer.
#[derive(Default)]
struct Before {
    /// The texts of the turn before.
    turn: String,
    /// Whether that turn is the assistant's.
    by_assistant: bool,
    /// What the assistant asked last, where others have said something since.
    asked: String,
}

impl Before {
    /// Takes up a turn.
    fn pass(&mut self, message: &Message) {
        let turn = message.parts.iter().filter_map(text_of).collect::<Vec<_>>().join(" ");
        let last = std::mem::replace(&mut self.turn, turn);
        let after_assistant = std::mem::replace(&mut self.by_assistant, message.role() == Role::Assistant);
        if self.by_assistant {
            self.asked.clear();
        } else if after_assistant {
            self.asked = last;
        }
    }
}

/// A participant's name stands without a word about it, but for the field it stands in.
const NAME_CUE: &str = "my name is";

impl Redactor {
    /// Redacts all texts of `messages` in place: text, names, reasoning, tool calls and results, and what is split over texts.
    ///
    /// The turn before and the last question of the assistant are the cues for a bare number. Pictures pass; what the address
    /// of one tells raises the class of the request. Errors: as [`Redactor::redact`].
    pub(crate) fn redact_messages(
        &self,
        messages: &mut [Message],
        session: &mut Session,
    ) -> Result<(), Error> {
        for result in results(messages) {
            unite(result);
        }
        // First, as half of a value may look like one of its own.
        self.redact_seams(messages, session)?;
        let mut before = Before::default();
        for message in messages {
            self.redact_plain(&mut message.name, NAME_CUE, session)?;
            for part in &mut message.parts {
                self.redact_part(part, &before, session)?;
            }
            before.pass(message);
        }
        Ok(())
    }

    /// Redacts what tools say about themselves.
    pub(crate) fn redact_tools(&self, tools: &mut [Tool], session: &mut Session) -> Result<(), Error> {
        for tool in tools {
            self.redact_plain(&mut tool.description, "", session)?;
            self.redact_in_json(&mut tool.parameters_json_schema, session)?;
        }
        Ok(())
    }

    fn redact_part(&self, part: &mut Part, before: &Before, session: &mut Session) -> Result<(), Error> {
        match &mut part.kind {
            Some(Kind::Text(text)) => {
                self.redact_plain(text, &before.turn, session)?;
                if before.asked.is_empty() { Ok(()) } else { self.redact_plain(text, &before.asked, session) }
            }
            Some(Kind::Reasoning(reasoning)) => self.redact_plain(&mut reasoning.text, "", session),
            Some(Kind::ToolCall(call)) => self.redact_in_json(&mut call.arguments_json, session),
            Some(Kind::ToolResult(result)) => {
                for part in &mut result.parts {
                    match &mut part.kind {
                        // Results are JSON more often than not; what is not is scanned as text.
                        Some(Kind::Text(text)) => self.redact_in_json(text, session)?,
                        _ => self.redact_part(part, &Before::default(), session)?,
                    }
                }
                Ok(())
            }
            Some(Kind::Image(image)) => self.redact_image(image, session),
            None => Ok(()),
        }
    }

    /// Looks at the address of a picture. With a placeholder in it nobody could fetch the picture, so personal data in it keeps
    /// the request with models that may see it.
    fn redact_image(&self, image: &Image, session: &mut Session) -> Result<(), Error> {
        let uri = match &image.source {
            Some(Source::Uri(uri)) if !uri.trim_start().starts_with("data:") => uri,
            Some(_) => {
                metrics::counter!("kaleem_redaction_skipped_pictures_total").increment(1);
                return Ok(());
            }
            None => return Ok(()),
        };
        if self.kinds_in(uri, session)?.into_iter().any(is_personal) {
            session.raise(Residual::Sensitive);
        }
        Ok(())
    }

    fn redact_plain(&self, text: &mut String, before: &str, session: &mut Session) -> Result<(), Error> {
        let redacted = match self.redact_after(before, text, session)?.text {
            std::borrow::Cow::Borrowed(_) => return Ok(()),
            std::borrow::Cow::Owned(redacted) => redacted,
        };
        *text = redacted;
        Ok(())
    }

    fn redact_in_json(&self, text: &mut String, session: &mut Session) -> Result<(), Error> {
        let redacted = match self.redact_json(text, session)?.text {
            std::borrow::Cow::Borrowed(_) => return Ok(()),
            std::borrow::Cow::Owned(redacted) => redacted,
        };
        *text = redacted;
        Ok(())
    }
}

fn results(messages: &mut [Message]) -> impl Iterator<Item = &mut ToolResult> {
    messages.iter_mut().flat_map(|message| &mut message.parts).filter_map(|part| match &mut part.kind {
        Some(Kind::ToolResult(result)) => Some(result),
        _ => None,
    })
}

/// Puts texts of a result that are JSON together into the first of them, as its keys speak for values in the others.
fn unite(result: &mut ToolResult) {
    let texts: Vec<&str> = result.parts.iter().filter_map(text_of).collect();
    let bytes: usize = texts.iter().map(|text| text.len()).sum();
    if texts.len() < 2 || bytes > MAX_TEXT_BYTES {
        return;
    }
    let whole = texts.concat();
    if !is_structured(&whole) {
        return;
    }
    let mut whole = Some(whole);
    result.parts.retain_mut(|part| match &mut part.kind {
        Some(Kind::Text(text)) => whole.take().map(|whole| *text = whole).is_some(),
        _ => true,
    });
}

fn text_of(part: &Part) -> Option<&str> {
    match &part.kind {
        Some(Kind::Text(text)) => Some(text),
        _ => None,
    }
}

/// The line that asks a model to keep placeholders.
pub(crate) fn instruction(text: &str) -> Message {
    let part = Part { kind: Some(Kind::Text(text.to_owned())) };
    Message { role: Role::System.into(), parts: vec![part], name: String::new() }
}

#[cfg(test)]
mod tests {
    use kaleem_placeholder::IssuerKey;
    use kaleem_proto::chat::v1::ToolCall;

    use super::*;

    const PHONE: &str = "0551234567";

    /// Messages cannot be formatted.
    fn encoded<M: prost::Message>(message: &M) -> Vec<u8> {
        message.encode_to_vec()
    }

    fn text(text: &str) -> Part {
        Part { kind: Some(Kind::Text(text.to_owned())) }
    }

    #[test]
    fn every_place_of_a_request_is_scanned() {
        let call = ToolCall { arguments_json: format!(r#"{{"phone":"{PHONE}"}}"#), ..ToolCall::default() };
        let result = ToolResult { parts: vec![text(&format!("جوال {PHONE}"))], ..ToolResult::default() };
        let mut messages = vec![
            Message {
                parts: vec![text(&format!("رقمي {PHONE}"))],
                name: format!("phone {PHONE}"),
                ..Message::default()
            },
            Message {
                parts: vec![text("أهلًا")], name: "خالد القحطاني".to_owned(), ..Message::default()
            },
            Message { parts: vec![Part { kind: Some(Kind::ToolCall(call)) }], ..Message::default() },
            Message { parts: vec![Part { kind: Some(Kind::ToolResult(result)) }], ..Message::default() },
        ];
        let mut tools = vec![Tool { description: format!("calls {PHONE}"), ..Tool::default() }];
        let redactor = Redactor::new().unwrap();
        let mut session = Session::new(&IssuerKey::new([7; 32]));
        redactor.redact_messages(&mut messages, &mut session).unwrap();
        redactor.redact_tools(&mut tools, &mut session).unwrap();
        let bytes =
            [messages.iter().map(encoded).collect::<Vec<_>>(), tools.iter().map(encoded).collect()].concat();
        let left = String::from_utf8_lossy(&bytes.concat()).into_owned();
        assert!(!left.contains(PHONE) && !left.contains("القحطاني"), "{left}");
        assert_eq!(left.matches("[[PHONE:").count(), 5, "{left}");
        assert_eq!(session.vault().len(), 2, "one value has one placeholder");
    }
}
