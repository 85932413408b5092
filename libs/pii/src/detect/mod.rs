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
pub struct Span {
    /// What it is.
    pub kind: Kind,
    /// Bytes of the original text.
    pub range: Range<usize>,
    /// The normal form of the value: the same for all its spellings.
    pub normal: Zeroizing<String>,
}

/// What was found in a text.
#[derive(Default)]
pub struct Findings {
    /// Disjoint, ascending.
    pub spans: Vec<Span>,
    /// Whether something with a cue scored just below the threshold.
    pub unsure: bool,
}

/// Buffers that are reused from text to text.
#[derive(Default)]
pub struct Scratch {
    cluster: Cluster,
    /// Where the digit clusters start that are worth a second look.
    clusters: Vec<usize>,
    /// At signs, plain and spelled out.
    signs: Vec<Range<usize>>,
    /// Everything around which cues matter.
    places: Vec<Range<usize>>,
    mentions: Vec<Mention>,
    findings: Vec<Finding>,
}

/// Recognises personal data. Built once, used by any number of threads.
pub struct Detector {
    lexicon: Lexicon,
}

impl Detector {
    /// Compiles the word lists.
    pub fn new() -> Result<Self, Error> {
        Ok(Self { lexicon: Lexicon::new()? })
    }

    /// Finds what to redact in the body of a folded text.
    pub fn detect(&self, folded: &Folded, scratch: &mut Scratch) -> Findings {
        let text = folded.text();
        scratch.locate(folded, &self.lexicon);
        if scratch.places.is_empty() {
            return Findings::default();
        }
        let Scratch { cluster, clusters, signs, places, mentions, findings } = scratch;
        self.lexicon.find(text, places, mentions);
        findings.clear();
        for from in clusters.iter() {
            cluster.read(text, *from);
            findings.extend(cluster.starts().filter_map(|start| iban::find(text, start, mentions)));
            for window in cluster.windows(text.as_bytes()) {
                number::assess(&window, text, &self.lexicon, mentions, findings);
            }
        }
        email::find(text, signs, mentions, findings);
        findings.retain(|finding| finding.range.start >= folded.body());
        resolve(folded, findings)
    }
}

impl Scratch {
    /// Finds the places of a text at which something may be: most texts have none.
    fn locate(&mut self, folded: &Folded, lexicon: &Lexicon) {
        let (text, bytes) = (folded.text(), folded.bytes());
        self.clusters.clear();
        self.places.clear();
        self.signs.clear();
        self.signs.extend(at_signs(text, lexicon));
        self.places.extend(self.signs.iter().cloned());
        if folded.digits() < MIN_DIGITS {
            return;
        }
        let mut from = folded.body();
        while let Some(next) = self.cluster.read(text, from) {
            let mut starts = self.cluster.starts();
            if self.cluster.digits() >= MIN_DIGITS || starts.any(|start| iban::may_start(bytes, start)) {
                self.clusters.push(from);
                self.places.push(self.cluster.start()..next);
            }
            from = next;
        }
    }
}

/// Finds the at signs of a text, first the plain ones, then those spelled out.
fn at_signs(text: &str, lexicon: &Lexicon) -> impl Iterator<Item = Range<usize>> {
    let plain = memchr::memchr_iter(b'@', text.as_bytes()).map(|at| at..at + 1);
    plain.chain(lexicon.spelled_at_signs(text))
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
