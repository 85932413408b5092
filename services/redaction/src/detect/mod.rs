//! Finds personal data in a folded text: one pass over its digits, its at signs and its cues, then a score for each
//! candidate.

mod card;
mod cluster;
mod context;
mod email;
mod iban;
mod lexicon;
mod number;
mod phone;
mod saudi_id;

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::ops::Range;

use kaleem_placeholder::Kind;
use zeroize::Zeroizing;

use crate::Error;
use crate::fold::Folded;
use cluster::{Cluster, MIN_DIGITS};
use context::{Lexicon, Mention};
use lexicon::Cue;

/// A score in hundredths.
type Points = i32;

/// Points from which a finding is redacted.
const THRESHOLD: Points = 50;
/// Points from which a finding with a cue is worth a warning.
const REPORTED: Points = 35;

/// Something that may be personal data.
struct Finding {
    kind: Kind,
    /// Place in the folded text.
    range: Range<usize>,
    points: Points,
    /// Whether a cue speaks for it.
    positive: bool,
    /// The normal form of the value.
    normal: Zeroizing<String>,
}

/// A place to redact.
pub(crate) struct Span {
    pub(crate) kind: Kind,
    /// Bytes of the original text.
    pub(crate) range: Range<usize>,
    pub(crate) normal: Zeroizing<String>,
}

/// What was found in a text.
#[derive(Default)]
pub(crate) struct Findings {
    /// Disjoint, ascending.
    pub(crate) spans: Vec<Span>,
    /// Whether something with a cue scored just below the threshold.
    pub(crate) unsure: bool,
}

/// Buffers that are reused from text to text.
#[derive(Default)]
pub(crate) struct Scratch {
    cluster: Cluster,
    mentions: Vec<Mention>,
    findings: Vec<Finding>,
}

/// Recognises personal data. Built once, used by any number of threads.
pub(crate) struct Detector {
    lexicon: Lexicon,
}

impl Detector {
    /// Compiles the word lists.
    pub(crate) fn new() -> Result<Self, Error> {
        Ok(Self { lexicon: Lexicon::new()? })
    }

    /// Finds what to redact in the body of a folded text.
    pub(crate) fn detect(&self, folded: &Folded, scratch: &mut Scratch) -> Findings {
        let text = folded.text();
        let numbers = folded.digits() >= MIN_DIGITS;
        let signs = memchr::memchr(b'@', folded.bytes()).is_some();
        if !numbers && !signs && !self.lexicon.spells_at(text) {
            return Findings::default();
        }
        scratch.findings.clear();
        self.lexicon.find(text, &mut scratch.mentions);
        if numbers {
            self.find_numbers(folded, scratch);
        }
        if signs || scratch.mentions.iter().any(|mention| mention.cue == Cue::At) {
            email::find(text, &scratch.mentions, &mut scratch.findings);
        }
        scratch.findings.retain(|finding| finding.range.start >= folded.body());
        resolve(folded, &mut scratch.findings)
    }

    fn find_numbers(&self, folded: &Folded, scratch: &mut Scratch) {
        let text = folded.text();
        let Scratch { cluster, mentions, findings } = scratch;
        let mut from = folded.body();
        while let Some(next) = cluster.read(text, from) {
            for start in cluster.starts() {
                findings.extend(iban::find(text, start, mentions));
            }
            for window in cluster.windows(text.as_bytes()) {
                number::assess(&window, text, &self.lexicon, mentions, findings);
            }
            from = next;
        }
    }
}

/// Keeps the best of overlapping findings: higher score, then longer, then the order of the kinds.
fn resolve(folded: &Folded, findings: &mut Vec<Finding>) -> Findings {
    findings.sort_by_key(|finding| (Reverse(finding.points), Reverse(finding.range.len()), finding.kind));
    let mut taken: BTreeMap<usize, usize> = BTreeMap::new();
    let mut kept = Vec::new();
    let mut unsure = false;
    for finding in findings.drain(..) {
        let overlaps =
            taken.range(..finding.range.end).next_back().is_some_and(|(_, end)| *end > finding.range.start);
        if overlaps {
            continue;
        }
        if finding.points < THRESHOLD {
            unsure |= finding.positive;
            continue;
        }
        taken.insert(finding.range.start, finding.range.end);
        kept.push(Span {
            kind: finding.kind,
            range: folded.original(&finding.range),
            normal: finding.normal,
        });
    }
    kept.sort_by_key(|span| span.range.start);
    Findings { spans: kept, unsure }
}
