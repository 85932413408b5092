//! The language of a request, as far as routing and refusals need it.

use kaleem_proto::chat::v1::{Message, Role, part::Kind};

/// `ar` if the last user turn has more Arabic than Latin letters, else `en`.
pub(super) fn of(messages: &[Message]) -> &'static str {
    let last = messages.iter().rev().find(|message| message.role() == Role::User);
    let mut balance = 0_i64;
    for part in last.into_iter().flat_map(|message| &message.parts) {
        if let Some(Kind::Text(text)) = &part.kind {
            for letter in text.chars() {
                balance += match letter {
                    '\u{0620}'..='\u{064A}' | '\u{0671}'..='\u{06D3}' => 1,
                    'a'..='z' | 'A'..='Z' => -1,
                    _ => 0,
                };
            }
        }
    }
    if balance > 0 { "ar" } else { "en" }
}

#[cfg(test)]
mod tests {
    use kaleem_proto::chat::v1::Part;

    use super::*;

    fn user(text: &str) -> Message {
        let part = Part { kind: Some(Kind::Text(text.into())) };
        Message { role: Role::User.into(), parts: vec![part], name: String::new() }
    }

    #[test]
    fn the_last_user_turn_decides() {
        assert_eq!(of(&[user("hello"), user("هل تشحنون إلى جدة؟ ok")]), "ar");
        assert_eq!(of(&[user("مرحبا"), user("ship to Jeddah?")]), "en");
        assert_eq!(of(&[]), "en");
    }
}
