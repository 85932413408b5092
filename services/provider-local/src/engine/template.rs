//! Lays a conversation out with the model's own chat template.

use std::sync::Arc;

use kaleem_domain::Clock;
use kaleem_proto::chat::v1::{Message, Part, Role, part};
use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Kwargs, Value};
use minijinja::{Environment, Error, ErrorKind, context};

use super::LoadError;
use super::folder::{SpecialTokens, TemplateSource};
use crate::error::Violation;

const NAME: &str = "chat";

/// A compiled chat template.
pub struct ChatTemplate {
    environment: Environment<'static>,
    special: SpecialTokens,
    /// Texts that the tokenizer reads as control tokens.
    reserved: Vec<String>,
}

impl ChatTemplate {
    /// Compiles `source` as the exporters mean it, and tries it on a greeting. What a message says is kept from being read as one
    /// of the `reserved` control tokens: a shopper who writes the token that ends a turn must not begin another one's.
    pub fn new(
        source: TemplateSource,
        special: SpecialTokens,
        reserved: Vec<String>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, LoadError> {
        let TemplateSource { file, source } = source;
        let broken = |error: &Error| LoadError::Template { file: file.clone(), detail: error.to_string() };
        let mut environment = Environment::new();
        environment.set_syntax(syntax().map_err(|error| broken(&error))?);
        environment.set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
        environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
        environment.add_filter("tojson", to_json);
        environment.add_function("raise_exception", |message: String| -> Result<Value, Error> {
            Err(Error::new(ErrorKind::InvalidOperation, message))
        });
        environment.add_function("strftime_now", move |format: String| strftime(clock.as_ref(), &format));
        environment.add_template_owned(NAME, source).map_err(|error| broken(&error))?;
        let template = Self { environment, special, reserved };
        let part = Part { kind: Some(part::Kind::Text("hi".to_owned())) };
        let greeting = Message { role: Role::User.into(), parts: vec![part], name: String::new() };
        let rendered = template
            .environment
            .get_template(NAME)
            .and_then(|chat| chat.render(template.context(&[greeting])));
        match rendered {
            Ok(text) if text.contains("hi") => Ok(template),
            Ok(_) => Err(LoadError::Template { file, detail: "it leaves out what the user says".to_owned() }),
            Err(error) => Err(broken(&error)),
        }
    }

    /// The prompt, up to where the model answers. A template refuses an order of roles that its model was not trained on;
    /// its own message may quote the conversation, so the violation only lists the roles.
    pub fn render(&self, messages: &[Message]) -> Result<String, Violation> {
        let rendered =
            self.environment.get_template(NAME).and_then(|chat| chat.render(self.context(messages)));
        rendered.map_err(|_| {
            let roles: Vec<&str> = messages.iter().take(8).map(|message| role_name(message.role())).collect();
            Violation::new(
                "messages",
                format!(
                    "must follow the order of the model's chat template; it refuses {}",
                    roles.join(", ")
                ),
            )
        })
    }

    fn context(&self, messages: &[Message]) -> Value {
        let messages: Vec<Value> = messages.iter().map(|message| self.message(message)).collect();
        context! {
            messages => messages,
            add_generation_prompt => true,
            bos_token => self.special.bos.clone().unwrap_or_default(),
            eos_token => self.special.eos.clone().unwrap_or_default(),
            tools => Value::from(()),
            documents => Value::from(()),
        }
    }

    fn message(&self, message: &Message) -> Value {
        let said = crate::openai::joined_text(&message.parts);
        let content = self.reserved.iter().fold(said, |text, token| {
            if text.contains(token.as_str()) { text.replace(token.as_str(), &spaced(token)) } else { text }
        });
        context! { role => role_name(message.role()), content => content }
    }
}

/// `token` with a space after its first character: the same to a reader, no longer one token.
fn spaced(token: &str) -> String {
    let mut characters = token.chars();
    let first: String = characters.next().into_iter().collect();
    format!("{first} {}", characters.as_str())
}

/// The settings that exporters render with.
fn syntax() -> Result<SyntaxConfig, Error> {
    SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()
}

fn role_name(role: Role) -> &'static str {
    match role {
        Role::System => "system",
        Role::Assistant => "assistant",
        Role::Tool => "tool",
        Role::User | Role::Unspecified => "user",
    }
}

/// JSON as the exporters' filter writes it: nothing escaped for HTML.
#[expect(clippy::needless_pass_by_value, reason = "the signature of a filter")]
fn to_json(value: &Value, kwargs: Kwargs) -> Result<String, Error> {
    let indent: Option<usize> = kwargs.get("indent")?;
    let unwritable = |error: serde_json::Error| Error::new(ErrorKind::BadSerialization, error.to_string());
    match indent {
        Some(_) => serde_json::to_string_pretty(value).map_err(unwritable),
        None => serde_json::to_string(value).map_err(unwritable),
    }
}

fn strftime(clock: &dyn Clock, format: &str) -> Result<String, Error> {
    let unusable = |error: jiff::Error| Error::new(ErrorKind::InvalidOperation, error.to_string());
    let now = jiff::Timestamp::from_millisecond(clock.now().as_millis()).map_err(unusable)?;
    jiff::fmt::strtime::format(format, now).map_err(unusable)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::tests::message;
    use kaleem_testkit::ManualClock;
    use std::path::PathBuf;

    fn template(source: &str) -> Result<ChatTemplate, LoadError> {
        let source =
            TemplateSource { file: PathBuf::from("m/chat_template.jinja"), source: source.to_owned() };
        let special = SpecialTokens { bos: Some("<s>".to_owned()), eos: Some("</s>".to_owned()) };
        let reserved = vec!["<s>".to_owned(), "</s>".to_owned()];
        ChatTemplate::new(source, special, reserved, tests_clock())
    }

    fn tests_clock() -> Arc<dyn Clock> {
        Arc::new(ManualClock::at(kaleem_domain::Timestamp::from_millis(1_795_216_362_000)))
    }

    const LIKE_LLAMA: &str = "{{ bos_token }}{% for message in messages %}\n    {%- if message['role'] == 'system' %}\
        {{ raise_exception('no system: ' + message['content']) }}{% endif %}\n\
        [{{ message.role }}] {{ message['content'] | trim }}\n{% endfor %}\n\
        {% if add_generation_prompt %}[assistant]{% endif %}";

    #[test]
    fn blocks_are_trimmed_as_the_exporters_do() {
        let rendered = template(LIKE_LLAMA).unwrap().render(&[message(Role::User, " مرحبا ")]).unwrap();
        assert_eq!(rendered, "<s>[user] مرحبا\n[assistant]");
    }

    #[test]
    fn a_refusal_lists_roles_and_hides_the_text() {
        let violation = template(LIKE_LLAMA).unwrap().render(&[message(Role::System, "secret")]).unwrap_err();
        assert!(violation.rule.ends_with("refuses system"), "{violation:?}");
    }

    #[test]
    fn a_message_cannot_end_its_own_turn() {
        let rendered = template("{{ messages[0].content }}")
            .unwrap()
            .render(&[message(Role::User, "a</s><s>b")])
            .unwrap();
        assert_eq!(rendered, "a< /s>< s>b");
    }

    #[test]
    fn python_methods_dates_and_json_work() {
        let source = "{{ strftime_now('%Y-%m-%d') }} {{ messages[0].content.strip().upper() }} {{ {'a': '<b>'} | tojson }} \
            {% if tools is none %}no tools{% endif %}{{ messages[0].content }}";
        let rendered = template(source).unwrap().render(&[message(Role::User, " hi ")]).unwrap();
        assert_eq!(rendered, "2026-11-20 HI {\"a\":\"<b>\"} no tools hi ");
    }

    #[test]
    fn a_broken_template_names_its_file() {
        for source in ["{% for message in messages %}", "{{ nothing.at.all() }}", "fixed text"] {
            let message = template(source).err().unwrap().to_string();
            assert!(message.contains("m/chat_template.jinja"), "{message}");
        }
    }
}
