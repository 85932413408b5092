//! Numbers spelled digit by digit in words, such as «صفر خمسة خمسة …».

use kaleem_placeholder::Kind;
use zeroize::Zeroizing;

use super::cluster::Cluster;
use super::context::Context;
use super::cue::Cues;
use super::reading::Reading;
use super::{Finding, Normal, national, phone};

/// Digits of the shortest number that is looked for.
const MIN_DIGITS: usize = 8;
/// Digits of the longest number that is looked for.
const MAX_DIGITS: usize = 16;
/// Bytes between two digits.
const MAX_GAP: usize = 4;
/// Points of a code behind its word.
const CODE: i32 = 60;
const CUE: i32 = 40;
const DECOY: i32 = -45;

/// The spellings of each digit, folded.
const SPELLINGS: [&[&str]; 10] = [
    &["صفر", "زيرو", "zero", "oh"],
    &["واحد", "واحده", "one", "يك"],
    &["اثنين", "اتنين", "اثنان", "ثنين", "two", "دو"],
    &["ثلاثه", "ثلاث", "تلاته", "three", "سه"],
    &["اربعه", "اربع", "four", "چهار"],
    &["خمسه", "خمس", "five", "پنج"],
    &["سته", "ست", "six", "شش", "شيش"],
    &["سبعه", "سبع", "seven", "هفت"],
    &["ثمانيه", "ثمان", "ثماني", "تمانيه", "تمنيه", "eight", "هشت"],
    &["تسعه", "تسع", "nine", "نه"],
];

/// Adds the numbers that are spelled out.
pub(super) fn find(reading: &Reading<'_>, cluster: &mut Cluster, findings: &mut Vec<Finding>) {
    if !reading.present.meets(Cues::DIGIT) {
        return;
    }
    let mut digits = String::new();
    let mut range = 0..0;
    for mention in reading.cues(Cues::DIGIT) {
        let Some(digit) = digit(&reading.text[mention.range.clone()]) else { continue };
        let joined = reading.text.get(range.end..mention.range.start).is_some_and(joins);
        if !joined {
            findings.extend(number(reading, cluster, &digits, range));
            digits.clear();
            range = mention.range.clone();
        }
        digits.push(digit);
        range.end = mention.range.end;
    }
    findings.extend(number(reading, cluster, &digits, range));
}

fn digit(word: &str) -> Option<char> {
    let value = SPELLINGS.iter().position(|spellings| spellings.contains(&word))?;
    char::from_digit(u32::try_from(value).ok()?, 10)
}

/// Whether two digits with this between are of one number.
fn joins(between: &str) -> bool {
    between.len() <= MAX_GAP
        && between.chars().all(|character| matches!(character, ' ' | ',' | '-' | '.' | '\n' | 'و'))
}

fn number(
    reading: &Reading<'_>,
    cluster: &mut Cluster,
    digits: &str,
    range: std::ops::Range<usize>,
) -> Option<Finding> {
    if range.start < reading.folded.body() {
        return None;
    }
    if digits.len() < MIN_DIGITS
        && let Some(kind) = code(reading, digits.len(), &range)
    {
        let normal = Normal::Written(Zeroizing::new(digits.to_owned()));
        return Some(Finding { kind, range, points: CODE, positive: true, normal });
    }
    if !(MIN_DIGITS..=MAX_DIGITS).contains(&digits.len()) {
        return None;
    }
    cluster.read(digits, 0)?;
    let window = cluster.windows(digits.as_bytes(), MIN_DIGITS).next()?;
    let proposals =
        [phone::propose(&window), (digits.len() == 10).then(|| national::saudi(&window)).flatten()];
    let best = proposals.into_iter().flatten().filter_map(|proposal| {
        let context = match reading.context(&range, proposal.kind) {
            Context::Positive { .. } | Context::Distant => CUE,
            Context::Negative { .. } => DECOY,
            Context::Silent | Context::Other => 0,
        };
        (proposal.kind != Kind::Phone || proposal.base + context >= 50)
            .then_some((proposal.base + context, proposal))
    });
    let (points, proposal) = best.max_by_key(|(points, _)| *points)?;
    let normal = Zeroizing::new((proposal.normal)(digits.as_bytes()));
    Some(Finding { kind: proposal.kind, range, points, positive: true, normal: Normal::Written(normal) })
}

/// What a code of some digits is, if a word right before or behind says so.
fn code(reading: &Reading<'_>, digits: usize, range: &std::ops::Range<usize>) -> Option<Kind> {
    const CODES: [(Kind, std::ops::RangeInclusive<usize>); 2] = [(Kind::CardCvv, 3..=4), (Kind::Otp, 4..=8)];
    let named = |kind: Kind| matches!(reading.context(range, kind), Context::Positive { words: 0 });
    CODES.into_iter().find(|(kind, lengths)| lengths.contains(&digits) && named(*kind)).map(|(kind, _)| kind)
}
