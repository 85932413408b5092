//! Texts that a model reads as one: the parts of a message or of the result of a tool, and messages of the shopper that follow
//! each other.

use std::ops::Range;

use kaleem_placeholder::Placeholder;
use kaleem_proto::chat::v1::{Message, Part, Role, ToolResult, part::Kind};

use crate::{
    Error, MAX_TEXT_BYTES, Redactor, Session, joined::Joined, json::is_structured, redact::MAX_PASSES,
};

/// What a model reads between two parts of one message; providers differ.
const BETWEEN_PARTS: [&str; 3] = ["", " ", "\n"];
/// What stands between two messages.
const BETWEEN_MESSAGES: &str = "\n";

/// A text that goes on the one before it.
struct Piece<'m> {
    text: &'m mut String,
    /// Whether it begins a message.
    begins: bool,
}

impl Redactor {
    /// Replaces what is found in texts that belong together: values that lie across their borders, and those whose words
    /// lie in another one.
    ///
    /// The placeholder goes where the value begins, and the rest of the value is cut out. A text of which nothing would be
    /// left gets the placeholder too, as empty texts are not sent. Errors: as [`Redactor::redact`].
    pub(crate) fn redact_seams(&self, messages: &mut [Message], session: &mut Session) -> Result<(), Error> {
        for run in &mut runs(messages) {
            // Before any work is done for a text that will be refused.
            if let Some(actual) = run.iter().map(|piece| piece.text.len()).find(|len| *len > MAX_TEXT_BYTES) {
                return Err(Error::TextTooLong { actual, limit: MAX_TEXT_BYTES });
            }
            for between in BETWEEN_PARTS {
                self.redact_run(run, between, session)?;
            }
        }
        Ok(())
    }

    fn redact_run(&self, run: &mut [Piece<'_>], between: &str, session: &mut Session) -> Result<(), Error> {
        for _ in 0..MAX_PASSES {
            let joined = joined(run, between);
            let found = self.replacements(&joined.text, session)?;
            if found.is_empty() {
                return Ok(());
            }
            cut(run, &joined, &found);
        }
        Err(Error::Unsettled)
    }
}

/// Texts that a reader reads as one, at least two each.
fn runs(messages: &mut [Message]) -> Vec<Vec<Piece<'_>>> {
    let (mut runs, mut open) = (Vec::new(), Vec::<Piece<'_>>::new());
    let mut role_before = Role::Unspecified;
    for message in messages {
        let role = message.role();
        if (role, role_before) != (Role::User, Role::User) {
            runs.push(std::mem::take(&mut open));
        }
        let mut begins = true;
        for part in &mut message.parts {
            match &mut part.kind {
                Some(Kind::Text(text)) => open.push(Piece { text, begins: std::mem::take(&mut begins) }),
                Some(Kind::ToolResult(result)) => runs.extend(runs_of(result)),
                // Providers send texts around it, or leave it out between them.
                _ => {}
            }
        }
        role_before = role;
    }
    runs.push(open);
    runs.retain(|run| run.len() > 1);
    runs
}

/// The texts of a result between those that are JSON, which are read by themselves and must stay JSON.
fn runs_of(result: &mut ToolResult) -> Vec<Vec<Piece<'_>>> {
    let mut runs = vec![Vec::new()];
    for text in result.parts.iter_mut().filter_map(text_of) {
        if is_structured(text) {
            runs.push(Vec::new());
        } else if let Some(open) = runs.last_mut() {
            open.push(Piece { text, begins: false });
        }
    }
    runs
}

fn text_of(part: &mut Part) -> Option<&mut String> {
    match &mut part.kind {
        Some(Kind::Text(text)) => Some(text),
        _ => None,
    }
}

fn joined(run: &[Piece<'_>], between: &str) -> Joined {
    let bytes = run.iter().map(|piece| piece.text.len() + 1).sum();
    let mut joined = Joined::with_capacity(bytes, run.len());
    for (index, piece) in run.iter().enumerate() {
        if index > 0 {
            joined.text.push_str(if piece.begins { BETWEEN_MESSAGES } else { between });
        }
        joined.push(piece.text);
    }
    joined
}

/// Puts placeholders into the pieces in place of what was found in their joined text, writing each piece once.
fn cut(run: &mut [Piece<'_>], joined: &Joined, found: &[(Range<usize>, Placeholder)]) {
    let cuts = found.iter().flat_map(|(range, placeholder)| {
        let parts = joined.touched(range.clone()).enumerate();
        parts.map(move |(nth, (piece, part))| (piece, part, *placeholder, nth == 0))
    });
    let mut cuts = cuts.peekable();
    for (index, piece) in run.iter_mut().enumerate() {
        let (mut text, mut copied) = (String::new(), 0);
        let mut last = None;
        while let Some((_, part, placeholder, begins)) = cuts.next_if(|(piece, ..)| *piece == index) {
            text.push_str(&piece.text[copied..part.start]);
            if begins {
                text.push_str(&placeholder.to_string());
            }
            copied = part.end;
            last = Some(placeholder);
        }
        let Some(last) = last else { continue };
        text.push_str(&piece.text[copied..]);
        *piece.text = if text.is_empty() { last.to_string() } else { text };
    }
}
