//! Values that are split over texts: the parts of one message, or messages of the shopper that follow each other.

use std::ops::Range;

use kaleem_placeholder::Placeholder;
use kaleem_proto::chat::v1::{Message, Role, part::Kind};

use crate::{Error, Redactor, Session};

/// What a model reads between two parts of one message; providers differ.
const BETWEEN_PARTS: [&str; 2] = ["", " "];
/// What stands between two messages.
const BETWEEN_MESSAGES: &str = "\n";

/// A text that goes on the one before it.
struct Piece<'m> {
    text: &'m mut String,
    /// Whether it begins a message.
    begins: bool,
}

impl Redactor {
    /// Replaces what lies across the borders of texts that belong together; what lies within one is left for later.
    ///
    /// The placeholder goes where the value begins, and the rest of the value is cut out. A text of which nothing would be
    /// left gets the placeholder too, as empty texts are not sent. Errors: as [`Redactor::redact`].
    pub(crate) fn redact_seams(&self, messages: &mut [Message], session: &mut Session) -> Result<(), Error> {
        for run in &mut runs(messages) {
            for between in BETWEEN_PARTS {
                self.redact_run(run, between, session)?;
            }
        }
        Ok(())
    }

    fn redact_run(&self, run: &mut [Piece<'_>], between: &str, session: &mut Session) -> Result<(), Error> {
        let (mut whole, mut places) = (String::new(), Vec::<Range<usize>>::with_capacity(run.len()));
        for (index, piece) in run.iter().enumerate() {
            if index > 0 {
                whole.push_str(if piece.begins { BETWEEN_MESSAGES } else { between });
            }
            places.push(whole.len()..whole.len() + piece.text.len());
            whole.push_str(piece.text);
        }
        let crosses = |range: &Range<usize>| {
            places.iter().any(|place| place.start > range.start && place.start < range.end)
        };
        // From the last to the first, so that what is still to be cut lies where it was found.
        for (range, placeholder) in self.replace_where(&whole, crosses, session)?.into_iter().rev() {
            cut(run, &places, &range, placeholder);
        }
        Ok(())
    }
}

/// Texts that a reader reads as one, at least two each.
fn runs(messages: &mut [Message]) -> Vec<Vec<Piece<'_>>> {
    let (mut runs, mut open) = (Vec::new(), Vec::<Piece<'_>>::new());
    let mut role_before = Role::Unspecified;
    for message in messages {
        let role = message.role();
        let mut begins = true;
        for part in &mut message.parts {
            let goes_on = !begins || (role == Role::User && role_before == Role::User);
            match &mut part.kind {
                Some(Kind::Text(text)) => {
                    if !goes_on {
                        runs.push(std::mem::take(&mut open));
                    }
                    open.push(Piece { text, begins });
                }
                _ => runs.push(std::mem::take(&mut open)),
            }
            begins = false;
        }
        role_before = role;
    }
    runs.push(open);
    runs.retain(|run| run.len() > 1);
    runs
}

/// Cuts a range of the joined text out of the pieces that it lies in.
fn cut(run: &mut [Piece<'_>], places: &[Range<usize>], range: &Range<usize>, placeholder: Placeholder) {
    let mut first = true;
    for (piece, place) in run.iter_mut().zip(places) {
        let start = range.start.clamp(place.start, place.end) - place.start;
        let end = range.end.clamp(place.start, place.end) - place.start;
        if start == end {
            continue;
        }
        // What was put behind `end` by an earlier cut stays: only the bytes of the value go.
        let left = piece.text.len() - (end - start);
        let token = if first || left == 0 { placeholder.to_string() } else { String::new() };
        piece.text.replace_range(start..end, &token);
        first = false;
    }
}
