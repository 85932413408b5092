//! Redacts inside the strings and numbers of a JSON text, such as the arguments and results of tools.

mod document;
mod literal;
mod merge;
mod scope;

use std::borrow::Cow;

use crate::{
    Counts, Error, MAX_TEXT_BYTES, Redaction, Redactor, Residual, Session,
    redact::{Found, MAX_PASSES, replace},
};
use document::Document;
pub(crate) use literal::is_structured;
use literal::plain;
use merge::merged;

impl Redactor {
    /// Redacts a JSON text: each of its strings and numbers with the keys above it as words before it, and all of them as
    /// the one text that a model reads. Text that is not a JSON object, array or string is redacted as plain text.
    ///
    /// Formatting stays as it is; a redacted number becomes a string. The result is JSON again, whose values
    /// [`Encoding::JsonString`](kaleem_placeholder::Encoding::JsonString) restores. Errors: as [`Redactor::redact`].
    pub fn redact_json<'j>(&self, json: &'j str, session: &mut Session) -> Result<Redaction<'j>, Error> {
        if json.len() > MAX_TEXT_BYTES {
            return Err(Error::TextTooLong { actual: json.len(), limit: MAX_TEXT_BYTES });
        }
        let redaction = match Document::read(json) {
            Some(document) => self.redact_document(document, session)?,
            // What is broken is read as text, escapes and all.
            None => self.redact_unrecorded("", json, session)?,
        };
        session.record(&redaction);
        Ok(redaction)
    }

    /// Redacts until nothing more is found, as a placeholder may bring a word into reach of a value.
    fn redact_document<'j>(
        &self,
        mut document: Document<'j>,
        session: &mut Session,
    ) -> Result<Redaction<'j>, Error> {
        let (mut counts, mut residual) = (Counts::default(), Residual::None);
        for _ in 0..MAX_PASSES {
            let round = self.redact_once(&mut document, session)?;
            residual = residual.max(round.residual);
            if round.counts.total() == 0 {
                // Places of decoded values are none of the text.
                return Ok(Redaction { text: document.into_text(), counts, residual, places: Vec::new() });
            }
            counts.merge(&round.counts);
        }
        Err(Error::Unsettled)
    }

    /// Looks at the whole, then at each value that was not looked at as it is now, and replaces what either finds.
    fn redact_once(&self, document: &mut Document<'_>, session: &mut Session) -> Result<Round, Error> {
        let draft = document.draft();
        let whole = self.detect("", &draft.text, session)?;
        let mut round = Round { counts: Counts::default(), residual: whole.residual() };
        let mut claims = document.claims(&draft, &whole.replaced).into_iter().peekable();
        for (index, place) in draft.places.iter().enumerate() {
            let text = &draft.text[place.clone()];
            let own = match document.hint_if_unread(index) {
                Some(hint) => self.detect_alone(&hint, text, session)?,
                None => Found::default(),
            };
            round.residual = round.residual.max(own.residual());
            let claimed = std::iter::from_fn(|| claims.next_if(|claim| claim.leaf == index));
            let spans = merged(text, own.replaced, claimed);
            if !spans.is_empty() {
                for (span, _) in &spans {
                    round.counts.add(span.kind);
                }
                document.edit(index, replace(text, &spans, session)?.text);
            }
        }
        Ok(round)
    }

    /// Finds what is in one value.
    fn detect_alone(&self, hint: &str, text: &str, session: &mut Session) -> Result<Found, Error> {
        let plain = plain(text);
        let mut found = self.detect(hint, &plain, session)?;
        if let Cow::Owned(_) = plain {
            // Its digits stand nowhere in the text, so that all of it goes.
            found.replaced.truncate(1);
            found.replaced.iter_mut().for_each(|(span, _)| span.range = 0..text.len());
        }
        Ok(found)
    }
}

/// What one look at a document took out.
struct Round {
    counts: Counts,
    residual: Residual,
}
