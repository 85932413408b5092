//! Keys, tokens and passwords: those with a form of their own, and what follows a word for one.

use std::collections::HashSet;
use std::ops::Range;
use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kaleem_placeholder::Kind;
use zeroize::Zeroizing;

use super::context::Mention;
use super::cue::Cues;
use super::reading::Reading;
use super::{Finding, Normal, Points};

/// `prefix class min max`, one a line: the characters behind the prefix and how many there are.
const FORMS: &str = include_str!("data/secrets.txt");
/// Words that follow a word for a password in sentences about passwords.
const PROSE: &str = include_str!("data/prose.txt");

const FORMED: Points = 92;
const NAMED: Points = 80;
const PASSWORD: Points = 70;
/// Characters of the shortest claims of a web token, `{}` among them.
const MIN_CLAIMS: usize = 3;
/// Bytes of the longest password.
const MAX_PASSWORD: usize = 64;
/// Characters of the shortest token behind a word for a key.
const MIN_TOKEN: usize = 12;

/// The prefixes of the known forms.
pub(super) fn prefixes() -> impl Iterator<Item = &'static str> {
    FORMS.lines().filter_map(|line| line.split(' ').next())
}

/// Adds the secrets of a text.
pub(super) fn find(reading: &Reading<'_>, findings: &mut Vec<Finding>) {
    for mention in reading.cues(Cues::PREFIX) {
        findings.extend(formed(reading, mention));
    }
    let named = Cues::from(Kind::Secret).with(Cues::PASSWORD);
    for mention in reading.cues(named) {
        let password = mention.cues.meets(Cues::PASSWORD);
        findings.extend(following(reading, mention, password));
    }
}

fn secret(reading: &Reading<'_>, range: Range<usize>, points: Points) -> Option<Finding> {
    let written = String::from_utf8(reading.cased(range.clone())).ok()?;
    let normal = Normal::Written(Zeroizing::new(written));
    let inside = range.start >= reading.folded.body();
    inside.then_some(Finding { kind: Kind::Secret, range, points, positive: true, normal })
}

/// Reads a secret by its prefix, which must be written in the case of the form.
fn formed(reading: &Reading<'_>, mention: &Mention) -> Option<Finding> {
    let bytes = reading.text.as_bytes();
    let start = mention.range.start;
    let glued = start.checked_sub(1).is_some_and(|at| bytes[at].is_ascii_alphanumeric());
    if glued || start < reading.folded.body() {
        return None;
    }
    let prefix = reading.cased(mention.range.clone());
    let mut parts = FORMS
        .lines()
        .find(|line| line.as_bytes().starts_with(&prefix) && line.as_bytes()[prefix.len()] == b' ')?
        .split(' ')
        .skip(1);
    let class = parts.next()?.bytes().next()?;
    let (min, max): (usize, usize) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    if class == b'p' {
        let end = pem_end(reading.text, mention.range.end, max)?;
        return Some(Finding::folded(Kind::Secret, start..end, FORMED));
    }
    let fits = |byte: &u8| match class {
        b'x' => byte.is_ascii_hexdigit(),
        b'a' | b'u' => byte.is_ascii_alphanumeric(),
        b'w' => byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'),
        b'b' => byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'+' | b'/' | b'='),
        _ => byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'='),
    };
    let from = mention.range.end;
    let len = bytes[from..].iter().take(max + 1).take_while(|byte| fits(byte)).count();
    let written = &reading.text[from..from + len];
    // What may end a sentence is only of the secret where the form is too short without it.
    let marks = len - written.trim_end_matches(['.', '-', '=']).len();
    let body = (len - marks).max(min.min(len));
    if class == b't' {
        let token = String::from_utf8(reading.cased(start..from + body)).ok()?;
        return is_web_token(&token).then(|| secret(reading, start..from + body, FORMED))?;
    }
    let dotted = class != b'j' || reading.text[from..from + body].contains('.');
    let varied = bytes[from..from + body].iter().any(u8::is_ascii_digit) || body >= 40;
    if !(min..=max).contains(&body) || !dotted || !varied {
        return None;
    }
    secret(reading, start..from + body, FORMED)
}

/// Whether a token is one of RFC 7519: parts in base64url, the first of them a JSON object that names its algorithm.
fn is_web_token(token: &str) -> bool {
    let Some((header, rest)) = token.split_once('.') else { return false };
    let header = URL_SAFE_NO_PAD.decode(header.trim_end_matches('=')).unwrap_or_default();
    let header = serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(&header);
    let named = header.is_ok_and(|header| header.get("alg").is_some_and(serde_json::Value::is_string));
    named && rest.len() >= MIN_CLAIMS
}

/// Where a PEM block ends that begins before `from`.
fn pem_end(text: &str, from: usize, max: usize) -> Option<usize> {
    let window = &text[from..text.floor_char_boundary(text.len().min(from + max))];
    if !window.lines().next()?.contains("key") && !window.lines().next()?.contains("certificate") {
        return None;
    }
    let Some(footer) = memchr::memmem::find(window.as_bytes(), b"-----end") else {
        // A block that was cut off is as secret as a whole one.
        return Some(from + window.trim_end().len());
    };
    let rest = &window[footer + 8..];
    let close = memchr::memmem::find(rest.as_bytes(), b"-----").map_or(0, |at| at + 5);
    Some(from + footer + 8 + close)
}

/// Reads what a word for a secret introduces.
fn following(reading: &Reading<'_>, mention: &Mention, password: bool) -> Option<Finding> {
    let mut lead = Lead::read(reading, mention.range.end);
    let bearer = reading.text[mention.range.clone()].contains("authorization");
    if bearer && reading.text[lead.at..].starts_with("basic ") {
        lead.at += 6;
    }
    let token = token(reading.text, lead.at);
    let written = reading.cased(token.clone());
    if written.is_empty() || written.contains(&crate::fold::OPAQUE) {
        return None;
    }
    if !password {
        return is_key(&written).then(|| secret(reading, token, NAMED))?;
    }
    is_password(&written, &lead).then(|| secret(reading, token, PASSWORD))?
}

/// What lies between a word for a secret and the secret.
struct Lead {
    /// Where the secret starts.
    at: usize,
    /// Whether something says that it is the secret: a colon, `is`, a quote.
    said: bool,
}

impl Lead {
    fn read(reading: &Reading<'_>, from: usize) -> Self {
        const FILLERS: [&str; 46] = [
            "is",
            "are",
            "was",
            "هي",
            "هو",
            "هذا",
            "هذي",
            "هذه",
            "كان",
            "كانت",
            "حقي",
            "حق",
            "حقت",
            "الموقع",
            "المتجر",
            "التطبيق",
            "الايميل",
            "تبع",
            "بتاع",
            "بتاعه",
            "مال",
            "حقتي",
            "الخاص",
            "بي",
            "من",
            "ي",
            "my",
            "the",
            "code",
            "number",
            "bearer",
            "للحساب",
            "الواي",
            "واي",
            "فاي",
            "للبطاقه",
            "البطاقه",
            "الحساب",
            "حسابي",
            "for",
            "account",
            "حسابم",
            "اكانتم",
            "كاربري",
            "سايت",
            "ايميلم",
        ];
        const SAYING: [&str; 9] = ["is", "was", "هي", "هو", "هذا", "هذي", "هذه", "كان", "كانت"];
        let mut lead = Self { at: from, said: false };
        for _ in 0..5 {
            let rest = &reading.text[lead.at..];
            let marks = rest.find(|character: char| {
                !matches!(character, ' ' | ':' | '=' | '"' | '\'' | '`' | '*' | '>' | '«' | '\n' | '\\')
            });
            let marks = marks.unwrap_or(rest.len());
            lead.said |= rest[..marks].contains([':', '=', '"', '\'', '`', '«']);
            lead.at += marks;
            let rest = &reading.text[lead.at..];
            let word = rest.find(|character: char| !character.is_alphabetic()).unwrap_or(rest.len());
            let filler = FILLERS.contains(&&rest[..word]) && rest[word..].starts_with([' ', ':', '=']);
            if !filler {
                break;
            }
            lead.said |= SAYING.contains(&&rest[..word]);
            lead.at += word;
        }
        lead
    }
}

/// The unbroken run of a secret's characters at `at`.
fn token(text: &str, at: usize) -> Range<usize> {
    let rest = &text[at..text.floor_char_boundary(text.len().min(at + 512))];
    let stop = |character: char| {
        character.is_whitespace()
            || matches!(character, '"' | '\'' | '`' | '<' | '>' | '«' | '»' | ',' | ';' | '{' | '}' | '|')
            || !character.is_ascii()
    };
    let len = rest.find(stop).unwrap_or(rest.len());
    let token = rest[..len].trim_end_matches(['.', '?', ':', ')', ']', '*']);
    at..at + token.len()
}

/// Whether a token is a key rather than a word: long, of letters and digits.
fn is_key(token: &[u8]) -> bool {
    let digits = token.iter().filter(|byte| byte.is_ascii_digit()).count();
    let letters = token.iter().filter(|byte| byte.is_ascii_alphabetic()).count();
    token.len() >= MIN_TOKEN && letters >= 2 && digits >= 2 || token.len() >= 24 && entropy(token) > 3.5
}

fn is_password(token: &[u8], lead: &Lead) -> bool {
    static WORDS: LazyLock<HashSet<&str>> = LazyLock::new(|| PROSE.lines().collect());
    if token.len() < 4 || token.len() > MAX_PASSWORD {
        return false;
    }
    let lower = token.to_ascii_lowercase();
    let prose = std::str::from_utf8(&lower).is_ok_and(|word| WORDS.contains(word));
    let mixed = token.iter().any(u8::is_ascii_digit)
        || token.iter().any(|byte| byte.is_ascii_punctuation() && !b"-'_/".contains(byte));
    let capitals = token[1..].iter().any(u8::is_ascii_uppercase) && token.iter().any(u8::is_ascii_lowercase);
    !prose && (mixed || capitals || lead.said && token.iter().all(u8::is_ascii_graphic))
}

/// Shannon entropy in bits a byte.
pub(super) fn entropy(bytes: &[u8]) -> f64 {
    let mut counts = [0_u32; 256];
    for byte in bytes {
        counts[usize::from(*byte)] += 1;
    }
    let total = bytes.len() as f64;
    let share = |count: &&u32| **count > 0;
    counts
        .iter()
        .filter(share)
        .map(|count| f64::from(*count) / total)
        .map(|share| -share * share.log2())
        .sum()
}
