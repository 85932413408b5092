//! Candidates of a model as places of the texts, and how they come among what the engine found.

use std::{collections::HashMap, fmt, ops::Range};

use kaleem_pii::{
    Findings, Points, Span, THRESHOLD, Thresholds,
    fold::{Folded, marks_len},
};
use kaleem_placeholder::Kind;
use zeroize::Zeroizing;

use super::{Candidate, Failure};

/// Code points of the longest name.
const CHARS_MAX: usize = 100;
/// Candidates of one text; more than any text has names.
const CANDIDATES_MAX: usize = 1_000;

/// A name that a model saw.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Sighting {
    /// Bytes of the text.
    range: Range<usize>,
    points: Points,
}

/// What a model takes for names, by the text that it stands in. Holds texts, so it is never formatted.
#[derive(Clone, Default)]
pub(crate) struct Names(HashMap<String, Vec<Sighting>>);

impl fmt::Debug for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Names({} texts)", self.0.len())
    }
}

impl Names {
    /// The places of `candidates` in `texts`.
    ///
    /// A model one of whose places lies outside of its text, or holds other words than it says, counts in other units than code
    /// points, so that nothing of its answer is used: [`Failure::Implausible`].
    pub(super) fn checked(texts: Vec<String>, candidates: Vec<Vec<Candidate>>) -> Result<Self, Failure> {
        if texts.len() != candidates.len() {
            return Err(Failure::Implausible);
        }
        let mut names = HashMap::new();
        for (text, candidates) in texts.into_iter().zip(candidates) {
            if candidates.is_empty() {
                continue;
            }
            if candidates.len() > CANDIDATES_MAX {
                return Err(Failure::Implausible);
            }
            let borders: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
            let sightings = candidates.iter().map(|candidate| sighting(&text, &borders, candidate));
            let sightings = sightings.collect::<Result<Vec<_>, _>>()?;
            names.insert(text, disjoint(sightings));
        }
        Ok(Self(names))
    }

    /// Adds the names of `text` to what the engine found there, which stays as it is; both stay disjoint and ascending. What lies
    /// in an `opaque` place is none.
    pub(crate) fn add(
        &self,
        text: &str,
        opaque: &[Range<usize>],
        (thresholds, folded): (&Thresholds, &Folded),
        findings: &mut Findings,
    ) {
        let Some(sightings) = self.0.get(text) else { return };
        let Findings { spans, unsure } = findings;
        let found = spans.len();
        for Sighting { range, points } in sightings {
            let taken = spans[..found].iter().map(|span| &span.range).chain(opaque);
            let normal = folded.folded(range).and_then(|range| folded.text().get(range));
            let Some(normal) = normal.filter(|_| taken.into_iter().all(|taken| !overlap(taken, range)))
            else {
                continue;
            };
            if *points < thresholds.of(Kind::Person) {
                *unsure |= *points >= THRESHOLD;
                continue;
            }
            let normal = Zeroizing::new(normal.to_owned());
            spans.push(Span { kind: Kind::Person, range: range.clone(), points: *points, normal });
        }
        let added = spans.len() - found;
        if added > 0 {
            metrics::counter!("kaleem_redaction_name_model_names_total").increment(added as u64);
            spans.sort_by_key(|span| span.range.start);
        }
    }
}

fn overlap(one: &Range<usize>, other: &Range<usize>) -> bool {
    one.start < other.end && other.start < one.end
}

/// The place of a candidate in a text whose code points begin and end at `borders`.
fn sighting(text: &str, borders: &[usize], candidate: &Candidate) -> Result<Sighting, Failure> {
    let Candidate { start, end, text: said, score } = candidate;
    let plausible = start < end && end - start <= CHARS_MAX && (0.0..=1.0).contains(score);
    let place = borders.get(*start).zip(borders.get(*end)).filter(|_| plausible);
    let (from, to) = place.ok_or(Failure::Implausible)?;
    if said.as_deref().is_some_and(|said| said != &text[*from..*to]) {
        return Err(Failure::Implausible);
    }
    // What only changes its last character goes with it.
    Ok(Sighting { range: *from..*to + marks_len(&text[*to..]), points: points(*score) })
}

/// Hundredths, rounded down.
fn points(score: f64) -> Points {
    (0..=100).rev().find(|points| f64::from(*points) <= score * 100.0).unwrap_or(0)
}

/// The best of overlapping sightings: higher score, then longer, then earlier.
fn disjoint(mut sightings: Vec<Sighting>) -> Vec<Sighting> {
    sightings.sort_by_key(|one| (std::cmp::Reverse((one.points, one.range.len())), one.range.start));
    let mut kept: Vec<Sighting> = Vec::with_capacity(sightings.len());
    for sighting in sightings {
        if !kept.iter().any(|better| overlap(&better.range, &sighting.range)) {
            kept.push(sighting);
        }
    }
    kept.sort_by_key(|one| one.range.start);
    kept
}
