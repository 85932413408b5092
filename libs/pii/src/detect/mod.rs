//! Finds personal data in a folded text: one pass over its cues, one over its digits, then a score for each candidate.

mod address;
mod affixes;
mod between;
mod birth;
mod business;
mod card;
mod card_details;
mod check;
mod cluster;
mod codes;
mod context;
mod cue;
mod date;
mod email;
mod explain;
mod iban;
mod letters;
mod lexicon;
mod marks;
mod names;
mod national;
mod network;
mod number;
mod person;
mod phone;
mod reading;
mod resolve;
mod secret;
mod spelled;
mod table;
mod token;
mod trie;
mod url;
mod wallet;

use std::ops::Range;

use kaleem_placeholder::Kind;
use zeroize::Zeroizing;

use crate::fold::{Folded, OPAQUE};
use crate::{Error, Thresholds};
use cluster::{Cluster, MAX_DIGITS};
use context::Mention;
use cue::Cues;
use lexicon::Lexicon;
use marks::Marks;
use names::Names;
use number::Judge;
use reading::Reading;
use resolve::{Covered, resolve};

pub use explain::{Evidence, Explanation, Speaks};

/// A score in hundredths.
pub type Points = i32;

/// Points from which a finding is redacted.
pub const THRESHOLD: Points = 50;
/// Points from which a finding with a cue is worth a warning; what scores less is not kept.
pub const REPORTED: Points = 35;

/// Something that may be personal data.
struct Finding {
    kind: Kind,
    /// Place in the folded text.
    range: Range<usize>,
    points: Points,
    /// Whether a cue speaks for it.
    positive: bool,
    normal: Normal,
}

/// The normal form of a value. Most findings lose against a better one, so that it is only written for those that are kept.
enum Normal {
    /// The folded text.
    Folded,
    /// What the function makes of the digits in the folded text.
    Digits(fn(&[u8]) -> String),
    /// Written already.
    Written(Zeroizing<String>),
}

impl Finding {
    /// What a word or its own form speaks for; the folded text is its normal form.
    fn folded(kind: Kind, range: Range<usize>, points: Points) -> Self {
        Self { kind, range, points, positive: true, normal: Normal::Folded }
    }

    /// The normal form of the value, in the folded text in which it was found.
    fn normal(&self, text: &str) -> Zeroizing<String> {
        match &self.normal {
            Normal::Folded => Zeroizing::new(text[self.range.clone()].to_owned()),
            Normal::Digits(write) => self.digits(text, *write),
            Normal::Written(normal) => normal.clone(),
        }
    }

    /// The same for the last time: what is written already is handed over.
    fn take_normal(&mut self, text: &str) -> Zeroizing<String> {
        match &mut self.normal {
            Normal::Written(normal) => std::mem::take(normal),
            Normal::Folded | Normal::Digits(_) => self.normal(text),
        }
    }

    fn digits(&self, text: &str, write: fn(&[u8]) -> String) -> Zeroizing<String> {
        let mut digits = Zeroizing::new([0; MAX_DIGITS]);
        let read = text[self.range.clone()].bytes().filter(u8::is_ascii_digit);
        let len = digits.iter_mut().zip(read).map(|(digit, read)| *digit = read).count();
        Zeroizing::new(write(&digits[..len]))
    }
}

/// A place to redact.
pub struct Span {
    /// What it is.
    pub kind: Kind,
    /// Bytes of the original text, on borders of code points.
    pub range: Range<usize>,
    /// How certain it is, 50 to 100.
    pub points: Points,
    /// The normal form of the value: the same for all its spellings.
    pub normal: Zeroizing<String>,
}

/// What was found in a text.
#[derive(Default)]
pub struct Findings {
    /// Disjoint, ascending.
    pub spans: Vec<Span>,
    /// Whether something scored below its threshold that has a cue, or that the usual threshold would have taken.
    pub unsure: bool,
}

/// Buffers that are reused from text to text.
#[derive(Default)]
pub struct Scratch {
    folded: Folded,
    cluster: Cluster,
    /// At signs, plain and spelled out.
    signs: Vec<Range<usize>>,
    mentions: Vec<Mention>,
    /// Given names.
    given: Vec<Range<usize>>,
    findings: Vec<Finding>,
    covered: Covered,
}

/// Recognises personal data. Built once, used by any number of threads.
pub struct Detector {
    lexicon: Lexicon,
    names: Names,
}

impl Detector {
    /// Compiles the word lists.
    ///
    /// Errors: [`Error::Lexicon`].
    pub fn new() -> Result<Self, Error> {
        Ok(Self { lexicon: Lexicon::new()?, names: Names::new() })
    }

    /// Finds the personal data of a text.
    pub fn scan(&self, text: &str, scratch: &mut Scratch) -> Findings {
        self.scan_above(THRESHOLD, text, scratch)
    }

    /// Finds the personal data of a text that scores at least `threshold`, from [`REPORTED`] to 100.
    pub fn scan_above(&self, threshold: Points, text: &str, scratch: &mut Scratch) -> Findings {
        let mut folded = std::mem::take(&mut scratch.folded);
        folded.refill("", text, &[]);
        self.collect(text, &folded, scratch);
        let Scratch { findings, covered, .. } = scratch;
        let findings = resolve(text, &folded, &Thresholds::all(threshold), findings, covered);
        scratch.folded = folded;
        findings
    }

    /// Finds what to redact in the body of a folded text; `original` is that body as it was written.
    pub fn detect(&self, original: &str, folded: &Folded, scratch: &mut Scratch) -> Findings {
        self.detect_above(&Thresholds::default(), original, folded, scratch)
    }

    /// Finds what to redact as [`Detector::detect`] does, with a threshold for each kind.
    pub fn detect_above(
        &self,
        thresholds: &Thresholds,
        original: &str,
        folded: &Folded,
        scratch: &mut Scratch,
    ) -> Findings {
        self.collect(original, folded, scratch);
        resolve(original, folded, thresholds, &mut scratch.findings, &mut scratch.covered)
    }

    /// Collects everything that may be personal data, overlapping and in no order.
    fn collect(&self, original: &str, folded: &Folded, scratch: &mut Scratch) {
        let text = folded.text();
        let Scratch { cluster, signs, mentions, given, findings, .. } = scratch;
        let present = self.lexicon.find(text, mentions, given);
        let marks = Marks::of(text.as_bytes());
        if marks.have([b'\n']) {
            table::spread(text, mentions);
        }
        let reading = Reading { folded, text, original, mentions, given, present, marks };
        findings.clear();
        self.find_numbers(&reading, cluster, findings);
        at_signs(&reading, signs);
        email::find(text, signs, mentions, findings);
        card_details::find(&reading, &self.lexicon, cluster, findings);
        for (cues, find) in CUED {
            if present.meets(cues) {
                find(&reading, findings);
            }
        }
        spelled::find(&reading, cluster, findings);
        url::find(&reading, findings);
        wallet::find(&reading, findings);
        network::find_hex(&reading, findings);
        address::find_coordinates(&reading, findings);
        person::find(&reading, &self.names, findings);
        // A placeholder inside another one would not be restored.
        let readable = |range: &Range<usize>| !text.as_bytes()[range.clone()].contains(&OPAQUE);
        findings.retain(|finding| finding.range.start >= folded.body() && readable(&finding.range));
    }

    /// Adds what the digits of a text may be.
    fn find_numbers(&self, reading: &Reading<'_>, cluster: &mut Cluster, findings: &mut Vec<Finding>) {
        let (text, bytes) = (reading.text, reading.text.as_bytes());
        let (mut from, mut seen) = (reading.folded.body(), 0);
        while let Some(next) = cluster.read(text, from) {
            let may_be_iban = cluster.starts().any(|start| iban::may_start(bytes, start));
            if may_be_iban {
                findings
                    .extend(cluster.starts().filter_map(|start| iban::find(text, start, reading.mentions)));
            }
            network::find_v4(reading, cluster, findings);
            if spelled::is_lettered(bytes, &cluster.range()) {
                findings.extend(spelled::lettered(reading, cluster.range().start));
            }
            let judge = Judge::near(reading, &self.lexicon, &mut seen, &cluster.range());
            if cluster.digits() >= judge.min {
                for window in cluster.windows(bytes, judge.min) {
                    judge.assess(&window, findings);
                }
            }
            from = next;
        }
    }
}

/// Adds what it finds in a text.
type Find = fn(&Reading<'_>, &mut Vec<Finding>);

/// What looks around words for it alone, with these words.
const CUED: [(Cues, Find); 6] = [
    (Cues::of(&[Kind::Passport, Kind::SaShortAddress]), letters::find),
    (Cues::of(&[Kind::DateOfBirth]), birth::find),
    (Cues::of(&[Kind::Secret]).with(Cues::PREFIX).with(Cues::PASSWORD), secret::find),
    (Cues::of(&[Kind::CryptoWallet]), wallet::find_broken),
    (Cues::of(&[Kind::MacAddress]), network::find_bare_mac),
    (Cues::of(&[Kind::Address]).with(Cues::PLACE), address::find),
];

/// Finds the at signs of a text, first the plain ones, then those spelled out.
fn at_signs(reading: &Reading<'_>, signs: &mut Vec<Range<usize>>) {
    signs.clear();
    if reading.marks.have([b'@']) {
        signs.extend(memchr::memchr_iter(b'@', reading.text.as_bytes()).map(|at| at..at + 1));
    }
    signs.extend(reading.cues(Cues::AT).map(|mention| mention.range.clone()));
}
