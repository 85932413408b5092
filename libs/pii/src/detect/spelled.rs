//! Numbers that are not all written in digits: spelled digit by digit, such as «صفر خمسة خمسة …» and `double five`, with
//! letters for digits, and mixed with plain digits.

use std::ops::Range;

use zeroize::Zeroizing;

use super::cluster::Cluster;
use super::context::{Context, Mention};
use super::cue::Cues;
use super::number::{Need, context_points, proposals};
use super::reading::Reading;
use super::{Finding, Normal, Points, REPORTED};

/// Digits of the shortest number that is looked for.
const MIN_DIGITS: usize = 3;
/// Digits of the longest number that is looked for.
const MAX_DIGITS: usize = 26;
/// Digits of the shortest number in which letters stand for some of them.
const MIN_LETTERED: usize = 7;
/// Bytes between two digits.
const MAX_GAP: usize = 4;
/// Points that a number loses in which letters stand for digits: it may be a code of letters and digits.
const LETTERED: Points = -20;

/// The spellings of each digit, folded.
const SPELLINGS: [&[&str]; 10] = [
    &["صفر", "زيرو", "سفر", "zero", "oh", "sifr", "sefr"],
    &["واحد", "واحده", "وحده", "one", "يك", "wahed", "wa7ed"],
    &["اثنين", "اتنين", "اثنان", "ثنين", "تنين", "two", "دو", "etnein", "etnen", "ethnain"],
    &["ثلاثه", "ثلاث", "تلاته", "تلات", "three", "سه", "talata", "tlata", "thalatha"],
    &["اربعه", "اربع", "four", "چهار", "arba3a", "arbaa"],
    &["خمسه", "خمس", "five", "پنج", "khamsa"],
    &["سته", "ست", "six", "شش", "شيش", "setta", "sitta"],
    &["سبعه", "سبع", "seven", "هفت", "sab3a", "sabaa"],
    &["ثمانيه", "ثمان", "ثماني", "تمانيه", "تمنيه", "تمن", "eight", "هشت", "tamanya", "tamania", "thamanya"],
    &["تسعه", "تسع", "nine", "نه", "tes3a", "tis3a", "tesaa"],
];
/// The spellings of longer numbers, folded: those that a number of fewer digits may follow, and the teens.
const NUMBERS: [(u32, &[&str]); 27] = [
    (10, &["ده", "عشره"]),
    (11, &["يازده"]),
    (12, &["دوازده"]),
    (13, &["سيزده"]),
    (14, &["چهارده"]),
    (15, &["پانزده", "پونزده"]),
    (16, &["شانزده", "شونزده"]),
    (17, &["هفده"]),
    (18, &["هجده", "هيجده"]),
    (19, &["نوزده"]),
    (20, &["بيست", "عشرين"]),
    (30, &["سي", "ثلاثين", "تلاتين"]),
    (40, &["چهل", "اربعين"]),
    (50, &["پنجاه", "خمسين"]),
    (60, &["شصت", "ستين"]),
    (70, &["هفتاد", "سبعين"]),
    (80, &["هشتاد", "ثمانين", "تمانين"]),
    (90, &["نود", "تسعين"]),
    (100, &["صد", "يكصد"]),
    (200, &["دويست"]),
    (300, &["سيصد"]),
    (400, &["چهارصد"]),
    (500, &["پانصد", "پونصد"]),
    (600, &["ششصد", "شيشصد"]),
    (700, &["هفتصد"]),
    (800, &["هشتصد"]),
    (900, &["نهصد"]),
];
/// Words by which a number goes on behind a pause, folded.
const THEN: [&str; 6] = ["وبعدين", "وبعدها", "بعدين", "بعدها", "ثم", "then"];
/// How often the digit behind a word is meant.
const REPEATED: [(&str, usize); 7] =
    [("double", 2), ("دبل", 2), ("دوبل", 2), ("triple", 3), ("treble", 3), ("تربل", 3), ("تريبل", 3)];

/// Digits that are not all written as digits, as they are put together.
#[derive(Default)]
struct Spelled {
    digits: Zeroizing<String>,
    range: Range<usize>,
    /// How many of them are words.
    words: usize,
}

/// Adds the numbers that are spelled out, all of them or in part.
pub(super) fn find(reading: &Reading<'_>, cluster: &mut Cluster, findings: &mut Vec<Finding>) {
    let mut done = reading.folded.body();
    let bytes = reading.text.as_bytes();
    let mut mentions = reading.cues(Cues::DIGIT).peekable();
    while let Some(mention) = mentions.next() {
        let end = mention.range.end;
        let near = |next: &&Mention| next.range.start - end <= 2 * MAX_GAP;
        // Most words for digits are quantities.
        let goes_on = mentions.peek().is_some_and(near)
            || bytes.get(end + joint(&reading.text[end..])).is_some_and(u8::is_ascii_digit);
        if mention.range.start < done || !goes_on {
            continue;
        }
        let spelled = Spelled::read(reading, done, mention.range.start);
        done = done.max(spelled.range.end);
        // `one 0551234567` is one of what the number is of.
        if spelled.words > 1 {
            findings.extend(spelled.number(reading, cluster, 0));
        }
    }
}

/// Whether a letter that looks like a digit touches the digits of a range.
pub(super) fn is_lettered(bytes: &[u8], range: &Range<usize>) -> bool {
    let alike = |at: Option<usize>| at.and_then(|at| bytes.get(at)).is_some_and(|byte| is_alike(*byte));
    alike(range.start.checked_sub(1)) || alike(Some(range.end))
}

/// The number around `at` in which letters stand for digits, as in `o5o 123 456l`.
pub(super) fn lettered(reading: &Reading<'_>, at: usize) -> Option<Finding> {
    let bytes = reading.text.as_bytes();
    let is_part = |byte: &u8| byte.is_ascii_digit() || is_alike(*byte);
    let head = &bytes[reading.folded.body()..at];
    let start = at - head.iter().rev().take(MAX_DIGITS).take_while(|byte| is_part(byte)).count();
    let mut spelled = Spelled { range: start..start, ..Spelled::default() };
    let mut next = start;
    loop {
        let len = bytes[next..].iter().take(MAX_DIGITS).take_while(|byte| is_part(byte)).count();
        let token = &bytes[next..next + len];
        let whole = !bytes.get(next + len).is_some_and(u8::is_ascii_alphabetic);
        if !whole || !token.iter().any(u8::is_ascii_digit) && token.iter().any(|byte| *byte != b'o') {
            break;
        }
        spelled.digits.extend(token.iter().map(|byte| digit_like(*byte)));
        spelled.words += token.iter().filter(|byte| is_alike(**byte)).count();
        spelled.range.end = next + len;
        let gap = bytes[next + len..].iter().take(MAX_GAP).take_while(|byte| b" -.".contains(byte)).count();
        next += len + gap;
        if !(1..MAX_GAP).contains(&gap) || !bytes.get(next).is_some_and(is_part) {
            break;
        }
    }
    let begins = !start.checked_sub(1).is_some_and(|before| bytes[before].is_ascii_alphanumeric());
    let plausible = spelled.digits.len() >= MIN_LETTERED && spelled.words * 2 <= spelled.digits.len();
    (begins && plausible && spelled.words > 0)
        .then(|| spelled.number(reading, &mut Cluster::default(), LETTERED))?
}

const fn is_alike(byte: u8) -> bool {
    matches!(byte, b'o' | b'l' | b'i')
}

fn digit_like(byte: u8) -> char {
    match byte {
        b'o' => '0',
        b'l' | b'i' => '1',
        digit => char::from(digit),
    }
}

/// Writes a number below a thousand, and gives how many digits it has.
fn written(number: u32, digits: &mut [u8; 3]) -> usize {
    let len = 1 + usize::from(number >= 10) + usize::from(number >= 100);
    let place = |power: u32| b'0' + u8::try_from(number / 10_u32.pow(power) % 10).unwrap_or_default();
    (0..).zip(digits[..len].iter_mut().rev()).for_each(|(power, digit)| *digit = place(power));
    len
}

/// The value of a word for a number below a thousand.
fn value(word: &str) -> Option<u32> {
    let digit = SPELLINGS.iter().position(|spellings| spellings.contains(&word));
    let longer = || NUMBERS.iter().find(|(_, spellings)| spellings.contains(&word)).map(|(value, _)| *value);
    digit.and_then(|digit| u32::try_from(digit).ok()).or_else(longer)
}

/// The value of the word for a number that starts at `at`, and where it ends.
fn word_at(reading: &Reading<'_>, at: usize) -> Option<(u32, usize)> {
    let mention = reading.mentions_in(&(at..at + 1)).first()?;
    let word = mention.cues.meets(Cues::DIGIT).then(|| &reading.text[mention.range.clone()])?;
    Some((value(word)?, mention.range.end))
}

/// The number that starts at `at` with those that «و» joins to it, such as «سیصد و هفتاد و سه» and «خمسة وعشرين».
fn number_at(reading: &Reading<'_>, at: usize) -> Option<(u32, usize)> {
    let (mut sum, mut end) = word_at(reading, at)?;
    let mut last = sum;
    while let Some((next, behind)) = and_behind(reading, end) {
        // Smaller by a digit at least, or in Arabic the tens behind a digit.
        let smaller = match last {
            100.. => next < 100,
            20.. => (1..10).contains(&next),
            1..10 => sum == last && (20..100).contains(&next),
            _ => false,
        };
        if !smaller {
            break;
        }
        (sum, last, end) = (sum + next, if last < 10 { 0 } else { next }, behind);
    }
    Some((sum, end))
}

/// The length of a word by which a number goes on, with the gap behind it.
fn then_len(rest: &str) -> usize {
    let behind = THEN.iter().find_map(|word| rest.strip_prefix(word)).filter(|rest| rest.starts_with(' '));
    behind.map_or(0, |behind| rest.len() - behind.len() + joint(behind))
}

/// The word for a number that «و» joins to what ends at `end`.
fn and_behind(reading: &Reading<'_>, end: usize) -> Option<(u32, usize)> {
    let and = end + spaces(&reading.text[end..]);
    let rest = reading.text[and..].strip_prefix('و')?;
    word_at(reading, reading.text.len() - rest.len() + spaces(rest))
}

fn spaces(text: &str) -> usize {
    usize::from(text.starts_with(' '))
}

/// The bytes between two digits at the start, if those are of one number.
fn joint(rest: &str) -> usize {
    rest.bytes().take(MAX_GAP).take_while(|byte| b" ,-./\n".contains(byte)).count()
}

impl Spelled {
    /// Reads the number that goes on at `at`, with the digits before it from `from` on.
    fn read(reading: &Reading<'_>, from: usize, at: usize) -> Self {
        let start = first_digits(reading.text, from, at);
        let mut spelled = Self { range: start..start, ..Self::default() };
        let mut next = start;
        let mut and = next;
        // The word for `one` begins as `and` does.
        while let Some(end) = spelled.step(reading, next).or_else(|| spelled.step(reading, and)) {
            spelled.range.end = end;
            let gap = joint(&reading.text[end..]);
            if gap >= MAX_GAP || spelled.digits.len() > MAX_DIGITS {
                break;
            }
            next = end + gap;
            next += then_len(&reading.text[next..]);
            and = reading.text[next..].strip_prefix('و').map_or(next, |rest| next + 2 + joint(rest));
        }
        spelled
    }

    /// Takes in the digit, the digits or the word for one at `at`, and gives where they end.
    fn step(&mut self, reading: &Reading<'_>, at: usize) -> Option<usize> {
        let rest = &reading.text[at..];
        let repeated = REPEATED.iter().find(|(word, _)| rest.starts_with(word));
        if let Some((word, times)) = repeated {
            let next = at + word.len() + joint(&rest[word.len()..]);
            let end = self.step(reading, next)?;
            let last = self.digits.chars().next_back()?;
            self.digits.extend(std::iter::repeat_n(last, times - 1));
            self.words += 1;
            return Some(end);
        }
        let plain = rest.bytes().take_while(u8::is_ascii_digit).count();
        if let Some((number, end)) = number_at(reading, at) {
            let mut digits = Zeroizing::new([0; 3]);
            let len = written(number, &mut digits);
            self.digits.extend(digits[..len].iter().copied().map(char::from));
            self.words += 1;
            return Some(end);
        }
        // `3ashan` is a word.
        let number = plain > 0 && !rest[plain..].starts_with(|next: char| next.is_ascii_alphabetic());
        self.digits.push_str(if number { &rest[..plain] } else { "" });
        number.then_some(at + plain)
    }

    /// What the number is, as far as the words around tell.
    fn number(&self, reading: &Reading<'_>, cluster: &mut Cluster, written: Points) -> Option<Finding> {
        let digits = self.digits.as_str();
        if !(MIN_DIGITS..=MAX_DIGITS).contains(&digits.len()) || self.range.start < reading.folded.body() {
            return None;
        }
        cluster.read(digits, 0)?;
        let window = cluster.windows(digits.as_bytes(), digits.len()).next()?;
        let rated = proposals(&window, reading.present).filter_map(|proposal| {
            let context = reading.context(&self.range, proposal.kind);
            let points = proposal.base + context_points(context) + written;
            let met = match context {
                // Three words for digits are a quantity each as often.
                Context::Positive { words } if digits.len() < MIN_LETTERED => words == 0,
                Context::Positive { .. } => true,
                _ => proposal.need == Need::Nothing,
            };
            (met && points >= REPORTED).then_some((points, proposal))
        });
        let (points, proposal) = rated.max_by_key(|(points, _)| *points)?;
        let normal = Normal::Written(Zeroizing::new((proposal.normal)(digits.as_bytes())));
        Some(Finding { kind: proposal.kind, range: self.range.clone(), points, positive: true, normal })
    }
}

/// Where the digits and the words that repeat one start right before `at`.
fn first_digits(text: &str, from: usize, at: usize) -> usize {
    let mut start = at;
    loop {
        let head = &text[from..start];
        let trimmed = head.trim_end_matches([' ', '-', '.', ',']);
        let digits = trimmed.bytes().rev().take_while(u8::is_ascii_digit).count();
        let word =
            REPEATED.iter().find(|(word, _)| trimmed.ends_with(word)).map_or(0, |(word, _)| word.len());
        let glued = trimmed[..trimmed.len() - digits]
            .bytes()
            .next_back()
            .is_some_and(|byte| byte.is_ascii_alphabetic());
        let len = if glued && word == 0 { 0 } else { digits.max(word) };
        if len == 0 || head.len() - trimmed.len() >= MAX_GAP {
            return start;
        }
        start = from + trimmed.len() - len;
    }
}
