//! Keys, tokens and passwords: those with a form of their own, and what follows a word for one.

mod lead;

use std::ops::Range;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kaleem_placeholder::Kind;
use zeroize::Zeroizing;

use super::context::Mention;
use super::cue::Cues;
use super::reading::Reading;
use super::token::{self, Ends};
use super::{Finding, Normal, Points};
use lead::{Lead, is_prose};

/// `prefix class min max`, one a line: the characters behind the prefix and how many there are.
const FORMS: &str = include_str!("data/secrets.txt");

const FORMED: Points = 92;
const NAMED: Points = 80;
/// Whatever else it may look like.
const PASSWORD: Points = 100;
/// A word in between leaves open what the token is.
const LIKELY_PASSWORD: Points = 70;
/// Characters of the shortest claims of a web token, `{}` among them.
const MIN_CLAIMS: usize = 3;
/// Bytes by which a token is judged; one that is taken goes on to its end.
const JUDGED_BYTES_MAX: usize = 512;
/// Bytes at the end of what is judged that may be missing for its end to be known.
const MARGIN_BYTES: usize = 64;
/// Characters of the shortest rest of a key on the next line.
const MIN_REST: usize = 6;
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
    // What was read to its end is not read again for each word in it.
    let (mut done, mut words) = (0, 0);
    for mention in reading.cues(named) {
        if mention.range.start < done {
            continue;
        }
        match following(reading, mention, words) {
            Following::Secret(finding) => {
                done = finding.range.end;
                findings.push(finding);
            }
            Following::Link(end) => done = end,
            Following::Words(end) => words = end,
            Following::Nothing => {}
        }
    }
}

fn secret(reading: &Reading<'_>, range: Range<usize>, points: Points) -> Option<Finding> {
    let mut written = String::from_utf8(reading.cased(range.clone())).ok()?;
    written.retain(|character| character != '\n');
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
    let run = |from: usize| bytes[from..].iter().take(max + 1).take_while(|byte| fits(byte)).count();
    let mut len = run(from);
    let rest = rest_of_key(reading, from + len, run);
    if rest > 0 && len > 0 && (min..=max).contains(&(len + rest)) {
        let body = [&bytes[from..from + len], &bytes[from + len + 1..from + len + 1 + rest]].concat();
        let varied = body.iter().any(u8::is_ascii_digit) && matches!(class, b'x' | b'a' | b'u' | b'w' | b'b');
        return varied.then(|| secret(reading, start..from + len + 1 + rest, FORMED))?;
    }
    len = len.min(max + 1);
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

/// The length of what a line break at `end` may have cut off a key, by the `run` of characters of it; zero if that is a word.
fn rest_of_key(reading: &Reading<'_>, end: usize, run: impl Fn(usize) -> usize) -> usize {
    let bytes = reading.text.as_bytes();
    if bytes.get(end) != Some(&b'\n') {
        return 0;
    }
    let len = run(end + 1);
    let rest = reading.cased(end + 1..end + 1 + len);
    let count = |is: fn(&u8) -> bool| rest.iter().filter(|byte| is(byte)).count();
    let digits = count(u8::is_ascii_digit);
    let mixed = count(u8::is_ascii_uppercase) > 1 && count(u8::is_ascii_lowercase) > 1;
    let ends = bytes.get(end + 1 + len).is_none_or(|next| matches!(next, b' ' | b'\n' | b'.' | b'"' | b'\''));
    let is_rest = len >= MIN_REST && digits > 0 && (mixed || digits > 1 && digits < len);
    if is_rest && ends { len } else { 0 }
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

/// What a word for a secret introduces.
enum Following {
    Secret(Finding),
    /// The way to a page about it, and where that ends.
    Link(usize),
    /// Words in which nothing looks like a password, and where they end.
    Words(usize),
    Nothing,
}

/// Reads what a word introduces; up to `words` there are nothing but words, and only what is said to be a password is one there.
fn following(reading: &Reading<'_>, mention: &Mention, words: usize) -> Following {
    if is_of_a_path(reading.text, &mention.range) {
        return Following::Nothing;
    }
    let mut lead = Lead::read(reading, mention.range.end);
    let rest = &reading.text[lead.at..];
    if rest.starts_with("https://") || rest.starts_with("http://") {
        return Following::Link(token::link_end(reading.text, lead.at));
    }
    if rest.starts_with("basic ") && reading.text[mention.range.clone()].contains("authorization") {
        lead.at += 6;
    }
    let is_password = mention.cues.meets(Cues::PASSWORD);
    if is_password && !lead.said && lead.at < words {
        return Following::Nothing;
    }
    let ends = if is_password { Ends::password(reading.text, mention) } else { Ends::KEY };
    let mut judged = ends.read(reading.text, lead.at, JUDGED_BYTES_MAX);
    if !is_password
        && judged.len() >= MIN_REST
        && reading.text[judged.clone()].contains(|c: char| c.is_ascii_digit())
    {
        let run = |from| Ends::KEY.read(reading.text, from, JUDGED_BYTES_MAX).len();
        let rest = rest_of_key(reading, judged.end, run);
        judged.end += if rest > 0 { 1 + rest } else { 0 };
    }
    let written = reading.cased(judged.clone());
    if written.is_empty() || written.contains(&crate::fold::OPAQUE) {
        return Following::Nothing;
    }
    let points = if is_password { password(&written, &lead) } else { is_key(&written).then_some(NAMED) };
    let Some(points) = points else {
        let end = judged.end;
        return if is_password && !looks_like_password(&written) {
            Following::Words(end)
        } else {
            Following::Nothing
        };
    };
    let whole = if judged.len() + MARGIN_BYTES < JUDGED_BYTES_MAX {
        judged
    } else {
        ends.read(reading.text, lead.at, usize::MAX)
    };
    secret(reading, whole, points).map_or(Following::Nothing, Following::Secret)
}

/// Whether a word is one of the names of a path in source text, such as that of a frame in a backtrace.
fn is_of_a_path(text: &str, word: &Range<usize>) -> bool {
    text[..word.start].ends_with("::") && text[word.end..].starts_with("::")
}

/// Whether a token is a key rather than a word: long, of letters and digits.
fn is_key(token: &[u8]) -> bool {
    let digits = token.iter().filter(|byte| byte.is_ascii_digit()).count();
    let letters = token.iter().filter(|byte| byte.is_ascii_alphabetic()).count();
    token.len() >= MIN_TOKEN && letters >= 2 && digits >= 2 || token.len() >= 24 && entropy(token) > 3.5
}

/// What a token behind a word for a password scores, if it is one rather than a word about passwords.
fn password(token: &[u8], lead: &Lead) -> Option<Points> {
    let text = std::str::from_utf8(token).ok()?;
    // At least four characters.
    text.chars().nth(3)?;
    let first = text.split(token::DELIMITERS).next().unwrap_or(text).to_ascii_lowercase();
    if is_prose(&first) {
        return None;
    }
    if is_reference(token) {
        return None;
    }
    let has_digit = token.iter().any(u8::is_ascii_digit);
    let is_one = if text.starts_with(|first: char| first.is_ascii()) {
        looks_like_password(token) || lead.said && text.is_ascii()
    } else {
        // A word of a sentence may touch a number, but not as part of one token.
        has_digit && (lead.said || !token.iter().any(|byte| is_telling(*byte)))
    };
    is_one.then_some(if lead.said || !lead.filled { PASSWORD } else { LIKELY_PASSWORD })
}

/// Whether a token only names where a value comes from: `${DB_PASSWORD}`, `$DB_PASSWORD`, `{{password}}`.
fn is_reference(token: &[u8]) -> bool {
    let is_name = |name: &[u8]| {
        name.contains(&b'_') && name.iter().all(|byte| byte.is_ascii_uppercase() || matches!(byte, b'_'))
    };
    match token {
        [b'$', b'{', .., b'}'] | [b'{', b'{', .., b'}', b'}'] => true,
        [b'$', name @ ..] => is_name(name),
        _ => false,
    }
}

/// Whether a token has what words have not. If it has nothing of it, no part of it has.
fn looks_like_password(token: &[u8]) -> bool {
    let capitals = || {
        let behind = token.get(1..).unwrap_or_default();
        behind.iter().any(u8::is_ascii_uppercase) && token.iter().any(u8::is_ascii_lowercase)
    };
    token.iter().any(|byte| byte.is_ascii_digit() || is_telling(*byte)) || capitals()
}

fn is_telling(byte: u8) -> bool {
    byte.is_ascii_punctuation() && !b"-'_/,;|{}<>".contains(&byte)
}

/// Lets what is said to be a password take what it overlaps: a number or an address in its place is the password, all of it.
pub(super) fn absorb(group: &mut [Finding]) {
    let is_password = |finding: &Finding| finding.kind == Kind::Secret && finding.points == PASSWORD;
    if !group.iter().any(is_password) {
        return;
    }
    group.sort_by_key(|finding| (finding.range.start, !is_password(finding)));
    let mut open: Option<&mut Finding> = None;
    for finding in group {
        match open.as_mut().filter(|password| finding.range.start < password.range.end) {
            Some(password) if finding.range.end > password.range.end => {
                password.range.end = finding.range.end;
                password.normal = Normal::Folded;
            }
            Some(_) => {}
            None => open = is_password(finding).then_some(finding),
        }
    }
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
