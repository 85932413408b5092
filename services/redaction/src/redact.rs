//! Replaces personal data by placeholders, over all texts of one request.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use kaleem_pii::{Detector, Points, Span};
use kaleem_placeholder::{Kind, Placeholder, Vault};

use crate::policy::{Action, Policy, Rule, is_personal};
use crate::{Counts, Error, Residual, Session, places::Offsets};

/// Bytes of the longest text that is redacted in one piece: 1 MiB.
pub const MAX_TEXT_BYTES: usize = 1 << 20;

/// Passes over one text. One more than is ever needed in practice: a placeholder is shorter or longer than its value,
/// so a second pass may see a cue come into reach of a number.
pub(crate) const MAX_PASSES: usize = 8;
/// Bytes of the context that is looked at before a text.
pub(crate) const MAX_HINT_BYTES: usize = 256;

/// A place of a text that holds personal data, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// What it is.
    pub kind: Kind,
    /// Bytes of the text as it came.
    pub range: Range<usize>,
    /// How certain it is.
    pub points: Points,
    /// What happened to it.
    pub action: Action,
    /// What stands for it now; `None` if it stays.
    pub placeholder: Option<Placeholder>,
}

/// A redacted text.
#[derive(Debug, PartialEq, Eq)]
pub struct Redaction<'t> {
    /// The text with placeholders; borrowed when nothing was replaced.
    pub text: Cow<'t, str>,
    /// What was replaced.
    pub counts: Counts,
    /// What may be left.
    pub residual: Residual,
    /// What was found in the text, in order of place.
    pub places: Vec<Place>,
}

/// Redacts texts. Built once, shared by all requests.
pub struct Redactor {
    pub(crate) detector: Detector,
}

impl Redactor {
    /// Compiles the recognisers.
    ///
    /// Errors: [`Error::Detector`].
    pub fn new() -> Result<Self, Error> {
        Ok(Self { detector: Detector::new()? })
    }

    /// Reads the document of a policy. Errors: as [`Policy::parse`].
    pub fn policy(&self, document: &str) -> Result<Policy, Error> {
        Policy::parse(document, &self.detector)
    }

    /// Replaces the personal data of a text by placeholders of the session, as far as its policy says.
    ///
    /// The same value has the same placeholder; redacting the result changes nothing; restoring it gives the text
    /// back byte for byte. What merely looks like a placeholder stays as it is.
    ///
    /// Errors: [`Error::TextTooLong`] over [`MAX_TEXT_BYTES`], [`Error::Blocked`] by a policy, [`Error::Vault`] when the
    /// request holds too many values. After an error the text must not be sent.
    pub fn redact<'t>(&self, text: &'t str, session: &mut Session) -> Result<Redaction<'t>, Error> {
        self.redact_after("", text, session)
    }

    /// Redacts a text that answers `question`, whose words count as cues: a bare number after "what is your phone
    /// number?" is one. Of the question only the end is looked at. Errors: as [`Redactor::redact`].
    pub fn redact_after<'t>(
        &self,
        question: &str,
        text: &'t str,
        session: &mut Session,
    ) -> Result<Redaction<'t>, Error> {
        let redaction = self.redact_unrecorded(question, text, session)?;
        session.record(&redaction);
        Ok(redaction)
    }

    /// Redacts without adding to the totals of the session.
    pub(crate) fn redact_unrecorded<'t>(
        &self,
        question: &str,
        text: &'t str,
        session: &mut Session,
    ) -> Result<Redaction<'t>, Error> {
        if text.len() > MAX_TEXT_BYTES {
            return Err(Error::TextTooLong { actual: text.len(), limit: MAX_TEXT_BYTES });
        }
        self.redact_within(MAX_PASSES, &hint(question), text, session)
    }

    /// Redacts until a pass finds nothing. What the last of `passes` has changed nobody has looked at, so it is not given.
    fn redact_within<'t>(
        &self,
        passes: usize,
        hint: &str,
        text: &'t str,
        session: &mut Session,
    ) -> Result<Redaction<'t>, Error> {
        let mut redaction = Redaction {
            text: Cow::Borrowed(text),
            counts: Counts::default(),
            residual: Residual::None,
            places: Vec::new(),
        };
        let mut offsets = Offsets::default();
        for _ in 0..passes {
            let mut found = self.detect(hint, &redaction.text, session)?;
            redaction.residual = redaction.residual.max(found.residual());
            if found.replaced.is_empty() {
                offsets.restate(&mut found.left);
                redaction.places.append(&mut found.left);
                redaction.places.sort_by_key(|place| place.range.start);
                return Ok(redaction);
            }
            let replaced = replace(&redaction.text, &found.replaced, session)?;
            let places = offsets.advance(&found.replaced, &replaced.placeholders);
            for place in &places {
                redaction.counts.add(place.kind);
            }
            redaction.places.extend(places);
            redaction.text = Cow::Owned(replaced.text);
        }
        Err(Error::Unsettled)
    }

    /// Replaces what the policy takes out of a text without writing the text: gives the places and what is to stand there, in
    /// order.
    pub(crate) fn replacements(
        &self,
        text: &str,
        session: &mut Session,
    ) -> Result<Vec<(Range<usize>, Placeholder)>, Error> {
        let found = self.detect("", text, session)?;
        let mut placed = Vec::with_capacity(found.replaced.len());
        for (span, action) in &found.replaced {
            placed.push((span.range.clone(), place(text, span, *action, session)?));
            session.count(span.kind);
        }
        session.raise(found.residual());
        Ok(placed)
    }

    /// The types of what the policy takes out of a text; what it leaves raises the class of the request.
    pub(crate) fn kinds_in(&self, text: &str, session: &mut Session) -> Result<Vec<Kind>, Error> {
        let found = self.detect("", text, session)?;
        if found.unsure {
            session.raise(Residual::Sensitive);
        }
        Ok(found.replaced.iter().map(|(span, _)| span.kind).collect())
    }

    /// Finds what is in a text and what the policy of the session makes of it.
    pub(crate) fn detect(&self, hint: &str, text: &str, session: &mut Session) -> Result<Found, Error> {
        let opaque = placeholders(text, &session.vault);
        session.folded.refill(hint, text, &opaque);
        let policy = Arc::clone(&session.policy);
        let mut findings =
            self.detector.detect_above(policy.thresholds(), text, &session.folded, &mut session.scratch);
        session.names.add(text, &opaque, (policy.thresholds(), &session.folded), &mut findings);
        policy.add_listed(&session.folded, &mut findings.spans);
        let mut found = Found { unsure: findings.unsure, ..Found::default() };
        let mut blocked = Vec::new();
        for span in findings.spans {
            let (action, rule) = policy.decide(span.kind, &text[span.range.clone()], &span.normal);
            match action {
                Action::Allow => found.leave(span, rule == Rule::AllowList),
                Action::Block if blocked.contains(&span.kind) => {}
                Action::Block => blocked.push(span.kind),
                Action::Redact | Action::Mask => found.replaced.push((span, action)),
            }
        }
        if blocked.is_empty() { Ok(found) } else { Err(Error::Blocked { kinds: blocked }) }
    }
}

/// What a pass over a text found.
#[derive(Default)]
pub(crate) struct Found {
    /// What a placeholder is to stand for; disjoint, ascending.
    pub(crate) replaced: Vec<(Span, Action)>,
    /// What stays.
    left: Vec<Place>,
    /// Whether something that stays is personal data, or may be.
    unsure: bool,
}

impl Found {
    fn leave(&mut self, span: Span, own: bool) {
        // The merchant's own values tell nothing about its customers.
        self.unsure |= !own && is_personal(span.kind);
        let Span { kind, range, points, .. } = span;
        self.left.push(Place { kind, range, points, action: Action::Allow, placeholder: None });
    }

    pub(crate) fn residual(&self) -> Residual {
        match (self.unsure, self.replaced.is_empty()) {
            (true, _) => Residual::Sensitive,
            (false, false) => Residual::Redacted,
            (false, true) => Residual::None,
        }
    }
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Redactor")
    }
}

/// The end of a question without its punctuation, as words right before the answer.
pub(crate) fn hint(question: &str) -> Cow<'_, str> {
    let from = question.ceil_char_boundary(question.len().saturating_sub(MAX_HINT_BYTES));
    let words = question[from..].trim_end_matches(|character: char| !character.is_alphanumeric());
    if words.is_empty() { Cow::Borrowed("") } else { Cow::Owned(format!("{words}: ")) }
}

/// Finds what must not be looked into: placeholders of the session, and six-character codes of any other.
///
/// A longer code of another conversation is read as text, since personal data fits into it.
fn placeholders(text: &str, vault: &Vault) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(start) = memchr::memchr(b'[', &text.as_bytes()[from..]).map(|at| from + at) {
        from = start + 1;
        if let Some((placeholder, len)) = Placeholder::at_start(&text[start..])
            && (placeholder.code().len() == kaleem_placeholder::MIN_CODE_LEN || vault.contains(&placeholder))
        {
            found.push(start..start + len);
            from = start + len;
        }
    }
    found
}

/// A text with placeholders, and which of them were put in, in order of place.
pub(crate) struct Replaced {
    pub(crate) text: String,
    placeholders: Vec<Placeholder>,
}

pub(crate) fn replace(
    text: &str,
    spans: &[(Span, Action)],
    session: &mut Session,
) -> Result<Replaced, Error> {
    use fmt::Write as _;

    let mut out = String::with_capacity(text.len() + 8 * spans.len());
    let mut placeholders = Vec::with_capacity(spans.len());
    let mut from = 0;
    for (span, action) in spans {
        let placeholder = place(text, span, *action, session)?;
        out.push_str(&text[from..span.range.start]);
        // Writing to a string does not fail.
        let _ = write!(out, "{placeholder}");
        placeholders.push(placeholder);
        from = span.range.end;
    }
    out.push_str(&text[from..]);
    Ok(Replaced { text: out, placeholders })
}

/// The placeholder of a value, which the session keeps unless it is masked.
fn place(text: &str, span: &Span, action: Action, session: &mut Session) -> Result<Placeholder, Error> {
    let Session { issuer, vault, .. } = session;
    let placeholder = if action == Action::Mask {
        issuer.issue_masked(vault, span.kind, &span.normal)?
    } else {
        issuer.issue(vault, span.kind, &span.normal, &text[span.range.clone()])?
    };
    Ok(placeholder)
}

#[cfg(test)]
mod tests {
    use kaleem_placeholder::IssuerKey;

    use super::*;

    #[test]
    fn a_text_that_nobody_has_seen_as_it_is_does_not_go_out() {
        let redactor = Redactor::new().unwrap();
        let mut session = Session::new(&IssuerKey::new([7; 32]));
        let mut redact = |passes| redactor.redact_within(passes, "", "جوالي 0551234567", &mut session);
        // The first pass finds the number, the second one that there is nothing more.
        assert!(matches!(redact(1), Err(Error::Unsettled)));
        assert_eq!(redact(2).unwrap().counts.total(), 1);
    }
}
