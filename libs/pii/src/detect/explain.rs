//! Says why something was found or nearly found: its score, its check digits, and the word that speaks for or against it.

use std::ops::Range;

use kaleem_placeholder::Kind;
use zeroize::Zeroizing;

use super::{
    Detector, Finding, Points, Scratch, check,
    context::{Context, Mention, context},
    cue::Cues,
    number::context_points,
    resolve,
};
use crate::{Thresholds, fold::Folded};

/// Something that may be personal data, with its reasons.
pub struct Explanation {
    /// What it would be.
    pub kind: Kind,
    /// Bytes of the original text.
    pub range: Range<usize>,
    /// Its normal form.
    pub normal: Zeroizing<String>,
    /// Its score, at most 100.
    pub points: Points,
    /// Whether its check digits are right; `None` where the kind has none that is known.
    pub check: Option<bool>,
    /// The nearest word that says something about it, if any does.
    pub evidence: Option<Evidence>,
    /// Whether it is a finding: its score reaches the threshold, and no better one overlaps it.
    pub taken: bool,
}

/// A word that says something about a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// What it says.
    pub speaks: Speaks,
    /// Its bytes in the original text; `None` if it stands in the question before.
    pub range: Option<Range<usize>>,
    /// What it adds to the score or takes away. Zero for kinds that are not scored by their digits: there the word decides which
    /// structures are looked for.
    pub points: Points,
}

/// What a word says about a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Speaks {
    /// It is of this kind.
    For,
    /// It belongs to the shop: an order, a price.
    Against,
    /// It is of another kind.
    OtherKind,
}

impl Detector {
    /// Explains what may be personal data in the body of a folded text, in order of place; what scores less than
    /// [`REPORTED`](crate::REPORTED) is not considered at all.
    pub fn explain(
        &self,
        thresholds: &Thresholds,
        original: &str,
        folded: &Folded,
        scratch: &mut Scratch,
    ) -> Vec<Explanation> {
        self.collect(original, folded, scratch);
        let explain = |finding: &Finding| Explanation {
            kind: finding.kind,
            range: folded.original(&finding.range),
            points: finding.points.min(100),
            check: checked(finding.kind, &finding.normal(folded.text())),
            normal: finding.normal(folded.text()),
            evidence: evidence(folded, &scratch.mentions, finding),
            taken: false,
        };
        let mut explained: Vec<Explanation> = scratch.findings.iter().map(explain).collect();
        explained.sort_by_key(|one| (one.range.start, one.range.end, one.kind, -one.points));
        explained.dedup_by(|a, b| a.kind == b.kind && a.range == b.range);
        for span in resolve(original, folded, thresholds, &mut scratch.findings, &mut scratch.covered).spans {
            let same = |one: &&mut Explanation| {
                one.kind == span.kind
                    && one.range.start == span.range.start
                    && one.range.end <= span.range.end
            };
            if let Some(one) = explained.iter_mut().rfind(same) {
                one.taken = true;
            }
        }
        explained
    }
}

/// Whether numbers of the kind are scored by structure, check digits and the words around.
fn is_number(kind: Kind) -> bool {
    let scored_otherwise = matches!(kind, Kind::Iban | Kind::Passport | Kind::DateOfBirth);
    Cues::from(kind).is_of_numbers() && !scored_otherwise
}

fn checked(kind: Kind, normal: &str) -> Option<bool> {
    let digits = normal.as_bytes();
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    match kind {
        Kind::SaNationalId | Kind::SaIqama | Kind::AeEmiratesId | Kind::CreditCard => {
            Some(check::luhn(digits))
        }
        Kind::KwCivilId => Some(check::kuwaiti(digits)),
        Kind::EgNationalId => Some(check::egyptian(digits)),
        Kind::IrNationalCode if digits.len() == 10 => Some(check::iranian(digits)),
        _ => None,
    }
}

/// The word that the score of a finding goes by.
fn evidence(folded: &Folded, mentions: &[Mention], finding: &Finding) -> Option<Evidence> {
    let wanted = Cues::from(finding.kind);
    let said = context(folded.text(), mentions, &finding.range, wanted);
    let speaks = match said {
        Context::Silent => return None,
        Context::Positive { .. } | Context::Distant => Speaks::For,
        Context::Negative { .. } => Speaks::Against,
        Context::Other => Speaks::OtherKind,
    };
    let says_so = |mention: &&Mention| match speaks {
        Speaks::For => mention.cues.meets(wanted),
        Speaks::Against => mention.cues.meets(Cues::DECOY),
        Speaks::OtherKind => mention.cues.is_of_numbers() && !mention.cues.meets(wanted),
    };
    // A word behind a number is the less usual order.
    let distance = |mention: &&Mention| match finding.range.start.checked_sub(mention.range.end) {
        Some(before) => before,
        None => 2 * mention.range.start.saturating_sub(finding.range.end),
    };
    let nearest = mentions.iter().filter(says_so).min_by_key(distance)?;
    let in_text = nearest.range.start >= folded.body();
    Some(Evidence {
        speaks,
        range: in_text.then(|| folded.original(&nearest.range)),
        points: if is_number(finding.kind) { context_points(said) } else { 0 },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn explained(hint: &str, text: &str) -> Vec<Explanation> {
        let (mut folded, mut scratch) = (Folded::default(), Scratch::default());
        folded.refill(hint, text, &[]);
        Detector::new().unwrap().explain(&Thresholds::default(), text, &folded, &mut scratch)
    }

    fn of(kind: Kind, hint: &str, text: &str) -> Explanation {
        let found = explained(hint, text);
        found.into_iter().find(|one| one.kind == kind).unwrap()
    }

    #[test]
    fn the_word_and_the_check_digits_are_named() {
        let text = "رقم هويتي 1088888886";
        let id = of(Kind::SaNationalId, "", text);
        assert_eq!((&text[id.range.clone()], id.check, id.taken), ("1088888886", Some(true), true));
        let word = id.evidence.unwrap();
        assert_eq!((word.speaks, word.points), (Speaks::For, 40));
        let said = &text[word.range.unwrap()];
        assert!(said.contains("هوي"), "{said}");
        let asked = of(Kind::Phone, "phone: ", "551234567").evidence.unwrap();
        assert_eq!((asked.speaks, asked.range), (Speaks::For, None));
        assert_eq!(of(Kind::SaNationalId, "", "1088888886").evidence, None);
    }

    #[test]
    fn what_was_not_taken_is_told_with_its_reason() {
        let near = of(Kind::Phone, "", "جوالي 1 2 345 6 789");
        assert!(!near.taken && near.points < crate::THRESHOLD);
        let text = "طلب 0551234567";
        let order = of(Kind::Phone, "", "0551234567");
        assert!(order.taken && order.evidence.is_none());
        for one in explained("", text) {
            assert_eq!(one.evidence.map(|word| word.speaks), Some(Speaks::Against), "{text}");
        }
    }
}
