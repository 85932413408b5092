//! Expiry dates and security codes right behind a card, where they need no word of their own.

use kaleem_placeholder::Kind;

use super::cluster::Cluster;
use super::codes::is_expiry;
use super::lexicon::Lexicon;
use super::reading::Reading;
use super::{Finding, THRESHOLD};

/// Characters behind a card in which its details stand.
const REACH: usize = 40;
/// Characters of the longest expiry date, spaced out.
const DATE_CHARS: usize = 16;
/// Characters between an expiry date and the code behind it.
const CODE_REACH: usize = 24;
const EXPIRY: i32 = 70;
const CODE: i32 = 65;

/// Adds the details behind the cards that were found.
pub(super) fn find(
    reading: &Reading<'_>,
    lexicon: &Lexicon,
    cluster: &mut Cluster,
    findings: &mut Vec<Finding>,
) {
    let is_card = |finding: &&Finding| finding.kind == Kind::CreditCard && finding.points >= THRESHOLD;
    let ends: Vec<usize> = findings.iter().filter(is_card).map(|finding| finding.range.end).collect();
    for end in ends {
        let Some(expiry) = expiry_behind(reading, cluster, end) else { continue };
        let code = code_behind(reading, lexicon, expiry.range.end);
        findings.push(expiry);
        findings.extend(code);
    }
}

fn expiry_behind(reading: &Reading<'_>, cluster: &mut Cluster, end: usize) -> Option<Finding> {
    let limit = end + reading.ahead(end, REACH).len();
    // Only as far as an expiry date that begins in reach: a list of cards is one long cluster.
    let text = &reading.text[..end + reading.ahead(end, REACH + DATE_CHARS).len()];
    cluster.read(text, end)?;
    let window = cluster
        .windows(text.as_bytes(), 4)
        .find(|window| window.groups.len() == 2 && is_expiry(window) && has_slash(reading, window.range()))?;
    let range = window.range();
    (range.end <= limit).then(|| Finding::folded(Kind::CardExpiry, range, EXPIRY))
}

fn has_slash(reading: &Reading<'_>, range: std::ops::Range<usize>) -> bool {
    reading.text[range].bytes().any(|byte| matches!(byte, b'/' | b'-' | b'\\' | b'|'))
}

/// Three or four digits that follow without a letter between, or with a word for a code.
fn code_behind(reading: &Reading<'_>, lexicon: &Lexicon, end: usize) -> Option<Finding> {
    const WORDS: [&str; 8] = ["رمز", "كود", "سري", "امان", "code", "cv", "csc", "pin"];
    let ahead = reading.ahead(end, CODE_REACH);
    let start = end + ahead.find(|character: char| character.is_ascii_digit())?;
    let between = &reading.text[end..start];
    let len = reading.text[start..].bytes().take_while(u8::is_ascii_digit).count();
    let named = !between.contains(char::is_alphabetic) || WORDS.iter().any(|word| between.contains(word));
    let amount = lexicon.unit_at(reading.text, start + len);
    ((3..=4).contains(&len) && !between.is_empty() && named && !amount)
        .then(|| Finding::folded(Kind::CardCvv, start..start + len, CODE))
}
