//! Replaces personal data by placeholders, over all texts of one request.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use kaleem_placeholder::{Issuer, IssuerKey, Kind, Placeholder, RestoreMap, Vault};

use crate::Error;
use kaleem_pii::{Detector, Findings, Scratch, Span, fold::Folded};

/// Bytes of the longest text that is redacted in one piece: 1 MiB.
pub const MAX_TEXT_BYTES: usize = 1 << 20;

/// Passes over one text. One more than is ever needed in practice: a placeholder is shorter or longer than its value,
/// so a second pass may see a cue come into reach of a number.
const MAX_PASSES: usize = 8;
/// Bytes of the context that is looked at before a text.
const MAX_HINT_BYTES: usize = 256;

/// What may still be in a text after redaction, from least to most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Residual {
    /// Nothing was found.
    #[default]
    None,
    /// Everything that was found is redacted.
    Redacted,
    /// Something looks like personal data and was not certain enough to redact.
    Sensitive,
}

/// Number of redacted places per kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts([u32; Kind::ALL.len()]);

impl Counts {
    /// Places of one kind.
    pub fn get(&self, kind: Kind) -> u32 {
        self.0[kind as usize]
    }

    /// Kinds that occur, with their number of places.
    pub fn iter(&self) -> impl Iterator<Item = (Kind, u32)> {
        Kind::ALL.iter().map(|kind| (*kind, self.get(*kind))).filter(|(_, count)| *count > 0)
    }

    /// Places of all kinds.
    pub fn total(&self) -> u32 {
        self.0.iter().fold(0, |total, count| total.saturating_add(*count))
    }

    fn add(&mut self, kind: Kind) {
        let count = &mut self.0[kind as usize];
        *count = count.saturating_add(1);
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        for (count, more) in self.0.iter_mut().zip(other.0) {
            *count = count.saturating_add(more);
        }
    }
}

impl Default for Counts {
    fn default() -> Self {
        Self([0; Kind::ALL.len()])
    }
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
}

/// The state of one request: placeholders issued so far and their values, over all its texts.
pub struct Session {
    issuer: Issuer,
    vault: Vault,
    counts: Counts,
    residual: Residual,
    folded: Folded,
    scratch: Scratch,
}

impl Session {
    /// Starts a request of the conversation whose key is given.
    pub fn new(key: &IssuerKey) -> Self {
        Self::with_vault(key, Vault::new())
    }

    /// Starts a request with a vault of its own limit, or with values of earlier turns.
    pub fn with_vault(key: &IssuerKey, vault: Vault) -> Self {
        Self {
            issuer: Issuer::new(key),
            vault,
            counts: Counts::default(),
            residual: Residual::None,
            folded: Folded::default(),
            scratch: Scratch::default(),
        }
    }

    /// The placeholders of the request with their values.
    pub fn vault(&self) -> &Vault {
        &self.vault
    }

    /// Ends the request and gives its values.
    pub fn into_vault(self) -> Vault {
        self.vault
    }

    /// The values of the request, ready to restore the answer.
    pub fn restore_map(&self) -> RestoreMap {
        RestoreMap::from(&self.vault)
    }

    /// What was replaced in all texts.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// The highest class of all texts.
    pub fn residual(&self) -> Residual {
        self.residual
    }

    pub(crate) fn record(&mut self, redaction: &Redaction<'_>) {
        self.counts.merge(&redaction.counts);
        self.residual = self.residual.max(redaction.residual);
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Session({:?}, {:?})", self.vault, self.residual)
    }
}

/// Redacts texts. Built once, shared by all requests.
pub struct Redactor {
    detector: Detector,
}

impl Redactor {
    /// Compiles the recognisers.
    ///
    /// Errors: [`Error::Detector`].
    pub fn new() -> Result<Self, Error> {
        Ok(Self { detector: Detector::new()? })
    }

    /// Replaces the personal data of a text by placeholders of the session.
    ///
    /// The same value has the same placeholder; redacting the result changes nothing; restoring it gives the text
    /// back byte for byte. What merely looks like a placeholder stays as it is.
    ///
    /// Errors: [`Error::TextTooLong`] over [`MAX_TEXT_BYTES`], [`Error::Vault`] when the request holds too many
    /// values. After an error the text must not be sent.
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
        let hint = hint(question);
        let mut redaction =
            Redaction { text: Cow::Borrowed(text), counts: Counts::default(), residual: Residual::None };
        for _ in 0..MAX_PASSES {
            let findings = self.detect(&hint, &redaction.text, session);
            let residual = match (findings.unsure, findings.spans.is_empty()) {
                (true, _) => Residual::Sensitive,
                (false, false) => Residual::Redacted,
                (false, true) => Residual::None,
            };
            redaction.residual = redaction.residual.max(residual);
            if findings.spans.is_empty() {
                break;
            }
            let replaced = replace(&redaction.text, &findings.spans, session)?;
            findings.spans.iter().for_each(|span| redaction.counts.add(span.kind));
            redaction.text = Cow::Owned(replaced);
        }
        Ok(redaction)
    }

    fn detect(&self, hint: &str, text: &str, session: &mut Session) -> Findings {
        let opaque = placeholders(text, &session.vault);
        session.folded.refill(hint, text, &opaque);
        self.detector.detect(text, &session.folded, &mut session.scratch)
    }
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Redactor")
    }
}

/// The end of a question without its punctuation, as words right before the answer.
fn hint(question: &str) -> Cow<'_, str> {
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

fn replace(text: &str, spans: &[Span], session: &mut Session) -> Result<String, Error> {
    use fmt::Write as _;

    let mut out = String::with_capacity(text.len() + 8 * spans.len());
    let mut from = 0;
    for span in spans {
        let original = &text[span.range.clone()];
        let placeholder = session.issuer.issue(&mut session.vault, span.kind, &span.normal, original)?;
        out.push_str(&text[from..span.range.start]);
        // Writing to a string does not fail.
        let _ = write!(out, "{placeholder}");
        from = span.range.end;
    }
    out.push_str(&text[from..]);
    Ok(out)
}
